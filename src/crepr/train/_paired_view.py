"""A cell, and another of the same image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr.train._draw_partners import draw_partners
from crepr.train._pose import draw_poses
from crepr.train._view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr.train._crop_input import CropInput
    from crepr.train._pose import Augment, Pose
    from crepr.train._view import Batch


@dataclass(frozen=True)
class Pairs:
    """For each cell as a source, its target, `(n,)`, and how both are turned."""

    targets: np.ndarray
    source: Pose | None = None
    target: Pose | None = None

    def __getitem__(self, cells: np.ndarray) -> Pairs:
        source, target = (None if pose is None else pose[cells] for pose in (self.source, self.target))
        return Pairs(self.targets[cells], source, target)


class PairedView(View):
    """Show a cell and the markers of another of the same image, whose protein is the target.

    Every cell is a source once per epoch; its target is drawn anew. Without an epoch, pairs stay the same and nothing is turned.

    Parameters
    ----------
    shown
        The channels of both cells.
    images
        Image of each cell, `(n_obs,)`; negative for cells that take no part. The others are not alone in theirs.
    markers, proteins
        Names of channels.
    augment
        As of :class:`View`, drawn for source and target independently.
    candidates
        How many targets are drawn for a source; taken is the one whose picture in `pictures` differs most.
    pictures
        What tells how much markers of two cells differ, `(n_obs, d)`; needed with several candidates.
    names
        Names of the cells, for messages.
    """

    def __init__(
        self,
        shown: CropInput,
        *,
        images: np.ndarray,
        markers: Sequence[str],
        proteins: Sequence[str],
        augment: Augment = "flips",
        candidates: int = 1,
        pictures: np.ndarray | None = None,
        names: np.ndarray | None = None,
    ) -> None:
        super().__init__({"stain": shown}, n_obs=len(images), augment=augment, names=names)
        self.shown, self.images, self.candidates, self.pictures = shown, images, candidates, pictures
        self.markers, self.proteins = ([shown.channels.index(name) for name in part] for part in (markers, proteins))
        self.fixed = Pairs(draw_partners(images, np.random.default_rng(0)))

    def draw(self, rng: np.random.Generator) -> Pairs:
        """Draw the targets of an epoch, and how sources and targets are turned."""
        targets = draw_partners(self.images, rng, candidates=self.candidates, pictures=self.pictures)
        return Pairs(targets, *(draw_poses(self.n_obs, self.augment, rng) for _ in range(2)))

    def read(self, cells: np.ndarray, *, pose: Pairs | None = None) -> dict[str, Any]:
        """Read sources and targets."""
        pairs = self.fixed[cells] if pose is None else pose
        sides = {"source": (cells, pairs.source), "target": (pairs.targets, pairs.target)}
        return {side: self.shown.read(each, margin=self.margin_of(turned)) for side, (each, turned) in sides.items()}

    def assemble(self, raw: dict[str, Any], cells: np.ndarray, *, pose: Any, device: torch.device) -> Batch:
        """Make the batch `{"inputs": {"source": ..., "markers": ...}, "targets": {"protein": ...}, "cells": (B,)}`."""
        turned = {"source": None, "target": None} if pose is None else {"source": pose.source, "target": pose.target}
        source, target = (
            self.shown.assemble(raw[side], pose=turned[side], device=device)["planes"] for side in ("source", "target")
        )
        inputs = {"source": source, "markers": target[:, self.markers]}
        return {"inputs": inputs, "targets": {"protein": target[:, self.proteins]}, "cells": cells}
