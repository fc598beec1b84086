import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from profile_models import profiles, train
from sklearn.decomposition import PCA

import crepr as cr


@pytest.fixture(scope="module")
def trained():
    adata = profiles()
    return adata, train(adata)


@pytest.fixture
def adata(trained):
    return trained[0].copy()


@pytest.fixture
def model(trained):
    return trained[1]


def wide(adata, space="latent", key="latent_effects", table="results", name="feature"):
    found = adata.uns[key][table]
    return found[found["space"] == space].pivot_table(index="walk", columns=name, values="difference")


def test_anchor_both_ends_of_the_prior(adata, model):
    cr.tl.latent_effects(adata, model, span=2)
    found = wide(adata)
    assert found.index.tolist() == ["latent 0", "latent 1"]
    for latent in (0, 1):
        ends = model.decode(np.array([[2.0, 0], [-2, 0]])[:, [latent, 1 - latent]], device="cpu")["X"]
        np.testing.assert_allclose(found.loc[f"latent {latent}", adata.var_names], ends[0] - ends[1], atol=1e-5)
    assert adata.uns["latent_effects"]["params"]["span"] == 2
    assert "groups" not in adata.uns["latent_effects"]


def test_anchor_both_ends_of_the_data(adata, model):
    cr.tl.latent_effects(adata, model, values="data")
    z = adata.obsm["X_vae"].astype(float)
    step = np.array([0, 3 * z[:, 1].std()])
    ends = model.decode(np.stack([z.mean(0) + step, z.mean(0) - step]), device="cpu")["X"]
    np.testing.assert_allclose(wide(adata).loc["latent 1", adata.var_names], ends[0] - ends[1], atol=1e-5)


def test_reference_principal_components(adata, model):
    adata.obs["fitted"] = np.arange(60) < 40
    cr.tl.latent_effects(adata, model, n_components=3, fit_on="fitted")
    pca = PCA(3).fit(adata.X[:40].astype(float))
    found = wide(adata, "pca")
    assert found.index.tolist() == ["component 0", "component 1", "component 2"]
    ends = [pca.inverse_transform(sign * 3 * np.diag(pca.explained_variance_**0.5)) for sign in (1, -1)]
    # a component has no sign of its own
    np.testing.assert_allclose(np.abs(found[adata.var_names]), np.abs(ends[0] - ends[1]), atol=1e-5)


def test_anchor_means_of_groups(adata, model):
    adata.var.loc["feature 0", "channel"] = None
    with pytest.warns(UserWarning, match=r"1 of 8 features have no value in a column of groupby=.*'feature 0'"):
        cr.tl.latent_effects(adata, model, groupby=["compartment", "channel"])
    groups = adata.uns["latent_effects"]["groups"]
    first = groups[(groups["space"] == "latent") & (groups["walk"] == "latent 1")]
    assert first["group"].tolist() == ["Nuclei ER", "Cells DNA", "Cells ER", "Nuclei DNA"]
    assert first["n_features"].tolist() == [2, 2, 2, 1]
    of_features = wide(adata).abs().loc["latent 1"]
    expected = of_features[["feature 2", "feature 6"]].mean()
    assert first["difference"].iloc[1] == pytest.approx(expected)
    assert len(groups) == 16


def test_property_order_of_wells_and_features_does_not_matter(adata, model, rng):
    cr.tl.latent_effects(adata, model, groupby="channel")
    other = adata[rng.permutation(60), rng.permutation(8)].copy()
    del other.uns["latent_effects"]
    cr.tl.latent_effects(other, model, groupby="channel")
    for table in ("results", "groups"):
        pd.testing.assert_frame_equal(other.uns["latent_effects"][table], adata.uns["latent_effects"][table], atol=1e-5)


def test_copy_and_modality(adata, model):
    mdata = MuData({"morphology": adata})
    changed = cr.tl.latent_effects(mdata, model, mod="morphology", key_added="mine", copy=True)
    assert "mine" in changed["morphology"].uns
    assert "mine" not in adata.uns


def test_a_model_of_points_and_one_of_a_condition(adata):
    points = train(adata, "denoising_autoencoder", key_added="X_points")
    with pytest.raises(ValueError, match="is a point and has no prior. Set values='data'"):
        cr.tl.latent_effects(adata, points)
    cr.tl.latent_effects(adata, points, values="data")
    told = train(adata, "conditional_vae", condition="plate", key_added="X_told")
    cr.tl.latent_effects(adata, told)
    half = np.array([0.5, 0.5])
    ends = told.decode(np.array([[3.0, 0], [-3, 0]]), condition=half, device="cpu")["X"]
    np.testing.assert_allclose(wide(adata).loc["latent 0", adata.var_names], ends[0] - ends[1], atol=1e-5)


def test_traverse_of_profiles(adata, model):
    walk = cr.tl.traverse(adata, model, values="prior", which=[1], n_steps=3, span=(0.1, 0.9), device="cpu")
    assert walk["outputs"]["X"].shape == (1, 3, 8)
    z = np.zeros((3, 2))
    z[:, 1] = walk["steps"]["value"]
    np.testing.assert_allclose(walk["outputs"]["X"][0], model.decode(z, device="cpu")["X"], atol=1e-6)
    assert cr.tl.traverse(adata, model, along="components", n_steps=4)["outputs"]["X"].shape == (2, 4, 8)
    with pytest.raises(ValueError, match=r"The model draws 'X', .* cr.tl.latent_effects for profiles"):
        cr.pl.traverse(adata, model)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": "vae"}, TypeError, "model must be a TrainedModel, got 'vae'"),
        ({"span": 0}, ValueError, "span must be a finite number above 0, got 0"),
        ({"values": "mean"}, ValueError, "values must be one of 'prior', 'data', got 'mean'"),
        ({"use_rep": "X_vae"}, ValueError, "use_rep='X_vae' is for values='data'"),
        ({"values": "data", "use_rep": "X_no"}, KeyError, r"No 'X_no' in .obsm.*cr.tl.embed\(data, model\)"),
        ({"n_components": 9}, ValueError, "n_components=9 is more than the 8 of 60 rows and 8 features"),
        (
            {"fit_on": ("split", "all")},
            ValueError,
            r"fit_on=\('split', 'all'\): no observation has this value; there are",
        ),
        ({"fit_on": 3}, TypeError, "fit_on must be a column of booleans, or a column and a value"),
        ({"groupby": "organelle"}, KeyError, "No 'organelle' in .var .*Set groupby to some of them"),
        ({"groupby": "empty"}, ValueError, "groupby=.'empty'.: no feature has a value"),
        ({"key_added": "taken"}, ValueError, "'taken' that cr.tl.latent_effects did not write"),
        ({"device": "foo"}, ValueError, "device must be 'auto'"),
    ],
)
def test_error(adata, model, options, error, match):
    adata.uns["taken"] = 1
    adata.var["empty"] = None
    with pytest.raises(error, match=match):
        cr.tl.latent_effects(adata, **{"model": model, **options})
    assert "latent_effects" not in adata.uns


def test_error_profiles_in_obsm(adata):
    adata.obsm["features"] = adata.X
    model = train(adata, inputs="features", key_added="X_own")
    with pytest.raises(ValueError, match=r"are columns of .var, and the profiles are in .obsm\['features'\]"):
        cr.tl.latent_effects(adata, model, groupby="channel")
    cr.tl.latent_effects(adata, model)
