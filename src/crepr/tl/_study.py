"""A search by optuna, in memory or in a file, that an interruption does not change."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from crepr import _validate
from crepr._atomic import writing
from crepr._only_one import only_one
from crepr._optional import optional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from crepr.tl._search_space import Range, Space

#: Name of the study in its file, and of what tells it from others.
NAME, IDENTITY, RESULT = "tune_vae", "identity", "result"
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
        _check_identity(study, storage, identity)
        for trial in study.get_trials(deepcopy=False, states=(state.RUNNING,)):
            # of a search that was stopped; it is tried again
            study.tell(trial.number, state=state.FAIL)
        distributions = {name: _distribution(optuna, tried) for name, tried in space.items()}
        done = len(_finished(study, state))
        step(done)
        for number in range(done, n_trials):
            study.sampler = optuna.samplers.TPESampler(seed=(seed + number) % 2**32)
            trial = study.ask(distributions)
            result = objective(_options(trial.params, space))
            trial.set_user_attr(RESULT, result)
            if result is None:
                # counts as the worst there is
                study.tell(trial, state=state.PRUNED)
            else:
                study.tell(trial, result["loss"])
            step(number + 1)
        return [(_options(trial.params, space), trial.user_attrs[RESULT]) for trial in _finished(study, state)]


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
            kept = optuna.storages.RDBStorage(f"sqlite:///{storage}")
            stack.callback(kept.engine.dispose)
            stack.callback(kept.remove_session)
        yield optuna.create_study(direction="minimize", storage=kept, study_name=NAME, load_if_exists=True)


def check_storage(path: Path) -> None:
    """Raise unless a search can be kept in this file."""
    _validate.writable_folder("storage", path.parent)
    if path.is_dir():
        raise ValueError(f"storage={str(path)!r} is a folder. Give the path of a file, such as 'search.db'.")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(SQLITE)) != SQLITE:
                raise ValueError(f"storage={str(path)!r} is no file of cr.tl.tune_vae. Give the path of another.")


def _check_identity(study: Any, storage: Path | None, identity: str) -> None:
    known = study.user_attrs.get(IDENTITY)
    if known is None:
        study.set_user_attr(IDENTITY, identity)
    elif known != identity:
        raise ValueError(
            f"storage={str(storage)!r} holds a search with other data, options, space or seed. Give the same ones to go on with it, or another file."
        )


def _finished(study: Any, state: Any) -> list[Any]:
    return study.get_trials(deepcopy=False, states=(state.COMPLETE, state.PRUNED))


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
