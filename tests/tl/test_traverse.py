import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.decomposition import PCA

import crepr as cr


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of a condition, and the cells that it was trained on."""
    cells = cr.datasets.synthetic_cells(n_obs=40, size=16)
    cells.obs["dose"] = np.arange(40.0)
    options = {"model": "conditional_vae", "condition": "dose", "n_latent": 4, "batch_size": 20, "max_epochs": 4}
    options |= {"model_options": {"widths": (4, 8)}, "progress": False, "accelerator": "cpu", "lr": 0.01}
    model = cr.tl.train_vae(cells, **options)
    return cells, model


@pytest.fixture
def model(trained):
    return trained[1]


@pytest.fixture
def cells(trained):
    return trained[0].copy()


def decoded(cells, model, z, dose):
    """The oracle: one decoding."""
    told = (dose - cells.obs["dose"].mean()) / cells.obs["dose"].std(ddof=0)
    return model.decode(np.array([z]), condition=np.array([told]), device="cpu")["stain"][0]


def test_anchor_one_latent_moves_and_the_rest_is_the_mean(cells, model):
    result = cr.tl.traverse(cells, model, which=[2, 0], n_steps=3, span=(0.1, 0.9), device="cpu")
    table, pictures = result["steps"], result["outputs"]["stain"]
    assert pictures.shape == (2, 3, 2, 16, 16)
    assert list(table.columns) == ["walk", "step", "quantile", "value"]
    assert table["walk"].tolist() == ["latent 2"] * 3 + ["latent 0"] * 3
    assert table["step"].tolist() == [0, 1, 2] * 2
    np.testing.assert_allclose(table["quantile"], [0.1, 0.5, 0.9] * 2)
    z = cells.obsm["X_vae"].astype(float)
    for row, each in table.iterrows():
        latent = int(each["walk"].split()[1])
        assert each["value"] == pytest.approx(np.quantile(z[:, latent], each["quantile"]))
        place = z.mean(0)
        place[latent] = each["value"]
        expected = decoded(cells, model, place, cells.obs["dose"].mean())
        np.testing.assert_allclose(pictures[divmod(row, 3)], expected, atol=1e-5)


def test_anchor_from_a_cell_and_its_condition(cells, model):
    result = cr.tl.traverse(cells, model, cell="cell_08", which=[1], n_steps=2, device="cpu")
    place = cells.obsm["X_vae"][7].astype(float)
    place[1] = result["steps"]["value"][1]
    np.testing.assert_allclose(result["outputs"]["stain"][0, 1], decoded(cells, model, place, 7.0), atol=1e-5)
    by_number = cr.tl.traverse(cells, model, cell=7, which=[1], n_steps=2, device="cpu")
    np.testing.assert_array_equal(by_number["outputs"]["stain"], result["outputs"]["stain"])


def test_anchor_prior(cells, model):
    result = cr.tl.traverse(cells, model, values="prior", which=[3], n_steps=5, device="cpu")
    np.testing.assert_allclose(result["steps"]["value"], norm.ppf([0.05, 0.275, 0.5, 0.725, 0.95]), atol=1e-12)
    middle = decoded(cells, model, np.zeros(4), cells.obs["dose"].mean())
    np.testing.assert_allclose(result["outputs"]["stain"][0, 2], middle, atol=1e-5)


def test_reference_principal_components(cells, model):
    z = cells.obsm["X_vae"].astype(float)
    pca = PCA().fit(z)
    result = cr.tl.traverse(cells, model, along="components", n_walks=2, n_steps=2, device="cpu")
    assert result["steps"]["walk"].unique().tolist() == ["component 0", "component 1"]
    for k in range(2):
        scores = pca.transform(z)[:, k]
        for step, share in enumerate((0.05, 0.95)):
            # a component has no sign of its own
            places = [z.mean(0) + np.quantile(scores, q) * pca.components_[k] for q in (share, 1 - share)]
            expected = [decoded(cells, model, place, cells.obs["dose"].mean()) for place in places]
            found = result["outputs"]["stain"][k, step]
            assert min(np.abs(found - picture).max() for picture in expected) < 1e-4


def test_property_walks_are_those_of_largest_variance(cells, model):
    table = cr.tl.traverse(cells, model, n_walks=2, device="cpu")["steps"]
    largest = np.argsort(-cells.obsm["X_vae"].var(0))[:2]
    assert table["walk"].unique().tolist() == [f"latent {i}" for i in largest]
    assert len(cr.tl.traverse(cells, model, device="cpu")["outputs"]["stain"]) == 4  # no more than there are


def test_property_order_of_cells_does_not_matter(cells, model, rng):
    order = rng.permutation(40)
    for along in ("latents", "components"):
        options = {"along": along, "n_walks": 1, "n_steps": 3, "device": "cpu"}
        found = cr.tl.traverse(cells, model, **options)
        other = cr.tl.traverse(cells[order].copy(), model, **options)
        sides = [other["outputs"]["stain"], other["outputs"]["stain"][:, ::-1]]
        assert min(np.abs(found["outputs"]["stain"] - side).max() for side in sides) < 1e-4
        if along == "latents":
            pd.testing.assert_frame_equal(found["steps"], other["steps"])


def test_property_writes_nothing_and_takes_other_latents(cells, model):
    before = set(cells.obsm), set(cells.uns)
    result = cr.tl.traverse(cells, model, n_walks=1, n_steps=2)
    assert (set(cells.obsm), set(cells.uns)) == before
    cr.tl.embed(cells, model, key_added="X_again", progress=False)
    del cells.obsm["X_vae"]
    again = cr.tl.traverse(cells, model, n_walks=1, n_steps=2, use_rep="X_again")
    np.testing.assert_allclose(again["outputs"]["stain"], result["outputs"]["stain"], atol=1e-5)


def test_property_modality_and_several_targets(mdata, train):
    model = train(mdata)
    pictures = cr.tl.traverse(mdata, model, n_walks=2, n_steps=3)["outputs"]
    assert {name: array.shape for name, array in pictures.items()} == {
        "stain": (2, 3, 2, 16, 16),
        "transcripts": (2, 3, 3, 16, 16),
    }
    assert all(0 <= array.min() <= array.max() <= 1 for array in pictures.values())


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"along": "pcs"}, ValueError, "along must be one of 'latents', 'components', got 'pcs'"),
        ({"values": "mean"}, ValueError, "values must be one of 'data', 'prior', got 'mean'"),
        (
            {"along": "components", "values": "prior"},
            ValueError,
            "prior has no principal components. Set values='data'",
        ),
        ({"n_walks": 0}, ValueError, "n_walks must be at least 1, got 0"),
        ({"n_steps": 1}, ValueError, "n_steps must be at least 2, got 1"),
        *[
            ({"span": span}, ValueError, "span must be two numbers that rise between 0 and 1")
            for span in (0.5, (0.5,), (0.1, 0.5, 0.9), (0, 0.5), (0.9, 0.1), ("a", "b"), (np.nan, 0.5))
        ],
        ({"which": []}, TypeError, r"which must be numbers of latents, got \[\]"),
        ({"which": ["latent 1"]}, TypeError, "which must be numbers of latents"),
        ({"which": [4]}, ValueError, r"which must hold numbers of latents from 0 to 3, got \[4\]"),
        ({"which": [-1], "along": "components"}, ValueError, "numbers of components from 0 to 3"),
        ({"cell": "nobody"}, KeyError, "1 of 1 cells are not in obs_names: 'nobody'"),
        ({"cell": 99}, IndexError, "positions outside 0 to 39: 99"),
        (
            {"use_rep": "X_other"},
            KeyError,
            r"No 'X_other' in .obsm.*Run cr.tl.embed\(data, model\) first, or set use_rep",
        ),
        ({"use_rep": "narrow"}, ValueError, "use_rep='narrow' has 2 dimensions, and the model 4 latents"),
        ({"use_rep": "holes"}, ValueError, r"holds NaN or infinite values in 1 of 40 cells \('cell_03'\)"),
        ({"mod": "stain"}, ValueError, "mod='stain' needs a MuData"),
        ({"device": "foo"}, ValueError, "device must be 'auto'.*got 'foo'"),
        ({"model": "vae"}, TypeError, r"model must be a TrainedModel, got 'vae'. Give cr.load_model\('vae'\)"),
    ],
)
def test_error(cells, model, options, error, match):
    cells.obsm["narrow"] = np.ones((40, 2))
    cells.obsm["holes"] = cells.obsm["X_vae"].copy()
    cells.obsm["holes"][2, 1] = np.nan
    with pytest.raises(error, match=match):
        cr.tl.traverse(cells, **{"model": model, **options})
