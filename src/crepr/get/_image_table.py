"""The images that references point to: how they are recorded, and opened again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys
from crepr.get._registered import registered
from crepr.images._open import open_source
from crepr.images._open_memory import JOINING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from anndata import AnnData

    from crepr.images._source import Source

# name of the one channel of a label image
LABEL = "label"
REGISTER = {_keys.CROPS: "cr.pp.crops", _keys.MASKS: "cr.pp.masks"}


def image_table(sources: Iterable[Source]) -> pd.DataFrame:
    """Write down what is needed to open images again: one row per uri.

    Columns: `axes` and `shape` as crepr reads them, `stored_axes` as they lie in the file, `channels` (JSON, like
    `shape` and `files`), `pixel_type`, `pixel_size` (micrometres, NaN where unknown), `files` (what stands for the `*` of the uri, where
    each channel has a file of its own).
    """
    sources = list(sources)
    return pd.DataFrame(
        {
            "axes": [source.axes for source in sources],
            "stored_axes": [source.stored_axes for source in sources],
            "channels": [json.dumps(list(source.channels)) for source in sources],
            "shape": [json.dumps([int(n) for n in source.array.shape]) for source in sources],
            "pixel_type": [source.dtype.name for source in sources],
            "pixel_size": [np.nan if source.pixel_size is None else source.pixel_size for source in sources],
            "files": [json.dumps(list(source.files)) for source in sources],
        },
        index=[source.uri for source in sources],
    )


def recorded_image(adata: AnnData, key: str, uri: str) -> dict[str, Any]:
    """Return what `.uns[key]` says about an image, as options of :func:`open_source`, and its `shape` and `dtype`.

    Empty where joining objects has dropped it; the file itself must tell then.
    """
    table = registered(adata, key).get("images")
    if table is None or uri not in table.index:
        return {}
    row = table.loc[uri]
    return {
        "axes": str(row["stored_axes"]),
        "channels": json.loads(row["channels"]),
        "pixel_size": None if np.isnan(row["pixel_size"]) else float(row["pixel_size"]),
        "files": json.loads(row.get("files", "[]")) or None,
        "shape": json.loads(row["shape"]),
        "dtype": str(row["pixel_type"]) if "pixel_type" in row else None,
    }


def referenced_images(adata: AnnData, key: str) -> list[str]:
    """List the uris that cells refer to; every cell must refer to one."""
    column = _access.references(adata, key)["image"]
    missing = int(column.isna().sum())
    if missing:
        raise ValueError(
            f"{missing} of {adata.n_obs} cells have no image in .obsm[{key!r}]. "
            f"Remove them, or register all cells again with {REGISTER[key]}."
        )
    return [str(uri) for uri in column.astype("category").cat.remove_unused_categories().cat.categories]


def open_images(
    adata: AnnData,
    key: str,
    *,
    moved: Mapping[str, str] | None = None,
    axes: str | None = None,
    channels: Sequence[str] | None = None,
    pixel_size: float | None = None,
) -> dict[str, Source]:
    """Open the images that cells refer to, as they were registered.

    Parameters
    ----------
    adata
        Holds `.obsm[key]` and, unless joining has dropped it, `.uns[key]`.
    key
        `'crops'` or `'masks'`.
    moved
        Where images lie now; the sources are returned under these uris.
    axes, channels, pixel_size
        Win over what is recorded.

    Raises
    ------
    FileNotFoundError, KeyError
        If an image is gone; says how to name its new place, or to keep an array when objects are joined.
    ValueError
        If a file is damaged, or an array is another one, or a file has another shape or type, than when it was registered, or files
        of one channel each are others.
    """
    verb = REGISTER[key]
    sources = {}
    for referenced in referenced_images(adata, key):
        options = recorded_image(adata, key, referenced)
        uri = referenced if moved is None else moved[referenced]
        shape, dtype = options.pop("shape", None), options.pop("dtype", None)
        given = {"axes": axes, "channels": channels, "pixel_size": pixel_size}
        options |= {name: value for name, value in given.items() if value is not None}
        try:
            source = open_source(uri, **options, arrays=adata.uns)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error} Cells refer to it in .obsm[{key!r}]. If it was moved, call "
                f"{verb}(data, relocate={{'old folder or uri': 'new folder or uri'}})."
            ) from error
        except KeyError as error:
            raise KeyError(
                f"{error.args[0]} Cells refer to it in .obsm[{key!r}], and ad.concat drops .uns: put the array back, or "
                f"register it again with {verb}. {JOINING}"
            ) from error
        if shape is not None and axes is None and list(source.array.shape) != shape:
            raise ValueError(
                f"{uri!r} has the shape {tuple(source.array.shape)} ({source.axes}), but {tuple(shape)} when it was "
                f"registered: it was replaced, and positions may be wrong. Register it again with {verb}."
            )
        if dtype is not None and source.dtype.name != dtype:
            raise ValueError(
                f"{uri!r} holds {source.dtype}, but {dtype} when it was registered: it was replaced or is damaged. Register it "
                f"again with {verb}."
            )
        sources[uri] = source
    return sources


def common_channels(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the channels that all images have, in the order of the first."""
    first, *others = sources
    return tuple(name for name in first.channels if all(name in source.channels for source in others))


def default_channels(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the channels that all images have, without masks if there are others."""
    sources = list(sources)
    common = common_channels(sources)
    masks = {name for source in sources for name in source.masks}
    return tuple(name for name in common if name not in masks) or common
