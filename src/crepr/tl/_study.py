"""A search by optuna, in memory or in a file, that an interruption does not change."""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from crepr import _validate
from crepr._atomic import writing
from crepr._only_one import only_one
from crepr._optional import optional
from crepr._reading import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import ModuleType

    from crepr.tl._search_space import Range, Space

#: Name of the study in its file, and of what tells it from others.
NAME, IDENTITY, RESULT = "tune_vae", "identity", "result"
#: What a result tells.
RESULTS = ("loss", "train_loss", "epoch", "n_epochs")
SQLITE = b"SQLite format 3\0"


def search(
    objective: Callable[[dict[str, Any]], dict[str, Any] | None],
    space: Space,
    *,
    n_trials: int,
    seed: int,
    storage: Path | None,
    identity: str,
    step: Callable[[int], None],
) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Try options until there are so many trials; return those of each with its result.

    Parameters
    ----------
    objective
        From options to a result, whose `'loss'` is to be small, or None where there is none.
    space
        What may be tried.
    n_trials
        Trials in all, those of earlier calls with the same storage included.
    seed
        Each trial draws from it and its own number, so that a search that is gone on with does what an uninterrupted one does.
    storage
        File of the trials, or None.
    identity
        What tells this search from others.
    step
        Called with the number of trials that are done.
    """
    optuna = optional("optuna", extra="tune")
    state = optuna.trial.TrialState
    with _study(optuna, storage) as study:
        with _kept(storage):
            known = study.user_attrs.get(IDENTITY)
            if known is None:
                study.set_user_attr(IDENTITY, identity)
        if known is not None and known != identity:
            raise ValueError(
                f"storage={str(storage)!r} holds a search with other data, options, space or seed. Give the same ones to go on with it, or another file."
            )
        distributions = {name: _distribution(optuna, tried) for name, tried in space.items()}
        with _kept(storage):
            for trial in study.get_trials(deepcopy=False, states=(state.RUNNING,)):
                # of a search that was stopped; it is tried again
                study.tell(trial.number, state=state.FAIL)
            done = len(_found(study, state, space))
        step(done)
        for number in range(done, n_trials):
            study.sampler = optuna.samplers.TPESampler(seed=(seed + number) % 2**32)
            with _kept(storage):
                trial = study.ask(distributions)
                options = _options(trial.params, space)
            result = objective(options)
            with _kept(storage):
                trial.set_user_attr(RESULT, result)
                if result is None:
                    # counts as the worst there is
                    study.tell(trial, state=state.PRUNED)
                else:
                    study.tell(trial, result["loss"])
            step(number + 1)
        with _kept(storage):
            return _found(study, state, space)


@contextmanager
def _study(optuna: ModuleType, storage: Path | None) -> Iterator[Any]:
    with ExitStack() as stack:
        if storage is not None:
            stack.enter_context(only_one("storage", storage))
            stack.enter_context(writing("storage", storage))
        stack.callback(optuna.logging.set_verbosity, optuna.logging.get_verbosity())
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        kept = None
        if storage is not None:
            with _kept(storage):
                kept = optuna.storages.RDBStorage(f"sqlite:///{storage}")
            stack.callback(kept.engine.dispose)
            stack.callback(kept.remove_session)
        with _kept(storage):
            study = optuna.create_study(direction="minimize", storage=kept, study_name=NAME, load_if_exists=True)
        yield study


def check_storage(path: Path) -> None:
    """Raise unless a search can be kept in this file."""
    _validate.writable_folder("storage", path.parent)
    if path.is_dir():
        raise ValueError(f"storage={str(path)!r} is a folder. Give the path of a file, such as 'search.db'.")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(SQLITE)) != SQLITE:
                raise ValueError(f"storage={str(path)!r} is no file of cr.tl.tune_vae. Give the path of another.")
        # before anything is written to it: a file of something else stays as it is, and so does a damaged one
        with _kept(path), closing(sqlite3.connect(path)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found = [text for (text,) in database.execute("PRAGMA integrity_check(1)")]
            if found != ["ok"]:
                raise ValueError(str(found[0]))
        if tables and "studies" not in tables:
            raise ValueError(f"storage={str(path)!r} is no file of cr.tl.tune_vae. Give the path of another.")


def _kept(storage: Path | None) -> AbstractContextManager[None]:
    """Tell of a file of trials that is damaged, whatever SQLite or optuna make of it."""
    if storage is None:
        return nullcontext()
    return reading(
        storage,
        "as the storage of a search",
        then="It is damaged, or of another version of optuna. Give storage another file.",
    )


def _found(study: Any, state: Any, space: Space) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Return options and results of the trials that have come to an end."""
    trials = study.get_trials(deepcopy=False, states=(state.COMPLETE, state.PRUNED))
    found = [(_options(trial.params, space), trial.user_attrs[RESULT]) for trial in trials]
    for _, result in found:
        if result is not None and not all(isinstance(result[name], int | float) for name in RESULTS):
            raise TypeError(f"a result is {result!r}")
    return found


def _distribution(optuna: ModuleType, tried: Range | list[Any]) -> Any:
    if isinstance(tried, list):
        # lists are no choices of optuna
        return optuna.distributions.CategoricalDistribution([json.dumps(choice) for choice in tried])
    if tried.whole:
        return optuna.distributions.IntDistribution(int(tried.low), int(tried.high), log=True)
    return optuna.distributions.FloatDistribution(tried.low, tried.high, log=True)


def _options(params: dict[str, Any], space: Space) -> dict[str, Any]:
    return {
        name: json.loads(params[name]) if isinstance(tried, list) else params[name] for name, tried in space.items()
    }
