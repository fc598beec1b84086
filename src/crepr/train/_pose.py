"""How each cell is turned in training, the same for all that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Augment = Literal["quarter", "free", "flips", "dihedral", "none"]
AUGMENTS: tuple[str, ...] = get_args(Augment)


@dataclass(frozen=True)
class Pose:
    """Flip, then quarter turns, then a free angle: one value per cell, each of shape `(n,)`.

    Attributes
    ----------
    flips
        Mirror left and right.
    turns
        Counter-clockwise quarter turns, 0 to 3.
    angle
        Counter-clockwise angle in radians; `None` where pictures are not resampled.
    """

    flips: np.ndarray
    turns: np.ndarray
    angle: np.ndarray | None = None

    def __getitem__(self, cells: np.ndarray) -> Pose:
        return Pose(self.flips[cells], self.turns[cells], None if self.angle is None else self.angle[cells])

    def tensors(self) -> dict[str, Tensor]:
        """Return what there is to do, by name."""
        given = {
            "flips": self.flips if self.flips.any() else None,
            "turns": self.turns if self.turns.any() else None,
            "angle": self.angle,
        }
        return {name: torch.from_numpy(values) for name, values in given.items() if values is not None}


def draw_poses(n_obs: int, augment: Augment, rng: np.random.Generator) -> Pose | None:
    """Draw a pose for each cell: quarter turns, flips of either axis, both, or any angle and flips; each with equal odds."""
    if augment == "none":
        return None
    if augment == "free":
        angle = rng.uniform(0, 2 * np.pi, n_obs).astype(np.float32)
        return Pose(rng.integers(0, 2, n_obs).astype(bool), np.zeros(n_obs, np.int64), angle)
    # top to bottom is left to right and half a turn
    turns = 2 * rng.integers(0, 2, n_obs) if augment == "flips" else rng.integers(0, 4, n_obs)
    flips = np.zeros(n_obs, bool) if augment == "quarter" else rng.integers(0, 2, n_obs).astype(bool)
    return Pose(flips, turns)


def margin_for(size: int, augment: Augment) -> int:
    """Pixels that a window needs beyond each side so that turned corners show what is really there."""
    return int(np.ceil(size * (np.sqrt(2) - 1) / 2)) + 1 if augment == "free" else 0


def turn_crops(crops: Tensor, pose: Pose, *, size: int) -> Tensor:
    """Turn each crop, shape `(B, c, size + 2 m, size + 2 m)`, and cut off its margin `m`.

    Quarter turns move pixels; a free angle samples between them (bilinear), zero beyond the margin.
    """
    todo = {name: values.to(crops.device) for name, values in pose.tensors().items()}
    if "flips" in todo:
        crops = torch.where(todo["flips"][:, None, None, None], crops.flip(3), crops)
    if "turns" in todo:
        turned = crops.clone()
        for turns in (1, 2, 3):
            which = torch.from_numpy(np.flatnonzero(pose.turns == turns)).to(crops.device)
            turned[which] = crops[which].rot90(turns, (2, 3))
        crops = turned
    return _rotate(crops, todo["angle"], size) if "angle" in todo else crops


def _rotate(crops: Tensor, angle: Tensor, size: int) -> Tensor:
    cos, sin = torch.cos(angle), torch.sin(angle)
    zero = torch.zeros_like(cos)
    # where each output pixel comes from, as (x, y) with y down: the inverse of a counter-clockwise turn on the screen
    inverse = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    shrink = size / crops.shape[-1]  # the output grid spans the inner `size` pixels of the window
    grid = F.affine_grid(inverse * shrink, [len(crops), 1, size, size], align_corners=False)
    return F.grid_sample(crops, grid.to(crops.dtype), mode="bilinear", padding_mode="zeros", align_corners=False)
