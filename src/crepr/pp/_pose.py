from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr._progress import tqdm
from crepr.get._crop_reader import REGISTER_CROPS, crop_reader, mask_reader
from crepr.get._limits import intensity_limits
from crepr.images._find_foreground import find_foreground
from crepr.images._measure_pose import MEASURES, N_ANGLES, measure_pose

if TYPE_CHECKING:
    from anndata import AnnData

    from crepr._types import Data

log = logging.getLogger(__name__)

COLUMNS = ("angle", "angle_confidence", "polarity", "polarity_confidence", "area", "eccentricity", "solidity")


def pose(
    data: Data,
    channel: str | Sequence[str] | None = None,
    *,
    use_masks: bool | None = None,
    min_confidence: float = 0.01,
    prefix: str = "",
    mod: str | None = None,
    batch_size: int = 1024,
    progress: bool = True,
    copy: bool = False,
) -> Data | None:
    r"""Measure how cells lie: where, in which direction, how large, of which outline?

    :func:`crepr.tl.train_mevae` and the other models with corrected cells take it from here. The outline is that of the
    mask or, where there are no masks, the brightest part of the picture of `channel` above Otsu's threshold
    :cite:p:`Otsu1979`; the major axis is then that of its light.

    A direction is only told where there is one: the major axis of a round cell, and the polarity of a symmetric one, are
    NaN, and so is everything of a cell without a pixel. They are counted in `.uns['pose']`.

    Do not use it on crops with several cells and no masks: it measures the brightest.

    Parameters
    ----------
    data
        Annotated data with crops (:func:`crepr.pp.crops`), and best masks (:func:`crepr.pp.masks`).
    channel
        Channel, or channels, whose light tells the polarity, and without masks the outline; scaled as
        :func:`crepr.pp.intensity` decided, and averaged. All channels in use by default, where there are masks.
    use_masks
        Take outlines from masks; by default where they are registered.
    min_confidence
        Least confidence of a direction that is told, see below.
    prefix
        Of the columns of `.obs`, where it has such columns already: `'nuclear_'` writes `'nuclear_angle'`. Models correct by the
        pose that was measured last.
    mod
        Modality of a MuData; by default the one with crops.
    batch_size
        Cells read at a time; changes memory, not results.
    progress
        Show a bar.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality, with lengths in pixels of the images and directions in degrees,
    counter-clockwise on the screen from the x axis:

    `.obs['angle']`, `.obs['angle_confidence']` : float
        Direction of the major axis, 0 to 180; and :math:`(\lambda_1 - \lambda_2) / (\lambda_1 + \lambda_2)` of the variances along the axes,
        0 for a round cell and 1 for a line.
    `.obs['polarity']`, `.obs['polarity_confidence']` : float
        Direction from the centroid to the centre of mass of the light, 0 to 360; and the distance between both as a share
        of the radius of a disc of the cell's area.
    `.obs['area']`, `.obs['eccentricity']`, `.obs['solidity']` : float
        Pixels; focal distance over major axis of the ellipse of the same moments; share of the convex hull.
    `.obsm['pose']` : :class:`pandas.DataFrame`
        What the models correct by: `y`, `x`, the centroid in the image or in the ready-made crop; `angle`, `polarity` and `area` as above;
        `radius_0` to `radius_63`, the distance of the outline from the centroid in directions 0, 5.625, ... degrees.
    `.uns['pose']` : :class:`dict`
        `params`, `prefixes` of all columns written so far, and `counts`: cells without outline (`empty`), without major axis (`round`), without polarity
        (`symmetric`), and that reach the border of their window (`cut`).

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If crops, or masks that are asked for, are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are neither masks nor a channel, a channel is not in the image, pixels are not finite, no cell has an outline (as
        where masks lack all labels), or `.obs` or `.obsm` holds something of these names that this function did not write.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.pp.pose(mdata, "DAPI")
    >>> mdata["stain"].obs[["angle", "polarity", "area"]].describe()
    """
    data = _access.copied(data) if copy else data
    adata = _access.modality(data, mod, having=_keys.CROPS, hint=REGISTER_CROPS)
    _validate.integer("batch_size", batch_size, minimum=1)
    threshold = _validate.number("min_confidence", min_confidence, minimum=0)
    if not isinstance(channel, str | Sequence | None):
        raise TypeError(f"channel must be the name of a channel or a list of names, got {channel!r}.")
    channels = [channel] if isinstance(channel, str) else channel
    by_masks = _keys.MASKS in adata.obsm if use_masks is None else bool(use_masks)
    if not by_masks and channels is None:
        raise ValueError(
            "There are no masks to take the pose from, and channel is None. Run cr.pp.masks first, or set channel to the "
            f"stain that shows where the cell is, one of {_validate.listing(crop_reader(adata).channels)}."
        )
    if not (isinstance(prefix, str) and not prefix):
        _validate.key("prefix", prefix)
    prefixes = _claim(adata, prefix)
    measures, radius = _measure(adata, channels, by_masks=by_masks, batch_size=batch_size, progress=progress)
    table = pd.DataFrame(measures, columns=list(MEASURES), index=adata.obs_names)
    empty = table["area"].isna()
    if empty.all():
        where = "pixel with its label in its mask" if by_masks else "part above the threshold in its picture"
        raise ValueError(f"None of the {len(table)} cells has a {where}. Check cr.pl.crops, and what was registered.")
    table = table.rename(columns={"elongation": "angle_confidence", "offset": "polarity_confidence"})
    unclear = {}
    for name, kind in (("angle", "round"), ("polarity", "symmetric")):
        below = ~(table[f"{name}_confidence"] >= threshold)
        table.loc[below, [name, f"{name}_confidence"]] = np.nan
        unclear[kind] = int((below & ~empty).sum())
    counts = {"empty": int(empty.sum()), **unclear, "cut": int((table["cut"] == 1).sum())}
    log.info("pose of %d cells: %s", len(table), counts)
    _record.own(adata)
    adata.obs[[prefix + name for name in COLUMNS]] = table[list(COLUMNS)]
    outline = pd.DataFrame(radius, columns=[f"radius_{i}" for i in range(N_ANGLES)], index=adata.obs_names)
    corrected_by = table[["y", "x", "angle", "polarity", "area"]].astype(np.float32)
    adata.obsm[_keys.POSE] = pd.concat([corrected_by, outline], axis=1)
    params = {"channel": channels, "use_masks": by_masks, "min_confidence": threshold, "prefix": prefix}
    _record.record(adata, _keys.POSE, function="pose", params=params, counts=counts, prefixes=prefixes)
    return data if copy else None


def _claim(adata: AnnData, prefix: str) -> list[str]:
    """Raise before anything is written over that no earlier call wrote; return the prefixes of those and of this one."""
    entry, written = adata.uns.get(_keys.POSE), adata.obsm.get(_keys.POSE)
    if entry is None and isinstance(written, pd.DataFrame) and f"radius_{N_ANGLES - 1}" in written:
        # ours, of objects whose .uns was dropped when they were joined
        entry = {"function": "pose", "prefixes": [prefix]}
    there = _keys.POSE in adata.obsm
    _record.claim(entry, "pp.pose", f".obsm has an entry {_keys.POSE!r}", there=there, hint="Rename or delete it.")
    prefixes = [] if entry is None else [str(each) for each in entry.get("prefixes", ())]
    for name in (prefix + column for column in COLUMNS):
        hint = "Set prefix, such as 'cell_', or rename it."
        ours = entry if prefix in prefixes else None
        _record.claim(ours, "pp.pose", f".obs has a column {name!r}", there=name in adata.obs, hint=hint)
    return list(dict.fromkeys([*prefixes, prefix]))


def _measure(
    adata: AnnData, channels: Sequence[str] | None, *, by_masks: bool, batch_size: int, progress: bool
) -> tuple[np.ndarray, np.ndarray]:
    import torch

    from crepr.train._crop_input import CropInput

    reader = crop_reader(adata, channels=channels)
    picture = CropInput(reader, intensity_limits(adata, reader.channels))
    outlines = mask_reader(adata, size=reader.size) if by_masks else None
    labels = _access.references(adata, _keys.MASKS)["label"].to_numpy(np.int64) if by_masks else None
    order = reader.order(np.arange(reader.n_obs))
    parts: list[Any] = []
    for start in tqdm(range(0, reader.n_obs, batch_size), desc="pose", unit="batch", disable=not progress):
        cells = order[start : start + batch_size]
        planes = picture.assemble(picture.read(cells), pose=None, device=torch.device("cpu"))["planes"]
        light = planes.mean(1).numpy()
        _validate.finite("The crops", light, cells=adata.obs_names[cells])
        if outlines is None or labels is None:
            own, light = find_foreground(light)
        else:
            own = outlines.read(cells)[:, 0] == labels[cells, None, None]
        measures, radius = measure_pose(own, light, weighted=not by_masks)
        measures[:, :2] += np.stack([reader.top[cells], reader.left[cells]], axis=1)
        parts.append((measures, radius))
    measures, radius = (np.concatenate(arrays)[np.argsort(order)] for arrays in zip(*parts, strict=True))
    return measures, radius
