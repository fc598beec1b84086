"""Latent space arithmetic of 84 combinations with permuted labels, against a loop over permutations and combinations.

Both permute the labels of control and of terms, add up means of groups in latents, in as many principal components and in the profiles themselves, decode the
sums, and score them (L2, Pearson, cosine, R2); the loop does so one combination at a time. It runs for a few permutations, and its time for all is
reckoned from these. That both find the same distances is checked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from _report import Report, parse_quick, peak, reset_peak
from sklearn.decomposition import PCA

import crepr as cr

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = {"n_mechanisms": 26, "n_additive": 42, "n_antagonistic": 21, "n_synergistic": 21, "n_replicates": 28, "n_plates": 8, "n_controls": 95, "n_features": 588}  # fmt: skip
QUICK = {"n_replicates": 8, "n_features": 100}
N_LATENT = 10


def main() -> None:
    quick = parse_quick(__doc__)
    adata = cr.datasets.synthetic_profiles(**(QUICK if quick else FULL))
    model = cr.tl.train_vae(adata, inputs="X", n_latent=N_LATENT, max_epochs=2, progress=False)
    n_perms, n_looped = (100, 1) if quick else (1000, 2)
    options = {"groupby": "treatment", "control": "DMSO", "progress": False}
    # the first call loads what later ones have
    cr.tl.latent_arithmetic(adata, model, n_perms=20, n_boot=0, correction=None, **options)
    before, start = reset_peak(), time.perf_counter()
    cr.tl.latent_arithmetic(adata, model, n_perms=n_perms, n_boot=0, **options)
    seconds, memory = time.perf_counter() - start, peak() - before
    table = cr.get.latent_arithmetic(adata)
    table = table[table["score"] == "l2"].pivot(index="combination", columns="space", values="value")

    start = time.perf_counter()
    spaces = make_spaces(adata.X, model)
    labels = adata.obs["treatment"].to_numpy().astype(str)
    combinations = [name for name in adata.obs["treatment"].cat.categories if "|" in name]
    found = loop(adata.X, labels, spaces, combinations, None)
    once = time.perf_counter() - start
    for name, scores in found.items():
        np.testing.assert_allclose(scores[:, 0], table.loc[combinations, name], rtol=1e-4)
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(n_looped):
        loop(adata.X, labels, spaces, combinations, rng)
    looped = once + (time.perf_counter() - start) / n_looped * n_perms
    text = f"arithmetic, {len(combinations)} combinations, {adata.n_obs:,} profiles x {adata.n_vars}, {n_perms:,} permutations, three spaces"
    report = Report()
    report.ratio(
        f"{text}: times as fast as a loop", 1 / seconds, 1 / looped, unit="runs/s", at_least=1 if quick else 100
    )
    report.value("its time", seconds, unit="s", at_most=60)
    report.value("its peak memory beyond the profiles", memory, unit="GB", at_most=2)
    report.finish()


def make_spaces(profiles: np.ndarray, model: cr.train.TrainedModel) -> dict[str, tuple[np.ndarray, Callable]]:
    """Rows of each space, and its way back."""
    with torch.inference_mode():
        latents = model.network.eval().encode({"X": torch.from_numpy(profiles)})[0].numpy()
    pca = PCA(N_LATENT, random_state=0).fit(profiles)
    return {
        "latent": (latents, lambda z: model.decode(z, device="cpu")["X"]),
        "pca": (pca.transform(profiles), pca.inverse_transform),
        "input": (profiles, lambda z: z),
    }


def loop(
    profiles: np.ndarray, labels: np.ndarray, spaces: dict, combinations: list[str], rng: np.random.Generator | None
) -> dict[str, np.ndarray]:
    """Scores of all combinations, one after another: labels are permuted, unless `rng` is `None`, averaged, added up, and decoded."""
    found: dict[str, list[list[float]]] = {name: [] for name in spaces}
    summed = np.flatnonzero(np.char.find(labels, "|") < 0)
    control = profiles[labels == "DMSO"].mean(0)
    for combination in combinations:
        truth, drawn = profiles[labels == combination].mean(0), labels.copy()
        if rng is not None:
            drawn[summed] = rng.permutation(drawn[summed])
        first, second, nothing = (drawn == name for name in (*combination.split("|"), "DMSO"))
        change = truth - control
        for name, (rows, decode) in spaces.items():
            predicted = decode((rows[first].mean(0) + rows[second].mean(0) - rows[nothing].mean(0))[None])[0]
            l2 = np.linalg.norm(predicted - truth)
            cosine = (predicted - control) @ change / np.linalg.norm(predicted - control) / np.linalg.norm(change)
            pearson = np.corrcoef(predicted, truth)[0, 1]
            found[name].append([l2, pearson, cosine, 1 - l2**2 / (change @ change)])
    return {name: np.array(scores) for name, scores in found.items()}


if __name__ == "__main__":
    main()
