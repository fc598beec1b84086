"""Run the training, on whatever hardware there is."""

from __future__ import annotations

import logging
import signal
import tempfile
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import pandas as pd
import torch
from lightning.pytorch.callbacks import EarlyStopping

from crepr.train._callbacks import BEST, LAST, Checkpoint, History, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crepr.train._plan import TrainingPlan


#: What Lightning warns of that is no fault of the caller.
NOISE = (
    ".*available but not used.*",
    ".*checkpointing is disabled.*",
    ".*LeafSpec.* is deprecated.*",
)


@dataclass(frozen=True)
class Hardware:
    """What Lightning's `Trainer` is told of the machine."""

    accelerator: str = "auto"
    devices: int | str | list[int] = 1
    num_nodes: int = 1
    strategy: Any = "auto"
    precision: Any = "32-true"
    options: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise if CUDA is asked for where there is none."""
        if self.accelerator in ("cuda", "gpu") and not torch.cuda.is_available():
            mps = torch.backends.mps.is_available() and self.accelerator == "gpu"
            if not mps:
                raise ValueError(
                    f"accelerator={self.accelerator!r}, but torch {torch.__version__} sees no CUDA device. "
                    "Set accelerator='auto' or 'cpu', or install a CUDA build of torch and a driver for it."
                )


def fit(
    plan: TrainingPlan,
    *,
    identity: str,
    hardware: Hardware,
    checkpoint_dir: Path | None = None,
    resume: bool = False,
    patience: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train `plan.network` in place; return the history, one row per epoch.

    With validation cells the weights are those of the epoch of least validation loss, else those of the last.

    Parameters
    ----------
    plan
        What to train.
    identity
        What tells this run from others (model, data, options, seed): a run is resumed only by itself.
    hardware
        Where to train.
    checkpoint_dir
        Folder of the checkpoints, `last.ckpt` and `best.ckpt`; a temporary one if `None`.
    resume
        Go on from `last.ckpt` where there is one.
    patience
        Stop after that many epochs without a lower validation loss.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        If the folder holds a checkpoint and `resume` is false, or one of another run.
    FloatingPointError
        If the loss is no longer finite.
    """
    temporary = None
    if checkpoint_dir is None:
        temporary = tempfile.TemporaryDirectory(prefix="crepr-")
        checkpoint_dir = Path(temporary.name)
    try:
        last = _earlier_run(checkpoint_dir, identity, resume=resume)
        monitor = "val_loss" if len(plan.validation_cells) else None
        callbacks: list[L.Callback] = [History()]
        if patience is not None:
            callbacks.append(EarlyStopping("val_loss", patience=patience, check_finite=False))
        if progress:
            callbacks.append(Progress())
        # last, so that it holds what the others have noted of the epoch
        callbacks.append(Checkpoint(checkpoint_dir, monitor=monitor))
        with _quiet_lightning():
            trainer = L.Trainer(
                accelerator=hardware.accelerator,
                devices=hardware.devices,
                num_nodes=hardware.num_nodes,
                strategy=hardware.strategy,
                precision=hardware.precision,
                max_epochs=plan.optimisation.max_epochs,
                callbacks=callbacks + list(hardware.options.get("callbacks", [])),
                reload_dataloaders_every_n_epochs=1,
                num_sanity_val_steps=0,
                limit_val_batches=1.0 if monitor else 0,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                **{"logger": False, **{key: value for key, value in hardware.options.items() if key != "callbacks"}},
            )
            with _interruptible():
                trainer.fit(plan, ckpt_path=last, weights_only=True if last else None)
        # read back from disk: with several processes the training went on in others than this one
        checkpoint_dir = trainer.strategy.broadcast(checkpoint_dir)
        state = torch.load(checkpoint_dir / LAST, map_location="cpu", weights_only=True)
        history = pd.DataFrame(state["callbacks"]["History"]["epochs"])
        history.index.name = "epoch"
        if monitor is not None:
            state = torch.load(checkpoint_dir / BEST, map_location="cpu", weights_only=True)
        prefix = "network."
        plan.network.load_state_dict(
            {
                name.removeprefix(prefix): values
                for name, values in state["state_dict"].items()
                if name.startswith(prefix)
            }
        )
        trainer.strategy.barrier()  # the first process removes a temporary folder when all have read it
        return history
    finally:
        if temporary is not None:
            temporary.cleanup()


def _earlier_run(folder: Path, identity: str, *, resume: bool) -> Path | None:
    """Return the checkpoint to go on from, and mark the folder as this run's."""
    mark, last = folder / "run.json", folder / LAST
    if last.exists():
        if not resume:
            raise ValueError(
                f"checkpoint_dir={str(folder)!r} holds the checkpoint of an earlier run. "
                "Set resume=True to go on from it, or give another folder."
            )
        if not mark.exists() or mark.read_text() != identity:
            raise ValueError(
                f"checkpoint_dir={str(folder)!r} holds a run with other data, options or seed. "
                "Give the same ones to resume it, or another folder."
            )
        return last
    mark.write_text(identity)
    return None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the exit that Lightning makes of an interrupt back into one, so that a notebook lives on."""
    handler = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    try:
        yield
    except SystemExit as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt):
            raise
        raise KeyboardInterrupt(
            "Training was interrupted; checkpoint_dir and resume=True go on from the last finished epoch."
        ) from None
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence what Lightning says of hardware that was not asked for; errors and other warnings pass."""
    names = (
        "lightning.pytorch",
        "lightning.fabric",
        "lightning.pytorch.utilities.rank_zero",
        "lightning.fabric.utilities.rank_zero",
    )
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in NOISE:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
