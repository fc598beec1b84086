"""ME-VAE on real cells: it tells the phase of the cell cycle, and not how the cell was turned."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import rotate
from sklearn.decomposition import PCA

import crepr as cr

LIES = ["rotation", "polarity"]
OPTIONS = {
    "model_options": {"blocks": "norm", "reconstruction": {"stain": "bce"}}, "n_latent": 32, "beta": 0.1, "batch_size": 50,
    "max_epochs": 6, "progress": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def pixels(real_data):
    folder = real_data / "jurkat_cellcycle"
    if not folder.is_dir():
        pytest.skip("CREPR_DATA holds no jurkat_cellcycle")
    with np.load(folder / "crops.npz") as file:
        return next(iter(file.values()))[:, :2], pd.read_csv(folder / "cells.csv")


@pytest.fixture(scope="module")
def adata(pixels):
    """Bright field and DNA, each cell turned and mirrored at random; no masks."""
    crops, table = pixels
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 360, len(table))
    mirrored = rng.integers(0, 2, len(table)).astype(bool)
    turned = np.stack(
        [
            rotate(crop[..., ::-1] if flip else crop, by, axes=(1, 2), reshape=False, order=1, mode="nearest")
            for crop, by, flip in zip(crops, angle, mirrored, strict=True)
        ]
    )
    obs = pd.DataFrame({"phase": pd.Categorical(table["phase"]), "rotation": angle, "mirrored": mirrored})
    obs.index = table["crop_id"].astype(str)
    adata = ad.AnnData(obs=obs)
    cr.pp.crops(adata, turned, axes="ncyx", channel_names=["bright field", "DNA"])
    cr.pp.intensity(adata, percentiles=(0.1, 99.9), progress=False)
    cr.pp.pose(adata, "DNA", progress=False)
    return adata


def phases(adata, use_rep):
    cr.tl.knn_accuracy(adata, "phase", use_rep=use_rep, n_perms=0)
    return cr.get.knn_accuracy(adata, table="macro").set_index("measure")["value"]["balanced_accuracy"]


def rotation_told(adata, use_rep):
    """The larger R2 of the angle modulo 180 and modulo 360, by a line or by neighbours."""
    told = []
    for kind in ("axis", "angle"):
        cr.tl.invariance(adata, nuisance={"rotation": kind}, use_rep=use_rep, n_perms=0)
        told.append(cr.get.invariance(adata)[["r2_linear", "r2_knn"]].to_numpy().max())
    return max(told)


def test_pose_follows_the_cell(adata, pixels):
    """The pose of a cell that was turned and mirrored is that of the cell, turned and mirrored."""
    crops, _ = pixels
    still = ad.AnnData(obs=pd.DataFrame(index=adata.obs_names))
    cr.pp.crops(still, crops, axes="ncyx", channel_names=["bright field", "DNA"])
    cr.pp.pose(still, "DNA", progress=False)
    for name, full in (("angle", 180), ("polarity", 360)):
        expected = np.where(adata.obs["mirrored"], 180 - still.obs[name], still.obs[name]) + adata.obs["rotation"]
        off = np.abs((adata.obs[name] - expected + full / 2) % full - full / 2)
        assert off[still.obs[f"{name}_confidence"] > 0.05].median() < 3
        assert off.median() < 10
    counts = adata.uns["pose"]["counts"]
    assert counts["round"] == adata.obs["angle"].isna().sum()
    assert 0 < counts["round"] < 0.1 * adata.n_obs


@pytest.mark.slow
def test_mevae_tells_phases_and_not_rotations(adata):
    cr.tl.train_vae(adata, augment="none", **OPTIONS)
    model = cr.tl.train_mevae(adata, invariant_to=LIES, combine="poe", **OPTIONS)
    aligned = cr.tl.reconstruct(adata, model, cells=np.arange(adata.n_obs))["targets"]["stain"]
    adata.obsm["X_pca"] = PCA(32, random_state=0).fit_transform(aligned.reshape(adata.n_obs, -1))
    assert phases(adata, "X_mevae") > phases(adata, "X_vae") + 0.06
    assert phases(adata, "X_mevae") > phases(adata, "X_pca")
    assert rotation_told(adata, "X_mevae") < 0.03
    assert rotation_told(adata, "X_vae") > 0.05
