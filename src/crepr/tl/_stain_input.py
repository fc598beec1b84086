"""Crops as models read them, and how they are scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _access, _keys, _validate
from crepr.get._crop_reader import crop_reader, mask_reader
from crepr.get._limits import intensity_limits
from crepr.get._registered import registered
from crepr.train._crop_input import CropInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData


def intensity_of(adata: AnnData, channels: Sequence[str]) -> dict[str, Any]:
    """Return how the crops are scaled, as plain data: `per`, and for the whole data set `low` and `high` by channel."""
    per = str(registered(adata, _keys.CROPS).get("intensity", {"per": "crop"})["per"])
    limits = intensity_limits(adata, channels)
    if per != "dataset" or limits is None:
        return {"per": per}
    low, high = (dict(zip(channels, map(float, values), strict=True)) for values in limits)
    return {"per": per, "low": low, "high": high}


def stain_input(
    adata: AnnData,
    channels: Sequence[str] | None,
    size: int | None,
    options: Mapping[str, Any],
    trained: Mapping[str, Any] | None,
) -> CropInput:
    """Return what reads and scales the crops; `options` has `hide_neighbours`, `trained` how a trained model scales them."""
    reader = crop_reader(adata, channels=channels, size=size)
    limits = _limits(adata, reader.channels, trained)
    if not options["hide_neighbours"]:
        return CropInput(reader, limits)
    _validate.has_key(
        adata.obsm, _keys.MASKS, where=".obsm", hint="hide_neighbours needs masks: run cr.pp.masks first."
    )
    labels = _access.references(adata, _keys.MASKS)["label"].to_numpy(np.int64)
    return CropInput(reader, limits, masks=mask_reader(adata, size=reader.size), labels=labels)


def _limits(
    adata: AnnData, channels: Sequence[str], trained: Mapping[str, Any] | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the intensities that become 0 and 1: a trained model keeps those of its own data set."""
    if trained is None:
        return intensity_limits(adata, channels)
    if trained["per"] == "dataset":
        low, high = (np.array([trained[end][name] for name in channels], np.float32) for end in ("low", "high"))
        return low, high
    if trained["per"] == "crop":
        return None
    if intensity_of(adata, channels)["per"] != "cell":
        raise ValueError("The model saw crops scaled cell by cell. Run cr.pp.intensity(data, per='cell') first.")
    return intensity_limits(adata, channels)
