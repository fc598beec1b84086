"""Arithmetic of wells whose answer is known."""

import numpy as np
import pytest
from scipy.stats import kstest

import crepr as cr


@pytest.fixture(scope="module")
def wells():
    adata = cr.datasets.synthetic_profiles()
    model = cr.tl.train_vae(
        adata, inputs="X", n_latent=10, model_options={"widths": [128]}, max_epochs=60, progress=False
    )
    return adata, model


@pytest.mark.slow
def test_what_adds_up_is_found(wells):
    adata, model = wells
    cr.tl.latent_arithmetic(adata, model, groupby="treatment", control="DMSO", strata="plate", progress=False)
    kinds = adata.obs.drop_duplicates("treatment").set_index("treatment")["kind"]
    table = cr.get.latent_arithmetic(adata)
    table["kind"] = kinds[table["combination"]].astype(str).to_numpy()
    wide = table[table["score"] == "l2"].pivot_table(index=["kind", "combination"], columns="space", values="value")
    adjusted = table[(table["score"] == "l2") & (table["space"] == "latent")].set_index("kind")["pval_adj"]
    additive = wide.loc["additive"]
    assert (adjusted["additive"] < 0.05).mean() > 0.9
    assert (adjusted["antagonistic"] > 0.05).all()
    # what adds up in latents adds up less in features, and is better than nothing that adds up
    assert (additive["latent"] < additive["input"]).mean() > 0.9
    assert additive["latent"].mean() < 0.75 * additive["input"].mean()
    assert (additive["latent"] < additive[["strongest single", "mean of singles", "control"]].min(axis=1)).all()
    r2 = table[(table["score"] == "r2") & (table["space"] == "latent")].set_index("kind")["value"]
    assert r2["additive"].min() > 0.85
    # better than chance, and yet no sum
    assert r2["synergistic"].max() < 0.75
    # which the call tells apart, with a margin
    low = table[(table["score"] == "r2") & (table["space"] == "latent")].set_index("kind")["ci_low"]
    assert low["additive"].min() > 0.85
    assert low["synergistic"].max() < 0.65
    called = cr.get.latent_arithmetic(adata, table="combinations").set_index("combination")["adds_up"]
    shares = called.groupby(kinds[called.index].astype(str)).mean()
    assert shares["additive"] >= 0.8
    assert shares["synergistic"] == shares["antagonistic"] == 0


@pytest.mark.slow
def test_property_p_is_uniform_where_labels_say_nothing(wells):
    adata, model = wells
    adata = adata.copy()
    labels = adata.obs["treatment"].astype(str).to_numpy()
    terms = np.flatnonzero(np.char.find(labels.astype(str), "|") < 0)
    # pairs without a shared term
    chosen, used = [], set()
    for name in dict.fromkeys(labels):
        if "|" in name and not used & set(name.split("|")):
            chosen.append(name)
            used |= set(name.split("|"))
    found = []
    for seed in range(100):
        shuffled = labels.copy()
        shuffled[terms] = np.random.default_rng(seed).permutation(labels[terms])
        adata.obs["shuffled"] = shuffled
        cr.tl.latent_arithmetic(
            adata, model, groupby="shuffled", control="DMSO", combinations=chosen, n_perms=199, n_boot=0, correction=None,
            rng=seed, progress=False,
        )  # fmt: skip
        table = cr.get.latent_arithmetic(adata)
        # one of each, as all share control
        found.append(table[(table["score"] == "l2") & (table["space"] == "latent")]["pval"].iloc[seed % len(chosen)])
    assert kstest(found, "uniform").pvalue > 0.01
