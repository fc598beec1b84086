"""What it costs to train a VAE of 10,368 profiles of 588 features, against a plain loop of torch over tensors that lie ready.

Both train the network of the preset chow-cp5 with its loss, batches and optimiser. Of crepr's run the first epoch is taken off, with all that comes before it.
"""

from __future__ import annotations

import numpy as np
import torch
from _report import Report, alternate, parse_quick
from anndata import AnnData

import crepr as cr

N_OBS, N_FEATURES, BATCH, LR = 10_368, 588, 96, 1e-3


def main() -> None:
    quick = parse_quick(__doc__)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    adata = AnnData(rng.random((N_OBS // 8 if quick else N_OBS, N_FEATURES), dtype=np.float32))
    n_epochs, repeats = (2, 1) if quick else (5, 5)

    def ours(epochs: int) -> cr.train.TrainedModel:
        return cr.tl.train_vae(adata, inputs="X", preset="chow-cp5", model="vae", max_epochs=epochs, progress=False)

    spec = ours(1).spec
    first, all_of_them, plain = alternate(
        lambda: ours(1), lambda: ours(1 + n_epochs), lambda: loop(spec, adata.X, n_epochs), repeats=repeats
    )
    report = Report()
    report.ratio(
        f"an epoch of {adata.n_obs:,} profiles x {N_FEATURES}, batch {BATCH}, 10 latents, against a plain loop of torch",
        (all_of_them - first) / n_epochs, plain / n_epochs, unit="s", at_most=10 if quick else 1.25,
    )  # fmt: skip
    report.finish()


def loop(spec: cr.models.ModelSpec, profiles: np.ndarray, n_epochs: int) -> None:
    """Train the same network."""
    network, objective = spec.build(), spec.build_objective()
    optimizer = torch.optim.Adam(network.parameters(), lr=LR)
    generator, x = torch.Generator().manual_seed(0), torch.from_numpy(profiles)
    network.train()
    for epoch in range(n_epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), BATCH):
            batch = x[order[start : start + BATCH]]
            loss, _ = objective(network({"X": batch}, generator=generator), {"targets": {"X": batch}}, epoch=epoch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
