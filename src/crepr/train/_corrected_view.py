"""Cells from which what does not matter is taken out, all of it or all but some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from crepr.train._resample import resample
from crepr.train._view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from crepr.train._crop_input import CropInput
    from crepr.train._nuisances import Nuisance
    from crepr.train._view import Batch

    Uncorrect = Literal["random", "own"]

# share of the cells whose pictures lie within the margin, of so many; the rest repeat the pixels at its border
COVERED, LOOKED_AT = 0.99, 256


@dataclass(frozen=True)
class Drawn:
    """Values of each nuisance for each cell, `{name: (n, k)}`."""

    values: dict[str, np.ndarray]

    def __getitem__(self, cells: np.ndarray) -> Drawn:
        return Drawn({name: values[cells] for name, values in self.values.items()})


class CorrectedView(View):
    """Show each encoder the corrected cell with some corrections undone; the target is the corrected cell.

    Pictures are resampled once, from the image, of which at most half a window is read on each side.

    Parameters
    ----------
    name, shown
        The input that is corrected, and its name.
    nuisances
        What is corrected, in this order.
    own
        The nuisances of each cell, `{name: (n_obs, k)}`, from :meth:`Nuisance.measure`.
    centre
        Centroid of each cell, `(y, x)` in pixels from the middle of its window, `(n_obs, 2)`.
    radius
        Of the standard disc, in pixels.
    sees
        What is not corrected, by name of the input that the network reads.
    uncorrect
        In training, what is not corrected is drawn (`'random'`) or stays as the cell has it (`'own'`).
    margin
        Pixels to read around the windows, as for the cells that a model was trained on; by default what these cells need.
    names
        Names of the cells, for messages.
    """

    def __init__(
        self,
        name: str,
        shown: CropInput,
        *,
        nuisances: Mapping[str, Nuisance],
        own: Mapping[str, np.ndarray],
        centre: np.ndarray,
        radius: float,
        sees: Mapping[str, Sequence[str]],
        uncorrect: Uncorrect = "random",
        margin: int | None = None,
        names: np.ndarray | None = None,
    ) -> None:
        super().__init__({name: shown}, n_obs=len(centre), augment="none", names=names)
        self.name, self.shown, self.radius = name, shown, radius
        self.nuisances, self.own, self.sees, self.uncorrect = dict(nuisances), dict(own), dict(sees), uncorrect
        self.centre = np.asarray(centre, np.float32)
        # pixel centres seen from the middle, in units of the radius
        steps = (torch.arange(shown.size) + 0.5 - shown.size / 2) / radius
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        self.pixels = torch.stack([x, y], -1).flatten(0, 1)
        room = shown.size // 2 if shown.reader.room is None else shown.reader.room
        self.margin = min(self._needed() if margin is None else margin, room)

    def draw(self, rng: np.random.Generator) -> Drawn | None:
        """Draw the nuisances of an epoch."""
        if self.uncorrect == "own":
            return None
        return Drawn({name: nuisance.draw(self.own[name], rng) for name, nuisance in self.nuisances.items()})

    def margin_of(self, drawn: Any) -> int:
        """Pixels needed around the windows: as many, whatever is drawn."""
        return self.margin

    def assemble(self, raw: dict[str, Any], cells: np.ndarray, *, pose: Any, device: torch.device) -> Batch:
        """Make the batch `{"inputs": {name: (B, c, y, x)}, "targets": ..., "cells": (B,)}`."""
        planes = self.shown.assemble(raw[self.name], pose=None, device=device)["planes"]
        own = _to(device, {name: values[cells] for name, values in self.own.items()})
        drawn = own if pose is None else _to(device, pose.values)
        centre = torch.from_numpy(self.centre[cells]).to(device)

        def show(undone: Sequence[str]) -> Tensor:
            places = self._places(undone, own, drawn, centre)
            return resample(planes, places.unflatten(1, (self.shown.size, self.shown.size)))

        corrected = show(())
        inputs = {name: show(undone) if undone else corrected for name, undone in self.sees.items()}
        return {"inputs": inputs, "targets": {self.name: corrected}, "cells": cells}

    def _places(
        self, undone: Sequence[str], own: Mapping[str, Tensor], drawn: Mapping[str, Tensor], centre: Tensor
    ) -> Tensor:
        """Where the pixels of a picture come from, `(B, size * size, 2)` in pixels from the middle of the window."""
        places = self.pixels.to(centre.device).expand(len(centre), -1, -1)
        for name, nuisance in self.nuisances.items():
            if name in undone:
                places = nuisance.remove(places, drawn[name])
        for name, nuisance in reversed(self.nuisances.items()):
            places = nuisance.add(places, own[name])
        return places * self.radius + centre.flip(1)[:, None]

    def _needed(self) -> int:
        """Pixels around the windows that corrected pictures reach into, and those with a correction undone."""
        cells = np.linspace(0, self.n_obs - 1, min(self.n_obs, LOOKED_AT)).astype(int)
        rng, cpu = np.random.default_rng(0), torch.device("cpu")
        own = _to(cpu, {name: values[cells] for name, values in self.own.items()})
        drawn = _to(cpu, {name: nuisance.draw(self.own[name], rng)[cells] for name, nuisance in self.nuisances.items()})
        centre = torch.from_numpy(self.centre[cells])
        reach = [
            np.quantile(self._places(undone, own, drawn, centre).abs().nan_to_num().amax((1, 2)).numpy(), COVERED)
            for undone in ((), *self.sees.values())
        ]
        return max(0, int(np.ceil(max(reach) - self.shown.size / 2)) + 1)


def _to(device: torch.device, values: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array).to(device) for name, array in values.items()}
