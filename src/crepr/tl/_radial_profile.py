from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.get._crop_reader import REGISTER_CROPS, crop_reader
from crepr.get._limits import intensity_limits
from crepr.models._corrected_vae import DISC
from crepr.stats._pick_device import pick_device
from crepr.tl._view import corrected_view
from crepr.tl._write import claim_key, write
from crepr.train._batches import Batches
from crepr.train._crop_input import CropInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data

COMPARTMENTS = ("inner", "middle", "outer")


def radial_profile(
    data: Data,
    *,
    channels: Sequence[str] | None = None,
    radius: float | None = None,
    cuts: tuple[float, float] = (1 / 3, 2 / 3),
    mod: str | None = None,
    batch_size: int = 512,
    device: str | torch.device = "auto",
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Measure where between centre and outline the light of a cell lies: does a stain sit at the rim?

    Each cell is stretched to a disc along the rays from its centroid, so that cells of any size and shape are compared
    ring by ring, and its slope is that of the least-squares line through the rings :cite:p:`Ternes2022`:

    .. math:: b = \frac{\sum_i (r_i - \bar r)(m_i - \bar m)}{\sum_i (r_i - \bar r)^2}

    with the mean intensity :math:`m_i` of ring :math:`i` and its radius :math:`r_i`, which is 0 at the centroid and 1 at
    the outline. A positive slope means a peripheral stain.

    Parameters
    ----------
    data
        Annotated data with crops and pose (:func:`crepr.pp.crops`, :func:`crepr.pp.pose`).
    channels
        Channels to measure; those in use by default. Intensities are scaled as :func:`crepr.pp.intensity` decided.
    radius
        Of the disc in pixels, and with it the number of rings, one per pixel; 0.39 of the side of a crop.
    cuts
        Where the inner third ends and the outer begins, as shares of the radius.
    mod
        Modality of a MuData; by default the one with crops.
    batch_size
        Cells per batch.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    progress
        Show a bar.
    key_added
        Key in `.obsm` and `.uns`; `'X_radial_profile'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality with crops:

    `.obsm['X_radial_profile' | key_added]` : :class:`pandas.DataFrame`
        For each channel `CHANNEL_slope` (intensity per radius), `CHANNEL_inner`, `CHANNEL_middle`, `CHANNEL_outer`, `CHANNEL_whole` (means over
        pixels of the disc), and `CHANNEL_ring_0`, ... (means per ring, from the centroid outward). NaN in cells without an outline.
    `.uns['X_radial_profile' | key_added]` : :class:`dict`
        `params`, and `radii`: the middle of each ring, 0 to 1.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If crops or pose are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If an option has the wrong type.
    ValueError
        If a channel is not in the image, the disc is larger than a crop or has fewer than three rings, `cuts` do not rise from
        0 to 1 or leave a compartment empty, pixels are not finite, or there is something at `key_added` that this function did not write.

    Warns
    -----
    UserWarning
        If cells have no outline.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.pp.pose(mdata)
    >>> cr.tl.radial_profile(mdata)
    >>> mdata["stain"].obsm["X_radial_profile"][["DAPI_slope", "membrane_slope"]].mean()
    """
    data = _access.copied(data) if copy else data
    adata = _access.modality(data, mod, having=_keys.CROPS, hint=REGISTER_CROPS)
    key = _keys.X_RADIAL_PROFILE if key_added is None else key_added
    claim_key(adata, "radial_profile", key, obsm=True)
    _validate.integer("batch_size", batch_size, minimum=1)
    where = pick_device(device)
    cuts = _validate.shares("cuts", cuts)
    reader = crop_reader(adata, channels=channels)
    radius = DISC * reader.size if radius is None else _validate.number("radius", radius, minimum=0)
    if not 3 <= radius <= reader.size / 2:
        raise ValueError(
            f"radius={radius:g} must be at least 3 pixels, for as many rings, and at most half a crop, {reader.size / 2:g}. "
            "Set radius, or run cr.pp.crops with a larger size."
        )
    radii = (np.arange(int(radius)) + 0.5) / int(radius)
    part = np.searchsorted(cuts, radii)
    if len(np.unique(part)) < len(COMPARTMENTS):
        raise ValueError(
            f"cuts={cuts!r} leave a compartment without any of the {len(radii)} rings. Set cuts further from each other, from 0 "
            "and from 1, or a larger radius."
        )
    shown = CropInput(reader, intensity_limits(adata, reader.channels))
    view = corrected_view("stain", shown, adata, invariant_to=["shape"], radius=radius, sees={})
    members = torch.nn.functional.one_hot(_rings(reader.size, radius, len(radii)), len(radii) + 1)[:, :-1].float()
    n_pixels = members.sum(0)
    members = members.to(where)
    order = view.order(np.arange(adata.n_obs))
    batches = Batches(view, order, batch_size=batch_size, device=where)
    sums = [
        (batch["targets"]["stain"].flatten(2) @ members).cpu().numpy()
        for batch in tqdm(batches, desc="radial profile", unit="batch", disable=not progress)
    ]
    totals, pixels = np.concatenate(sums)[np.argsort(order)].astype(np.float64), n_pixels.numpy().astype(np.float64)
    unknown = _access.references(adata, _keys.POSE)["area"].isna().to_numpy()
    _validate.finite("Light within the outline", totals[~unknown], cells=adata.obs_names[~unknown])
    totals[unknown] = np.nan
    if unknown.any():
        which = _validate.listing(adata.obs_names[unknown].tolist(), limit=5)
        warn(
            f"{int(unknown.sum())} of {adata.n_obs} cells have no outline ({which}); their profile is NaN. Leave them out."
        )
    table = _table(totals, pixels, radii, reader.channels, part, adata.obs_names)
    write(
        adata,
        "radial_profile",
        key,
        obsm=table,
        params={"channels": list(reader.channels), "radius": radius, "cuts": list(cuts)},
        radii=radii,
    )
    return data if copy else None


def _rings(size: int, radius: float, n_rings: int) -> torch.Tensor:
    """Number of the ring of each pixel, `(size * size,)`; the number of rings for those beyond the disc."""
    steps = torch.arange(size) + 0.5 - size / 2
    distance = torch.hypot(steps[:, None], steps[None]).flatten() / radius
    return (distance * n_rings).long().clamp(max=n_rings)


def _table(
    totals: np.ndarray,
    pixels: np.ndarray,
    radii: np.ndarray,
    channels: Sequence[str],
    part: np.ndarray,
    cells: pd.Index,
) -> pd.DataFrame:
    means = totals / pixels
    slope = (means - means.mean(2, keepdims=True)) @ (radii - radii.mean()) / np.square(radii - radii.mean()).sum()
    columns: dict[str, np.ndarray] = {}
    for i, channel in enumerate(channels):
        columns[f"{channel}_slope"] = slope[:, i]
        for k, name in enumerate(COMPARTMENTS):
            columns[f"{channel}_{name}"] = totals[:, i, part == k].sum(1) / pixels[part == k].sum()
        columns[f"{channel}_whole"] = totals[:, i].sum(1) / pixels.sum()
        columns |= {f"{channel}_ring_{k}": means[:, i, k] for k in range(len(radii))}
    return pd.DataFrame(columns, index=cells, dtype=np.float32)
