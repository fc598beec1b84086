"""The only writer of `.uns`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from anndata import AnnData

from crepr._version import __version__
from crepr._warn import names_may_repeat

if TYPE_CHECKING:
    from crepr._types import Data


def record(data: Data, key: str, **entries: Any) -> None:
    """Write `.uns[key]` in one assignment, with the version of crepr that wrote it.

    Parameters
    ----------
    data
        Object whose `.uns` is written.
    key
        Key in `.uns`; what stood there is replaced as a whole.
    entries
        `params`, `results`, ...; made storable by :func:`plain`.
    """
    own(data)
    data.uns[key] = plain({**entries, "crepr_version": __version__})


def claim(
    entry: Any, function: str, where: str, *, there: bool, hint: str = "Set key_added to another name, or delete it."
) -> None:
    """Raise if what is `there` was not written by `function`, such as `'tl.classify'`, as the record `entry` beside it tells."""
    ours = isinstance(entry, Mapping) and entry.get("function") == function.rpartition(".")[2]
    if there and not ours:
        raise ValueError(f"{where} that cr.{function} did not write. {hint}")


def own(data: Data) -> None:
    """Make a view an object of its own before it is written to, as anndata does at the first write, with a warning."""
    if isinstance(data, AnnData) and data.is_view:
        with names_may_repeat():
            data.obs_names = cast("Any", data.obs_names)


@contextmanager
def all_or_nothing(data: Data, parts: Iterable[Data]) -> Iterator[None]:
    """Take back what was written to data and to parts of them if not all of it can be."""
    items: list[Any] = [data, *parts]
    before = [(item, dict(item.uns), item.obs.copy(deep=False), dict(item.obsm)) for item in items]
    try:
        yield
    except BaseException:
        for item, uns, obs, obsm in before:
            item.obs, item.obsm = obs, obsm
            item.uns.clear()
            item.uns.update(uns)
        raise


def record_image(data: Data, library: str, name: str, pixels: np.ndarray) -> None:
    """Write `.uns['spatial'][library]['images'][name]`, where scanpy and squidpy keep images."""
    data.uns.setdefault("spatial", {}).setdefault(library, {}).setdefault("images", {})[name] = pixels


def plain(value: Any) -> Any:
    """Convert to what survives h5ad, h5mu and zarr.

    None, bool, int, float, str, arrays, DataFrames and nested dicts with str keys. A sequence becomes an array,
    a dataclass a dict, a path a str; other objects raise :class:`TypeError`, so that nothing is lost unseen.
    """
    if value is None or isinstance(value, bool | int | float | str | np.ndarray | pd.DataFrame):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, PurePath):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | pd.Index | range):
        items = sorted(value) if isinstance(value, set | frozenset) else list(value)
        # an empty array of objects cannot be written, one of strings can
        return np.array(items, dtype=None if items else str)
    raise TypeError(
        f"{type(value).__name__} cannot be stored in .uns; convert it to an array, a table, a number or text first."
    )
