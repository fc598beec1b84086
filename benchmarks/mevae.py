"""What encoders and corrections cost in training, and how fast pose and radial profiles of many cells are."""

from __future__ import annotations

import time

import numpy as np
import torch
from _report import Report, alternate, parse_quick

import crepr as cr
from crepr.get._crop_reader import crop_reader
from crepr.get._limits import intensity_limits
from crepr.models._registry import MODELS
from crepr.models._spec import InputSpec
from crepr.tl._view import corrected_view
from crepr.train._batches import Batches
from crepr.train._crop_input import CropInput

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
NUISANCES = ("rotation", "polarity", "shape")


def view_of(adata, names):
    reader = crop_reader(adata)
    shown = CropInput(reader, intensity_limits(adata, reader.channels))
    sees = {name: [name] for name in names}
    return corrected_view(
        "stain", shown, adata, invariant_to=names, radius=0.39 * reader.size, sees=sees, uncorrect="random"
    )


def step_of(names, channels, size):
    """A training step of a network with an encoder for each name."""
    spec = MODELS["mevae"]({"stain": InputSpec(channels, size)}, invariant_to=names)
    network, objective = spec.build().to(DEVICE).train(), spec.build_objective()
    optimiser = torch.optim.Adam(network.parameters())
    noise = torch.Generator().manual_seed(0)

    def step(batch):
        optimiser.zero_grad()
        loss, _ = objective(network(batch["inputs"], generator=noise), batch)
        loss.backward()
        optimiser.step()

    return step


def on_batches(adata, names, *, batch_size, steps):
    """Return a function that trains on cells that are read, corrected and uncorrected for each step."""
    reader = crop_reader(adata)
    view, step = view_of(adata, names), step_of(names, tuple(reader.channels), reader.size)

    def run():
        for batch in Batches(view, np.arange(batch_size * steps), batch_size=batch_size, epoch=0, device=DEVICE):
            step(batch)
        synchronise()

    return run


def on_tensors(names, channels, size, *, batch_size, steps):
    """Return a function that trains on tensors that lie ready."""
    step = step_of(names, channels, size)
    planes = torch.rand(batch_size, len(channels), size, size, device=DEVICE)
    ready = {"inputs": dict.fromkeys(names, planes), "targets": {"stain": planes}}

    def run():
        for _ in range(steps):
            step(ready)
        synchronise()

    return run


def synchronise() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def seconds_for(function, n_obs: int, n_all: int) -> float:
    """Time a function on `n_obs` cells, and scale to `n_all`: each cell costs the same."""
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * n_all / n_obs


def main() -> None:
    quick = parse_quick(__doc__)
    steps, repeats, n_obs = (3, 2, 2_000) if quick else (6, 3, 20_000)
    report = Report()
    adata = cr.datasets.synthetic_cells(n_obs=1_000, size=128)
    cr.pp.pose(adata, progress=False)
    channels = tuple(crop_reader(adata).channels)
    for n_encoders in (2, 3):
        names = NUISANCES[:n_encoders]
        ours, network = alternate(
            on_batches(adata, names, batch_size=50, steps=steps),
            on_tensors(names, channels, 128, batch_size=50, steps=steps),
            repeats=repeats,
        )
        report.ratio(
            f"ME-VAE step, {n_encoders} encoders, 2 x 128 px, batch 50, against tensors that lie ready",
            ours / steps * 1000, network / steps * 1000, unit="ms", at_most=1.25,
        )  # fmt: skip
    more, one = alternate(
        on_batches(adata, NUISANCES, batch_size=50, steps=steps),
        on_batches(adata, NUISANCES[:1], batch_size=50, steps=steps),
        repeats=repeats,
    )
    # the paper: 64 s an epoch against 53 with one encoder, on a GPU where these do not fill it
    report.ratio(
        "ME-VAE step with 3 encoders, against one encoder",
        more / steps * 1000, one / steps * 1000, unit="ms", at_most=2.0,
    )  # fmt: skip
    cells = cr.datasets.synthetic_cells(n_obs=n_obs, size=48)
    cr.pp.pose(cells[:100].copy(), progress=False)  # compile
    seconds = seconds_for(lambda: cr.pp.pose(cells, progress=False), n_obs, 100_000)
    report.value(f"pose of 100,000 cells, 2 x 48 px, one process, from {n_obs:,}", seconds, unit="s", at_most=300)
    # channels cost alike: two of them, measured, are 2 / 5 of five
    seconds = seconds_for(lambda: cr.tl.radial_profile(cells, progress=False), n_obs, 100_000) * 5 / 2
    report.value(
        f"radial profiles of 100,000 cells x 5 channels, 48 px, from {n_obs:,} x 2", seconds, unit="s", at_most=300
    )
    report.finish()


if __name__ == "__main__":
    main()
