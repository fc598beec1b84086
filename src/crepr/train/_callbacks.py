"""What happens at the end of an epoch: history, checkpoint, progress."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, cast

import lightning as L

from crepr._atomic import atomic
from crepr._progress import tqdm

if TYPE_CHECKING:
    from pathlib import Path

    from crepr.train._plan import TrainingPlan
    from crepr.train._view import Batch

LAST, BEST = "last.ckpt", "best.ckpt"


class History(L.Callback):
    """Keep the mean of every term, epoch by epoch; part of the checkpoint."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add a row, and tell the callbacks and loggers that come after."""
        row = cast("TrainingPlan", pl_module).take_means()
        self.epochs.append(row)
        pl_module.log_dict(row)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the rows of an earlier run."""
        self.epochs = list(state_dict["epochs"])


def epochs_waited(epochs: list[dict[str, float]]) -> int:
    """Count the epochs since the one of least validation loss, from the rows of the history."""
    losses = [row["val_loss"] for row in epochs]
    return len(losses) - 1 - losses.index(min(losses))


class Patience(L.Callback):
    """Stop after so many epochs without a lower validation loss.

    Lightning's own is called after all others, so that a checkpoint would not know of the last epoch.
    """

    def __init__(self, history: History, patience: int) -> None:
        self.history, self.patience = history, patience

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop all processes, if it is time."""
        stop = epochs_waited(self.history.epochs) >= self.patience
        trainer.should_stop = trainer.should_stop or trainer.strategy.reduce_boolean_decision(stop, all=False)


class Checkpoint(L.Callback):
    """Write a checkpoint after each epoch, whole or not at all, and keep the one of least validation loss beside it."""

    def __init__(self, folder: Path, *, monitor: str | None) -> None:
        self.folder, self.monitor = folder, monitor
        self.best = float("inf")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write both, so that after a kill in between the epoch is trained again and writes them again."""
        better = self.monitor is not None and float(trainer.callback_metrics[self.monitor]) < self.best
        if better:
            self.best = float(trainer.callback_metrics[str(self.monitor)])
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.folder / LAST)  # all take part, the first process writes
            return
        with atomic("checkpoint_dir", self.folder / LAST) as partial:
            trainer.save_checkpoint(partial)
            if better:
                with atomic("checkpoint_dir", self.folder / BEST, nbytes=partial.stat().st_size) as best:
                    shutil.copyfile(partial, best)

    def state_dict(self) -> dict[str, Any]:
        """Return the least loss so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the least loss of an earlier run."""
        self.best = float(state_dict["best"])


class Progress(L.Callback):
    """Show one bar for the whole training, in the first process."""

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open the bar, at the epoch that a resumed run is at."""
        if trainer.is_global_zero:
            steps = int(trainer.num_training_batches)
            self.bar = tqdm(
                total=int(trainer.max_epochs or 0) * steps,
                initial=trainer.current_epoch * steps,
                desc="training",
                unit="batch",
            )

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Move on by one batch."""
        if self.bar is not None:
            self.bar.update()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the epoch and its losses."""
        if self.bar is not None:
            shown = {
                name: f"{float(trainer.callback_metrics[name]):.4g}"
                for name in ("train_loss", "val_loss")
                if name in trainer.callback_metrics
            }
            self.bar.set_postfix(epoch=f"{trainer.current_epoch + 1}/{trainer.max_epochs}", **shown)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
