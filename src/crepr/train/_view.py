"""From cells to a batch on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from crepr.train._crop_input import CropInput
from crepr.train._pose import draw_poses, margin_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from crepr.train._pose import Augment, Pose

    type Batch = dict[str, Any]


class Input(Protocol):
    """One thing that a cell shows: its crop, its transcripts."""

    #: Names of the channels, in the order of the planes.
    channels: tuple[str, ...]
    #: Pixels per side.
    size: int

    def prepare(self, device: torch.device, *, margin: int) -> None:
        """Take to the device what is to stay there; called before the first batch."""
        ...

    def read(self, cells: np.ndarray, *, margin: int) -> Any:
        """Read what the cells need from disk or memory; runs in a thread of its own."""
        ...

    def assemble(self, raw: Any, *, pose: Pose | None, device: torch.device) -> dict[str, Tensor]:
        """Make `{"planes": (B, c, size, size)}`, and beside it what a term may need (`"counts"`, `(B, c)`)."""
        ...


class View:
    """What a model sees and what it is to make of it: here both are the same, turned alike.

    Parameters
    ----------
    inputs
        Named inputs; they show the same cells in the same windows.
    n_obs
        Number of cells.
    augment
        `'quarter'` turns with equal odds, `'free'` rotation and flips, `'flips'` of both axes, `'dihedral'` for flips and quarter
        turns, or `'none'`; in training only.
    names
        Names of the cells, `(n_obs,)`, for messages.
    condition
        What decoders are told of each cell, `(n_obs, k)` float32.
    """

    def __init__(
        self,
        inputs: Mapping[str, Input],
        *,
        n_obs: int,
        augment: Augment = "quarter",
        names: np.ndarray | None = None,
        condition: np.ndarray | None = None,
    ) -> None:
        self.inputs, self.n_obs, self.augment, self.names = dict(inputs), n_obs, augment, names
        self.condition = condition
        self.margin = margin_for(max(item.size for item in self.inputs.values()), augment)

    def prepare(self, device: torch.device) -> None:
        """Take to the device what is to stay there."""
        for item in self.inputs.values():
            item.prepare(device, margin=self.margin)

    def order(self, cells: np.ndarray) -> np.ndarray:
        """Sort cells by where their pixels lie, so that each piece of an image is read once; return positions in `cells`."""
        for item in self.inputs.values():
            if isinstance(item, CropInput):
                return item.reader.order(cells)
        return np.arange(len(cells))

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw what an epoch does to each cell: something to be indexed by cells and given to :meth:`assemble`, or None."""
        return draw_poses(self.n_obs, self.augment, rng)

    def read(self, cells: np.ndarray, *, pose: Any = None) -> dict[str, Any]:
        """Read the cells' pixels and molecules, as far around the windows as what was drawn for them needs."""
        margin = self.margin_of(pose)
        return {name: item.read(cells, margin=margin) for name, item in self.inputs.items()}

    def margin_of(self, drawn: Any) -> int:
        """Pixels to read around the windows for what was drawn."""
        return 0 if drawn is None else self.margin

    def assemble(self, raw: dict[str, Any], cells: np.ndarray, *, pose: Pose | None, device: torch.device) -> Batch:
        """Make the batch `{"inputs": {name: (B, c, y, x)}, "targets": ..., "cells": (B,)}`, and `condition` if any."""
        planes: dict[str, Tensor] = {}
        beside: dict[str, Tensor] = {}
        for name, item in self.inputs.items():
            made = item.assemble(raw[name], pose=pose, device=device)
            planes[name] = made.pop("planes")
            beside |= made
        if self.condition is not None:
            beside["condition"] = torch.from_numpy(self.condition[cells]).to(device)
        return {"inputs": planes, "targets": planes, "cells": cells, **beside}
