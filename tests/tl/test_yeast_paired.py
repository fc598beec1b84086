"""Real cells: five proteins of yeast, four fields each."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


@pytest.fixture(scope="module")
def yeast(real_data):
    folder = real_data / "yeast_paired"
    if not folder.is_dir():
        pytest.skip("no yeast_paired in CREPR_DATA")
    with np.load(folder / "yeast_crops.npz") as file:
        pixels = file["images"].astype(np.float32).reshape(-1, 2, 64 * 64)
    pixels -= pixels.min(2, keepdims=True)
    pixels /= pixels.max(2, keepdims=True)
    # how bright pixels of the protein are, and whether they are where the marker is
    quantiles = np.quantile(pixels[:, 1], np.linspace(0.05, 0.95, 10), axis=1).T
    residual = pixels - pixels.mean(2, keepdims=True)
    pearson = residual.prod(1).sum(1) / np.sqrt((residual**2).sum(2).prod(1))
    obs = pd.read_csv(folder / "yeast_cells.csv", index_col="crop_id")
    reps = {"X_inpainting_conv1": pearson[:, None], "X_inpainting_conv3": np.column_stack([quantiles, pearson])}
    return AnnData(obs=obs, obsm=reps)


def test_property_fields_of_a_protein_are_near(yeast):
    cr.tl.label_distances(yeast, "protein", image_key="field")
    table = cr.get.label_distances(yeast)
    assert table["n_images"].tolist() == [4] * 5
    assert table["n_pairs_same"].tolist() == [6] * 5
    assert table["n_pairs_other"].tolist() == [64] * 5
    assert (table["relative"] < -0.2).all()
    assert (table["z"] < -1).all()


def test_property_more_features_tell_more(yeast):
    cr.tl.choose_layer(yeast, "protein", image_key="field", exclude="field", progress=False)
    table = cr.get.choose_layer(yeast).set_index("layer")
    assert table["best"].tolist() == [False, True]
    assert table.loc["conv3", "balanced_accuracy"] > 2 * table.loc["conv3", "chance"]


def test_property_two_proteins_lie_on_two_sides(yeast):
    cr.tl.mixture_score(yeast, "protein", image_key="field", labels=("AAC1", "AAP1"))
    means = cr.get.mixture_score(yeast).groupby("label")["mean"]
    assert means.max()["AAC1"] < 0 < means.min()["AAP1"]


def test_property_profiles_keep_what_is_told(yeast):
    profiles = cr.tl.aggregate_profiles(yeast, ["protein", "field"])
    assert profiles.shape == (20, 11)
    assert profiles.obs["n_cells"].sum() == yeast.n_obs
    with pytest.warns(UserWarning, match="fewer than 5 cells"):
        cr.tl.knn_accuracy(profiles, "protein", use_rep="X", n_neighbors=3, standardize=True, n_perms=0)
    macro = cr.get.knn_accuracy(profiles, table="macro").set_index("measure")["value"]
    assert macro["balanced_accuracy"] > 0.6
