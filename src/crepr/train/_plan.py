"""One optimisation step, and what of it is remembered."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import lightning as L
import numpy as np
import torch

from crepr.train._batches import Batches
from crepr.train._check_inputs import check_inputs

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._network import Network
    from crepr.models._objective import Objective
    from crepr.models._spatial_network import SpatialNetwork
    from crepr.train._view import Batch, View


@dataclass(frozen=True)
class Optimisation:
    """How to train: Adam, and whether its learning rate stays or falls along a cosine to 0."""

    lr: float = 1e-3
    batch_size: int = 64
    max_epochs: int = 40
    beta1: float = 0.9
    eps: float = 1e-8
    weight_decay: float = 0.0
    lr_schedule: Literal["constant", "cosine"] = "constant"

    def plain(self) -> dict[str, Any]:
        """As a dict of numbers and text."""
        return asdict(self)


class TrainingPlan(L.LightningModule):
    """Train a network on a view with an objective.

    Each epoch draws its order, poses and noise from the seed and its own number, so that a run that is resumed does
    what an uninterrupted one does.

    Parameters
    ----------
    network, objective, view
        What to train, for what, on what.
    training, validation
        Positions of the cells, `(n,)`; `validation` may be empty.
    optimisation
        Learning rate and the like.
    seed
        Seed of the run.
    """

    def __init__(
        self,
        network: Network | SpatialNetwork,
        objective: Objective,
        view: View,
        *,
        training: np.ndarray,
        validation: np.ndarray,
        optimisation: Optimisation,
        seed: int,
    ) -> None:
        super().__init__()
        self.network, self.objective, self.view = network, objective, view
        self.training_cells, self.validation_cells = training, validation
        self.optimisation, self.seed = optimisation, seed
        self._sums: dict[str, Tensor] = {}

    def configure_optimizers(self) -> Any:
        """Adam, as all the published systems but one."""
        options = self.optimisation
        optimizer = torch.optim.Adam(
            self.network.parameters(),
            lr=options.lr,
            betas=(options.beta1, 0.999),
            eps=options.eps,
            weight_decay=options.weight_decay,
        )
        if options.lr_schedule == "constant":
            return optimizer
        # stepped after each epoch
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.max_epochs)]

    def train_dataloader(self) -> Batches:
        """Return the batches of this epoch; asked for anew at each."""
        return self._batches(self.training_cells, epoch=self.trainer.current_epoch)

    def val_dataloader(self) -> Batches:
        """Return the batches of the held-out cells, in order, not turned."""
        return self._batches(self.validation_cells)

    def _batches(self, cells: np.ndarray, *, epoch: int | None = None) -> Batches:
        return Batches(
            self.view,
            cells,
            batch_size=self.optimisation.batch_size,
            seed=self.seed,
            epoch=epoch,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
            device=self.device,
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Leave it: it was made there, and to look through it for tensors takes as long as the step of a small network."""
        return batch

    def on_train_epoch_start(self) -> None:
        """Start the noise of this epoch and process; drawn on the CPU, so that it is the same on every device."""
        words = np.random.SeedSequence([self.seed, self.current_epoch, self.global_rank]).generate_state(1, np.uint64)
        self._noise = torch.Generator().manual_seed(int(words[0]) >> 1)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss, weighted so that each cell of all processes counts alike."""
        output = self.network(batch["inputs"], condition=batch.get("condition"), generator=self._noise)
        loss, terms = self.objective(output, batch, epoch=self.current_epoch)
        self._check(loss, terms, batch, f"step {batch_idx + 1}")
        self._remember("train", loss, terms, batch)
        return loss * batch["weight"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Record the loss of held-out cells at their latent means, with the weights that a warm-up ends with.

        With those of the epoch, losses of two epochs would not be of one kind, and the best be one of small weights.
        """
        output = self.network(batch["inputs"], condition=batch.get("condition"))
        loss, terms = self.objective(output, batch, epoch=sys.maxsize)
        self._check(loss, terms, batch, f"step {batch_idx + 1} of the validation")
        self._remember("val", loss, terms, batch)

    def on_train_epoch_end(self) -> None:
        """Stop before a checkpoint is written of weights that are no numbers."""
        bad = [name for name, values in self.network.state_dict().items() if not torch.isfinite(values).all()]
        if bad:
            self._stop(f"the weights of {bad[0]!r} are not finite")

    def _remember(self, stage: str, loss: Tensor, terms: dict[str, Tensor], batch: Batch) -> None:
        """Add to the sums of the epoch, on the device: to log each step takes as long as the step of a small network."""
        values = torch.stack([loss, *terms.values(), torch.ones_like(loss)]).detach() * len(batch["cells"])
        self._sums[stage] = values if stage not in self._sums else self._sums[stage] + values

    def take_means(self) -> dict[str, float]:
        """Return the means of the loss and of each term over the cells of the epoch, of all processes, and begin anew."""
        means: dict[str, float] = {}
        for stage, values in self._sums.items():
            total = cast("Tensor", self.trainer.strategy.reduce(values, reduce_op="sum"))
            names = [f"{stage}_{name}" for name in ("loss", *self.objective.terms)]
            means |= dict(zip(names, (total[:-1] / total[-1]).tolist(), strict=True))
        self._sums = {}
        return means

    def _check(self, loss: Tensor, terms: dict[str, Tensor], batch: Batch, step: str) -> None:
        if not torch.isfinite(loss):
            check_inputs(batch, self.view.names)
            bad = [name for name, value in terms.items() if not torch.isfinite(value)]
            self._stop(f"in {step} the loss is {float(loss.detach())}" + (f" (term {bad[0]!r})" if bad else ""))

    def _stop(self, what: str) -> None:
        raise FloatingPointError(
            f"Training stopped in epoch {self.current_epoch + 1} of {self.optimisation.max_epochs}: {what}. Most likely "
            f"the learning rate (lr={self.optimisation.lr:g}) is too high, or precision='16-mixed' overflows: lower lr, or train with precision='32-true'. "
            "The checkpoint of the last finished epoch is kept where checkpoint_dir was given."
        )
