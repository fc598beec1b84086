from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.get._crop_reader import REGISTER_CROPS, crop_reader
from crepr.images._pixel_percentiles import pixel_percentiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from crepr._types import Data, Seed
    from crepr.images._crop_reader import CropReader

# cells whose windows lie in one band of this height are read together
BAND = 512


def intensity(
    data: Data,
    *,
    per: Literal["dataset", "cell", "crop"] = "dataset",
    percentiles: tuple[float, float] = (1, 99),
    mod: str | None = None,
    max_cells: int | None = 20_000,
    batch_size: int = 256,
    rng: Seed = 0,
    progress: bool = True,
    copy: bool = False,
) -> Data | None:
    """Decide how intensities are scaled to 0..1: which become black, which become white?

    Limits are computed in a stream, batch by batch, and recorded; they are applied when a batch is made, and no pixel is
    changed. Limits of the whole dataset keep cells comparable, so that a bright cell stays bright; limits of each cell
    take out staining and depth, and with them what is real of it. Without a record each crop is scaled from its minimum
    to its maximum, as :cite:p:`Moser2025` do.

    Parameters
    ----------
    data
        Annotated data with crops, see :func:`crepr.pp.crops`.
    per
        `'dataset'`: percentiles over the crops of all cells, per channel. `'cell'`: percentiles over each cell's own
        crop, per channel. `'crop'`: minimum and maximum of each crop; nothing is computed.
    percentiles
        Lower and upper, 0 to 100; not used for `per='crop'`. They are exact: images are counted, not sampled.
    mod
        Modality of a MuData; by default the one with crops.
    max_cells
        With `per='dataset'`, use a random sample of this many cells if there are more; `None` for all.
    batch_size
        Cells read at a time; changes memory, not results.
    rng
        Seed, or random generator, of the sample.
    progress
        Show a progress bar.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality `.uns['crops']['intensity']`:

    `['per']`, `['percentiles']`
        The options used. Only `per` where joining objects dropped the record and :func:`crepr.pp.crops` found the limits.
    `['limits']` : :class:`pandas.DataFrame`
        With `per='dataset'`: a row per channel, `low` and `high` in the units of the image.
    `['n_cells']` : :class:`int`
        Number of cells used.

    and with `per='cell'` `.obsm['crops_limits']`, a float32 DataFrame with columns `CHANNEL:low` and `CHANNEL:high`.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If no crops are registered.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `percentiles` or `rng` has the wrong type.
    ValueError
        If the percentiles are not in order within 0 to 100, pixels are NaN or infinite, or the name of a channel holds
        a slash (`per='cell'`), which no column of `.obsm` may.

    Warns
    -----
    UserWarning
        If both percentiles of a channel are equal: its crops become zeros.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.pp.intensity(mdata, percentiles=(1, 99.5))
    >>> mdata["stain"].uns["crops"]["intensity"]["limits"].columns.tolist()
    ['low', 'high']
    """
    _validate.choice("per", per, ["dataset", "cell", "crop"])
    ends = _ends(percentiles)
    batch_size = _validate.integer("batch_size", batch_size, minimum=1)
    generator = _validate.generator("rng", rng)
    data = _access.copied(data) if copy else data
    adata = _access.modality(data, mod, having=_keys.CROPS, hint=REGISTER_CROPS)
    reader = crop_reader(adata)
    entry: dict[str, object] = {"per": per}
    limits = None
    if per == "dataset":
        cells = _sample(adata.n_obs, max_cells, generator)
        table = _dataset_limits(adata, reader, cells, ends, batch_size, progress)
        entry |= {"percentiles": np.array(ends), "limits": table, "n_cells": len(cells)}
    elif per == "cell":
        limits = _cell_limits(adata, reader, ends, batch_size, progress)
        entry |= {"percentiles": np.array(ends), "n_cells": adata.n_obs}
    _record.own(adata)
    if limits is not None:
        adata.obsm[_keys.CROPS_LIMITS] = limits
    elif _keys.CROPS_LIMITS in adata.obsm:
        del adata.obsm[_keys.CROPS_LIMITS]
    _record.record(adata, _keys.CROPS, **{**adata.uns[_keys.CROPS], "intensity": entry})
    return data if copy else None


def _ends(percentiles: tuple[float, float]) -> tuple[float, float]:
    if isinstance(percentiles, str) or not np.iterable(percentiles):
        raise TypeError(f"percentiles must be two numbers, lower and upper, got {percentiles!r}. Write (1, 99).")
    values = tuple(_validate.number("percentiles", value, minimum=0) for value in percentiles)
    if len(values) != 2 or not values[0] < values[1] <= 100:
        raise ValueError(f"percentiles must be two numbers, lower and upper, from 0 to 100; got {percentiles}.")
    return values


def _sample(n_obs: int, max_cells: int | None, rng: np.random.Generator) -> np.ndarray:
    if max_cells is None or n_obs <= _validate.integer("max_cells", max_cells, minimum=1):
        return np.arange(n_obs)
    return np.sort(rng.choice(n_obs, max_cells, replace=False))


def _batches(
    adata: AnnData, reader: CropReader, cells: np.ndarray, batch_size: int, progress: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read cells that lie side by side together; raise if pixels are not finite."""
    cells = cells[reader.order(cells)]
    for start in tqdm(range(0, len(cells), batch_size), desc="Intensities", disable=not progress):
        batch = cells[start : start + batch_size]
        crops = reader.read(batch)
        if crops.dtype.kind == "f" and not np.isfinite(crops).all():
            bad = batch[~np.isfinite(crops).all(axis=(1, 2, 3))]
            which = _validate.listing(adata.obs_names[bad].tolist(), limit=5)
            files = _validate.listing(_access.references(adata, _keys.CROPS)["image"].iloc[bad].unique(), limit=3)
            raise ValueError(
                f"Crops in {files} hold NaN or infinite pixels (cells {which} and maybe others). Mend the image first."
            )
        yield batch, crops


def _dataset_limits(
    adata: AnnData,
    reader: CropReader,
    cells: np.ndarray,
    ends: tuple[float, float],
    batch_size: int,
    progress: bool,
) -> pd.DataFrame:
    values = pixel_percentiles(
        lambda: (crops for _, crops in _batches(adata, reader, cells, batch_size, progress)), ends
    )
    constant = [name for name, (low, high) in zip(reader.channels, values, strict=True) if low == high]
    if constant:
        warn(
            f"Percentiles {ends[0]:g} and {ends[1]:g} are equal in the channels {_validate.listing(constant)}: they are "
            f"constant, or nearly, and their crops become zeros. Leave them out, or set percentiles further apart."
        )
    return pd.DataFrame(values, columns=["low", "high"], index=list(reader.channels))


def _cell_limits(
    adata: AnnData, reader: CropReader, ends: tuple[float, float], batch_size: int, progress: bool
) -> pd.DataFrame:
    slashed = [name for name in reader.channels if "/" in name]
    if slashed:
        raise ValueError(
            f"Channels {_validate.listing(slashed)} hold a slash, with which a column of .obsm cannot be written. "
            f"Rename them: cr.pp.crops(data, channel_names=...)."
        )
    values = np.empty((2, adata.n_obs, len(reader.channels)), dtype=np.float32)
    for batch, crops in _batches(adata, reader, np.arange(adata.n_obs), batch_size, progress):
        flat = crops.reshape(*crops.shape[:2], -1)
        values[:, batch] = np.percentile(flat if flat.dtype.kind != "b" else flat.astype(np.uint8), ends, axis=-1)
    equal = (values[0] == values[1]).sum(axis=0)
    if equal.any():
        each = ", ".join(f"{name!r} in {n}" for name, n in zip(reader.channels, equal, strict=True) if n)
        warn(
            f"Percentiles {ends[0]:g} and {ends[1]:g} are equal in some of {adata.n_obs} cells (channel {each}): "
            f"their crops become zeros."
        )
    columns = {
        f"{name}:{end}": values[i, :, channel]
        for channel, name in enumerate(reader.channels)
        for i, end in enumerate(("low", "high"))
    }
    return pd.DataFrame(columns, index=adata.obs_names)
