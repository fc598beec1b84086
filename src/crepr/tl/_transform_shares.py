"""The direct test of invariance: the same cells, turned, mirrored and scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from crepr import _access, _keys, _record, _validate
from crepr.get._crop_reader import crop_reader, mask_reader
from crepr.get._registered import registered
from crepr.pp._crops import crops
from crepr.pp._masks import masks
from crepr.pp._pose import COLUMNS, pose
from crepr.tl._check_model import check_latent, check_model
from crepr.tl._embed import embed
from crepr.tl._view import find_owners
from crepr.train._resample import resample

if TYPE_CHECKING:
    from crepr._types import Data
    from crepr.images._crop_reader import CropReader
    from crepr.train._trained_model import TrainedModel

LABEL = "_label"
TRANSFORMS = ("rotation", "mirror", "scaling", "all")
#: Scaling is by this at most, up or down.
MOST = 1.25
#: Cells whose transformed pictures are held at a time.
BLOCK = 32


def transform_shares(
    data: Data, model: TrainedModel, *, mod: str | None, n_cells: int, n_draws: int, seed: int, device: torch.device
) -> pd.DataFrame:
    """Embed cells under random transforms; return the share of the variance of their latents that is due to these.

    Each transformed cell is a new picture: its pose is measured anew, and it goes through all that other cells go through.

    Returns
    -------
    A row per transform: `transform`, `n_obs`, `n_draws`, `share` (0 to 1).
    """
    check_model(model)
    check_latent(model)
    if list(model.spec.inputs) != ["stain"]:
        raise ValueError(
            f"model reads {_validate.listing(model.spec.inputs)}; only models of stains can be tested so. Leave model out."
        )
    adata = next(iter(find_owners(data, "stain", mod).adatas.values()))
    if model.spec.view["name"] == "corrected" and _keys.POSE not in adata.uns:
        raise ValueError(
            "How the pose was measured is not recorded, as joining objects drops .uns. Run cr.pp.pose again."
        )
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(adata.n_obs, min(n_cells, adata.n_obs), replace=False))
    rows = []
    for transform in TRANSFORMS:
        matrices = _draw(transform, (len(drawn), n_draws), rng)
        parts = []
        for block in np.array_split(np.arange(len(drawn)), -(-len(drawn) // BLOCK)):
            moved = _moved(
                adata, drawn[block], model, matrices.unflatten(0, (len(drawn), n_draws))[block].flatten(0, 1)
            )
            embed(moved, model, key_added="X", device=device, progress=False)
            parts.append(np.asarray(moved.obsm["X"], np.float64))
        z = np.concatenate(parts).reshape(len(drawn), n_draws, -1)
        within, total = z.var(axis=1).mean(0).sum(), z.var(axis=(0, 1)).sum()
        rows.append((transform, len(drawn), n_draws, float(within / total) if total > 0 else 0.0))
    return pd.DataFrame(rows, columns=["transform", "n_obs", "n_draws", "share"])


def _draw(transform: str, shape: tuple[int, int], rng: np.random.Generator) -> torch.Tensor:
    """Matrices that take places of the transformed picture to those of the cell, `(n * n_draws, 2, 2)`."""
    n = int(np.prod(shape))
    angle = rng.uniform(0, 2 * np.pi, n) if transform in ("rotation", "all") else np.zeros(n)
    mirror = rng.choice([-1, 1], n) if transform in ("mirror", "all") else np.ones(n)
    scale = MOST ** rng.uniform(-1, 1, n) if transform in ("scaling", "all") else np.ones(n)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    return torch.from_numpy(np.stack([cos * mirror, -sin * mirror, sin, cos], 1).reshape(n, 2, 2).astype(np.float32))


def _moved(adata: AnnData, drawn: np.ndarray, model: TrainedModel, matrices: torch.Tensor) -> AnnData:
    """Return transformed cells as ready-made crops, with the masks and the pose that the model needs."""
    (shown,) = model.spec.inputs.values()
    how: dict[str, Any] = adata.uns.get(_keys.POSE, {}).get("params", {})
    light = None if how.get("channel") is None else [str(name) for name in how["channel"]]
    reader = crop_reader(adata, channels=list(dict.fromkeys([*shown.channels, *(light or ())])), size=shown.size)
    n_draws = len(matrices) // len(drawn)
    cells = np.repeat(drawn, n_draws)
    # what a nuisance of one's own is measured by
    obs = cast("pd.DataFrame", adata.obs).iloc[cells]
    names = [f"{name}-{i}" for name in adata.obs_names[drawn] for i in range(n_draws)]
    moved = AnnData(obs=obs.drop(columns=[name for name in COLUMNS if name in obs]).set_axis(names))
    pixels = _resampled(reader, cells, matrices, nearest=False)
    crops(moved, pixels, size=shown.size, axes="ncyx", channel_names=list(reader.channels))
    recorded = registered(adata, _keys.CROPS)
    if "intensity" in recorded:
        _record.record(moved, _keys.CROPS, **{**moved.uns[_keys.CROPS], "intensity": recorded["intensity"]})
    if _keys.CROPS_LIMITS in adata.obsm:
        limits = _access.references(adata, _keys.CROPS_LIMITS).iloc[cells]
        moved.obsm[_keys.CROPS_LIMITS] = limits.set_axis(moved.obs_names)
    corrected = model.spec.view["name"] == "corrected"
    by_masks = bool(how.get("use_masks", _keys.MASKS in adata.obsm))
    if (corrected and by_masks) or model.spec.view.get("hide_neighbours"):
        labels = mask_reader(adata, size=shown.size)
        own = _access.references(adata, _keys.MASKS)["label"].to_numpy()[cells]
        moved.obs[LABEL] = own
        found = _resampled(labels, cells, matrices, nearest=True).astype(labels.dtype)
        masks(moved, found, axes="ncyx", labels=LABEL)
    if corrected:
        confidence = float(how["min_confidence"])
        pose(moved, light, use_masks=by_masks, min_confidence=confidence, progress=False)
    return moved


def _resampled(reader: CropReader, cells: np.ndarray, matrices: torch.Tensor, *, nearest: bool) -> np.ndarray:
    """Read windows with what is around them, and transform them: float32, larger than the windows, so that corners are real."""
    room = reader.size // 2 if reader.room is None else min(reader.size // 2, reader.room)
    side = reader.size + 2 * (room // 2)
    steps = torch.arange(side) + 0.5 - side / 2
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    places = torch.stack([x, y], -1)
    planes = torch.from_numpy(reader.read(cells, margin=room).astype(np.float32))
    return resample(planes, torch.einsum("nij,yxj->nyxi", matrices, places), nearest=nearest).numpy()
