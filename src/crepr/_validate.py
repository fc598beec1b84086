"""Checks with messages that name the argument, the value and the next step."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pandas import NA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pandas as pd

    from crepr._types import PathLike


def listing(names: Iterable[Any], *, limit: int = 10) -> str:
    """Write names for a message: `'a', 'b', ... (12 in all)`."""
    names = list(names)
    if not names:
        return "none"
    text = ", ".join(repr(name) for name in names[:limit])
    return text if len(names) <= limit else f"{text}, ... ({len(names)} in all)"


def has_key(container: Collection[str], key: str, *, where: str, hint: str) -> None:
    """Raise a KeyError that lists what is there and ends in the next step; a TypeError for what is no name."""
    if not isinstance(key, str):
        raise TypeError(f"A key of {where} must be a str, got {key!r} of type {type(key).__name__}. {hint}")
    if key not in container:
        raise KeyError(f"No {key!r} in {where} (there are: {listing(container)}). {hint}")


def integer(name: str, value: Any, *, minimum: int, other: str = "") -> int:
    """Return an integer not below `minimum`; `other` names what is allowed beside integers."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer{other}, got {value!r} of type {type(value).__name__}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}.")
    return int(value)


def number(name: str, value: Any, *, minimum: float = -np.inf, exclusive: bool = False) -> float:
    """Return a finite number not below `minimum` (above it if `exclusive`)."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}.")
    if not np.isfinite(value) or value < minimum or (exclusive and value == minimum):
        raise ValueError(
            f"{name} must be a finite number {'above' if exclusive else 'of at least'} {minimum:g}, got {value}."
        )
    return float(value)


def shares(name: str, value: Any) -> tuple[float, float]:
    """Return two numbers that rise between 0 and 1."""
    array = np.asarray(value)
    if array.shape != (2,) or not np.issubdtype(array.dtype, np.number) or not 0 < array[0] < array[1] < 1:
        raise ValueError(f"{name} must be two numbers that rise between 0 and 1, such as (0.2, 0.8), got {value!r}.")
    return float(array[0]), float(array[1])


def n_iterations(value: Any) -> int:
    """Return a number of iterations, where a negative one goes on until nothing is gained."""
    if integer("n_iterations", value, minimum=-1) == 0:
        raise ValueError("n_iterations must not be 0; give a positive number, or -1 to go on until nothing is gained.")
    return int(value)


def grid(name: str, values: Any) -> list[Any]:
    """Return values to try, in rising order and each once; a number is a grid of one."""
    array = np.unique(np.atleast_1d(np.asarray(values)))
    if array.ndim != 1 or not len(array) or not np.issubdtype(array.dtype, np.number):
        raise ValueError(f"{name} must be a number or a sequence of numbers, got {values!r}.")
    return array.tolist()


def jobs(value: Any) -> int:
    """Return a number of tasks at the same time: not 0, and negative ones count from the number of cores."""
    if integer("n_jobs", value, minimum=-(2**31)) == 0:
        raise ValueError("n_jobs must not be 0; give a positive number, or -1 for one per core.")
    return int(value)


def names(option: str, value: Any) -> list[str]:
    """Return names, each once, of one, several or none."""
    if isinstance(value, str) or not np.iterable(value):
        found: list[Any] = [] if value is None else [value]
    else:
        found = list(value)
    if not all(isinstance(name, str) for name in found):
        raise TypeError(f"{option} must be a name or a list of names, got {value!r}.")
    return list(dict.fromkeys(found))


def choice(name: str, value: Any, options: Collection[Any]) -> Any:
    """Return `value` if it is one of the options."""
    # arrays are equal to nothing at all, and a missing value neither equal nor not
    if not isinstance(value, Hashable) or value is NA or value not in options:
        raise ValueError(f"{name} must be one of {listing(options, limit=50)}, got {value!r}.")
    return value


def options(name: str, value: Any) -> dict[str, Any]:
    """Return a mapping of options, or none, as a dict."""
    if not isinstance(value, Mapping | None):
        raise TypeError(f"{name} must be a dict of options, got {value!r}.")
    return dict(value or {})


def two_labels(labels: pd.Categorical, groupby: str) -> None:
    """Raise unless there is something to compare."""
    if len(labels.categories) < 2:
        raise ValueError(
            f"groupby={groupby!r} must have at least two labels, got {listing(labels.categories)}. Choose another column."
        )


def finite(name: str, array: np.ndarray, *, cells: pd.Index | None = None) -> None:
    """Raise if rows of `array` hold NaN or infinite values; says how many and which."""
    bad = np.flatnonzero(~np.isfinite(array).all(axis=tuple(range(1, array.ndim))))
    if len(bad):
        which = listing((cells[bad] if cells is not None else bad).tolist(), limit=5)
        raise ValueError(
            f"{name} holds NaN or infinite values in {len(bad)} of {len(array)} cells ({which}). Remove or impute them first."
        )


def squarable(name: str, array: np.ndarray) -> None:
    """Raise if `array` of floats holds values so large that sums of their squares may be infinite."""
    largest, limit = float(np.abs(array).max(initial=0)), float(np.sqrt(np.finfo(array.dtype).max)) * 1e-4
    if largest > limit:
        raise ValueError(
            f"{name} holds values of up to {largest:.3g}, and sums of squares above {limit:.3g} are not finite in {array.dtype}. "
            "Scale or remove them first."
        )


def generator(name: str, value: Any) -> np.random.Generator:
    """Return a random generator from a seed or a generator."""
    try:
        return np.random.default_rng(value)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{name} must be an integer of at least 0 or a numpy.random.Generator, got {value!r} of type "
            f"{type(value).__name__}."
        ) from error


def seed(name: str, value: Any) -> int:
    """Return a seed: the integer itself, or one that the generator draws."""
    if isinstance(value, np.random.Generator):
        return int(value.integers(2**31))
    return integer(name, value, minimum=0, other=" or a numpy.random.Generator")


def key(name: str, value: Any) -> str:
    """Return a key that files can hold: a str without slashes."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {value!r}.")
    if not value or "/" in value:
        raise ValueError(f"{name} must be a name without slashes, so that it can be written, got {value!r}.")
    return value


def some_cells(cells: pd.Index) -> None:
    """Raise if there are no cells."""
    if not len(cells):
        raise ValueError("There are no cells: data has 0 observations. Check how it was subset.")


def unique_cells(cells: pd.Index) -> None:
    """Raise if cell names are repeated."""
    repeated = cells[cells.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"obs_names must be unique; {len(repeated)} are repeated ({listing(repeated, limit=5)}). Call .obs_names_make_unique() first."
        )


def writable_folder(name: str, path: PathLike) -> Path:
    """Make a folder and prove that files can be written to it, before any work is done."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PermissionError(
            f"{name}={str(path)!r} cannot be written to ({error.strerror or error}). Give a folder that can."
        ) from error
    return folder
