"""Run the training, on whatever hardware there is."""

from __future__ import annotations

import signal
import tempfile
import threading
import zipfile
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import pandas as pd
import torch
from lightning.pytorch.utilities import rank_zero_only

from crepr._only_one import only_one
from crepr._reading import reading
from crepr.train._callbacks import BEST, LAST, Checkpoint, History, Patience, Progress, epochs_waited
from crepr.train._quiet import Quiet, quiet_lightning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crepr.train._hardware import Hardware
    from crepr.train._plan import TrainingPlan

#: What Lightning goes on from, beside weights and what callbacks have noted.
PARTS = ("epoch", "global_step", "pytorch-lightning_version", "loops", "optimizer_states", "lr_schedulers")


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
        Go on from `last.ckpt` where there is one; a run that has come to its end is returned as it is.
    patience
        Stop after that many epochs without a lower validation loss.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        If the folder holds a checkpoint and `resume` is false, or one of another run, of more epochs, or a damaged one;
        or if another process trains into it; or if an input is not finite.
    FloatingPointError
        If the loss is no longer finite.
    """
    temporary = None
    if checkpoint_dir is None:
        temporary = tempfile.TemporaryDirectory(prefix="crepr-")
        checkpoint_dir = Path(temporary.name)
    try:
        # of the processes of one run, which share the folder, the first has the lock
        with only_one("checkpoint_dir", checkpoint_dir) if _is_first() else nullcontext():
            last = _earlier_run(checkpoint_dir, identity, resume=resume)
            if last is not None and _is_finished(plan, checkpoint_dir, patience):
                return _read_back(plan, checkpoint_dir)
            trainer = _train(plan, hardware, checkpoint_dir, last=last, patience=patience, progress=progress)
            checkpoint_dir = trainer.strategy.broadcast(checkpoint_dir)
            history = _read_back(plan, checkpoint_dir)
            trainer.strategy.barrier()  # the first process removes a temporary folder when all have read it
            return history
    finally:
        if temporary is not None:
            temporary.cleanup()


def _is_first() -> bool:
    return rank_zero_only.rank == 0  # type: ignore[attr-defined, no-any-return]


def _train(
    plan: TrainingPlan,
    hardware: Hardware,
    folder: Path,
    *,
    last: Path | None,
    patience: int | None,
    progress: bool,
) -> L.Trainer:
    monitor = "val_loss" if len(plan.validation_cells) else None
    history = History()
    callbacks: list[L.Callback] = [Quiet(), history]
    if patience is not None:
        callbacks.append(Patience(history, patience))
    if progress:
        callbacks.append(Progress())
    # last, so that it holds what the others have noted of the epoch
    callbacks.append(Checkpoint(folder, monitor=monitor))
    options = dict(hardware.options)
    with quiet_lightning():
        trainer = L.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            num_nodes=hardware.num_nodes,
            strategy=hardware.strategy,
            precision=hardware.precision,
            max_epochs=plan.optimisation.max_epochs,
            callbacks=callbacks + list(options.pop("callbacks", [])),
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            limit_val_batches=1.0 if monitor else 0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            **{"logger": False, **options},
        )
        with _interruptible():
            trainer.fit(plan, ckpt_path=last, weights_only=True if last else None)
    return trainer


def _read_back(plan: TrainingPlan, folder: Path) -> pd.DataFrame:
    """Take weights and history from disk: with several processes the training went on in others than this one."""
    state = _load(folder / LAST, plan)
    history = pd.DataFrame(state["callbacks"]["History"]["epochs"])
    history.index.name = "epoch"
    if len(plan.validation_cells):
        state = _load(folder / BEST, plan)
    plan.network.load_state_dict(_weights(state))
    return history


def _load(path: Path, plan: TrainingPlan) -> dict[str, Any]:
    """Read a checkpoint; what is not whole, or not of this plan, must show before Lightning goes on from it."""
    with reading(
        path, "as a checkpoint", then=f"It is damaged or gone. Delete {LAST} in checkpoint_dir to start anew."
    ):
        with zipfile.ZipFile(path) as parts:
            # torch does not look at the checksums
            if (part := parts.testzip()) is not None:
                raise ValueError(f"the checksum of {part} differs")
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        epochs = state["callbacks"]["History"]["epochs"]
        if not epochs or not all(isinstance(value, float) for row in epochs for value in row.values()):
            raise ValueError("it has no history")
        missing = [name for name in PARTS if name not in state]
        if missing:
            raise KeyError(missing[0])
        found, expected = (
            {name: (values.shape, values.dtype) for name, values in weights.items()}
            for weights in (_weights(state), plan.network.state_dict())
        )
        if found != expected:
            raise ValueError("its weights are not those of this network")
    return state


def _weights(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    prefix = "network."
    return {
        name.removeprefix(prefix): values for name, values in state["state_dict"].items() if name.startswith(prefix)
    }


def _is_finished(plan: TrainingPlan, folder: Path, patience: int | None) -> bool:
    """Whether an earlier run has come to its end: trained on, it would not be what an uninterrupted one is."""
    epochs, max_epochs = _load(folder / LAST, plan)["callbacks"]["History"]["epochs"], plan.optimisation.max_epochs
    if len(plan.validation_cells):
        _load(folder / BEST, plan)  # or else its damage would show when the training is over
    if len(epochs) > max_epochs:
        raise ValueError(
            f"checkpoint_dir={str(folder)!r} holds a run of {len(epochs)} epochs, more than max_epochs={max_epochs}. "
            "Raise max_epochs, or give another folder."
        )
    return len(epochs) == max_epochs or (patience is not None and epochs_waited(epochs) >= patience)


def _earlier_run(folder: Path, identity: str, *, resume: bool) -> Path | None:
    """Return the checkpoint to go on from, and mark the folder as this run's."""
    mark, last = folder / "run.json", folder / LAST
    if last.exists():
        if not resume:
            raise ValueError(
                f"checkpoint_dir={str(folder)!r} holds the checkpoint of an earlier run. "
                "Set resume=True to go on from it, or give another folder."
            )
        if not mark.is_file() or mark.read_bytes() != identity.encode():
            raise ValueError(
                f"checkpoint_dir={str(folder)!r} holds a run with other data, options or seed, or run.json is damaged. "
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
