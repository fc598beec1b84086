import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData

import crepr as cr

N = 96


@pytest.fixture
def adata():
    """12 images of three labels; the signal is largest in the second of three layers."""
    rng = np.random.default_rng(0)
    image = rng.permutation(np.arange(N) % 12)
    label = image % 3
    obs = pd.DataFrame(
        {"label": np.array(["T/NK", "b", "c"])[label], "image": [f"im{i}" for i in image]},
        index=[f"c{i}" for i in range(N)],
    )
    adata = AnnData(obs=obs)
    for name, signal, d in (("conv10", 0.4, 5), ("conv1", 0.0, 3), ("conv2", 3.0, 4)):
        adata.obsm[f"X_inpainting_{name}"] = rng.normal(size=(N, d)) + signal * (label == np.arange(d)[:, None]).T
    adata.obsm["X_vae"] = rng.normal(size=(N, 2))
    return adata


def run(data, by="label", **options):
    assert cr.tl.choose_layer(data, by, progress=False, **options) is None
    return cr.get.choose_layer(data, key_added=options.get("key_added"))


def test_anchor_natural_order_and_the_best(adata):
    table = run(adata)
    assert table["layer"].tolist() == ["conv1", "conv2", "conv10"]
    assert table["n_features"].tolist() == [3, 4, 5]
    assert table["best"].tolist() == [False, True, False]
    assert table.columns.tolist() == ["layer", "n_features", "balanced_accuracy", "chance", "chance_sd", "best"]
    assert table["chance"].between(0.25, 0.42).all()
    assert adata.uns["choose_layer"]["params"]["layers"].tolist() == ["conv1", "conv2", "conv10"]


@pytest.mark.parametrize("exclude", [None, "image"])
def test_reference_is_each_layer_alone(adata, exclude):
    table = run(adata, exclude=exclude, image_key="image", n_neighbors=7, n_pairs=5, rng=3).set_index("layer")
    for name in table.index:
        rep = f"X_inpainting_{name}"
        cr.tl.knn_accuracy(adata, "label", use_rep=rep, exclude=exclude, n_neighbors=7, standardize=True, rng=3)
        cr.tl.label_distances(adata, "label", image_key="image", use_rep=rep, n_pairs=5, rng=3)
        one = cr.get.knn_accuracy(adata, table="macro").set_index("measure").loc["balanced_accuracy"]
        found = table.loc[name]
        np.testing.assert_allclose(
            found[["balanced_accuracy", "chance", "chance_sd"]].astype(float), one[["value", "chance", "chance_sd"]]
        )
        macro = cr.get.label_distances(adata, table="macro").loc[0, ["z", "relative"]]
        np.testing.assert_allclose(found[["z", "relative"]].astype(float), macro.astype(float))
    assert table["relative"].idxmin() == "conv2"


def test_anchor_named_layers_and_no_chance(adata):
    table = run(adata, layers=["conv10", "conv1"], n_perms=0)
    assert table["layer"].tolist() == ["conv10", "conv1"]
    assert "chance" not in table
    assert table["best"].sum() == 1
    assert run(adata, layers="conv1")["best"].tolist() == [True]


def test_anchor_other_keys_are_no_layers_unless_named(adata):
    adata.obsm["X_inpainting_umap"] = adata.obsm["X_inpainting_conv2_scaled"] = adata.obsm["X_inpainting_conv2"]
    expected = ["conv1", "conv2", "conv10"]
    assert run(adata)["layer"].tolist() == expected
    assert run(adata, layers=["umap", "conv1"])["layer"].tolist() == ["umap", "conv1"]
    for name in expected:
        del adata.obsm[f"X_inpainting_{name}"]
    with pytest.raises(
        KeyError, match="No layers 'X_inpainting_conv1', ... in .obsm .*'X_inpainting_umap'.* or name other layers"
    ):
        run(adata)
    assert run(adata, layers="umap")["layer"].tolist() == ["umap"]


def test_property_types_of_columns(adata):
    adata.obs["plain"] = np.where(adata.obs["label"] == "b", "b", "a")
    expected = run(adata, "plain", image_key="image", exclude="image")
    adata.obs["image"] = pd.Categorical(adata.obs["image"]).add_categories("im99")
    adata.obs["boolean"] = pd.array(adata.obs["plain"] == "b", dtype="boolean")
    adata.obs["unused"] = pd.Categorical(adata.obs["plain"], categories=["z", "a", "b"])
    for by in ("boolean", "unused"):
        pd.testing.assert_frame_equal(run(adata, by, image_key="image", exclude="image"), expected)


def test_property_some_other_labels(adata):
    expected = run(adata, image_key="image")
    assert run(adata, image_key="image", n_others=2).equals(expected)
    fewer = run(adata, image_key="image", n_others=1)
    assert not np.allclose(fewer["relative"], expected["relative"])
    assert fewer["balanced_accuracy"].equals(expected["balanced_accuracy"])


@pytest.mark.slow  # numba compiles the search
def test_property_the_search_agrees_for_few_cells(adata):
    pd.testing.assert_frame_equal(run(adata, exact=False), run(adata))


def test_anchor_the_first_of_equals(adata):
    adata.obsm["X_inpainting_conv3"] = adata.obsm["X_inpainting_conv2"]
    assert run(adata)["best"].tolist() == [False, True, False, False]


def test_property_scale_and_order(adata):
    expected = run(adata, image_key="image", n_perms=0)
    other = adata[np.random.default_rng(1).permutation(N)].copy()
    for name in ("conv1", "conv2", "conv10"):
        other.obsm[f"X_inpainting_{name}"] = other.obsm[f"X_inpainting_{name}"] * 10 + 100
    pd.testing.assert_frame_equal(run(other, image_key="image", n_perms=0), expected)


def test_property_modalities_copy_and_foreign_keys(adata):
    expected = run(adata)
    copy = cr.tl.choose_layer(adata, "label", key_added="mine", progress=False, copy=True)
    assert "mine" not in adata.uns
    assert "mine" in copy.uns
    adata.uns["taken"] = 1
    with pytest.raises(ValueError, match="'taken' that cr.tl.choose_layer did not write"):
        run(adata, key_added="taken")
    stain = AnnData(obs=adata.obs[["image"]], obsm=dict(adata.obsm))
    mdata = MuData({"rna": AnnData(obs=adata.obs[["label"]]), "stain": stain})
    pd.testing.assert_frame_equal(run(mdata, "rna:label"), expected)
    assert "choose_layer" in mdata.uns
    assert run(mdata, "rna:label", mod="stain", key_added="other").equals(expected)
    mdata.obsm["X_inpainting_conv7"] = adata.obsm["X_inpainting_conv2"]
    assert run(mdata, "rna:label")["layer"].tolist() == ["conv7"]
    both = MuData({"a": adata, "b": adata.copy()})
    with pytest.raises(ValueError, match="Several modalities have layers of 'X_inpainting': 'a', 'b'. Set mod"):
        run(both, "a:label")


def test_anchor_warnings(adata):
    adata.obs["label"] = np.where(adata.obs["image"] == "im3", "alone", adata.obs["label"])
    # three cells of that image stay
    place = (adata.obs["image"] == "im3").cumsum().where(adata.obs["image"] == "im3", 0)
    few = adata[place <= 3].copy()
    with (
        pytest.warns(UserWarning, match="with one image, whose scores are NaN: 'alone'") as of_images,
        pytest.warns(UserWarning, match=r"fewer than 5 cells, whose recall says little: alone \(3\)") as of_cells,
    ):
        run(few, image_key="image")
    assert {warning.filename for caught in (of_images, of_cells) for warning in caught} == {__file__}


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_property_survives_writing(adata, suffix, tmp_path):
    expected = run(adata, image_key="image")
    path = tmp_path / f"a.{suffix}"
    getattr(adata, f"write_{suffix}")(path)
    read = getattr(anndata, f"read_{suffix}")(path)
    pd.testing.assert_frame_equal(cr.get.choose_layer(read), expected, check_dtype=False)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"use_rep": "X_mevae"}, KeyError, "No layers 'X_mevae_conv1', ... in .obsm .there are: .*'X_vae'.*Run cr.tl.train_inpainting"),
        ({"layers": "conv4"}, KeyError, "No 'conv4' in the layers of 'X_inpainting' .*'conv1', 'conv2', 'conv10'"),
        ({"layers": []}, ValueError, r"layers=\[\] names no layer. Name some"),
        ({"layers": [3]}, TypeError, "layers must be a name or a list of names"),
        ({"by": "type"}, KeyError, "No 'type' in .obs .*Set groupby"),
        ({"by": "one"}, ValueError, "groupby='one' must have at least two labels"),
        ({"exclude": "plate"}, KeyError, "No 'plate' in .obs .*Set exclude"),
        ({"image_key": "well"}, KeyError, "No 'well' in .obs .*Set image_key"),
        ({"image_key": "label", "by": "image"}, ValueError, "groupby='image' must be the same for all cells of an image"),
        ({"image_key": "label"}, ValueError, "Each label of groupby='label' has one image of image_key='label'"),
        ({"exact": False, "exclude": "image"}, ValueError, "exclude='image' needs .* got exact=False"),
        ({"n_others": 0}, ValueError, "n_others must be at least 1"),
        ({"n_neighbors": 96}, ValueError, "n_neighbors=96 is more than the 95 others of each cell"),
        ({"n_perms": -1}, ValueError, "n_perms must be at least 0"),
        ({"n_pairs": 0}, ValueError, "n_pairs must be at least 1"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"device": "gpu"}, ValueError, "device must be"),
        ({"use_rep": "X_bad"}, ValueError, "obsm.'X_bad_conv1'. holds NaN or infinite values in 1 of 96 cells"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    adata.obs["one"] = "x"
    adata.obsm["X_bad_conv1"] = np.where(np.arange(N)[:, None] == 7, np.nan, adata.obsm["X_vae"])
    with pytest.raises(error, match=match):
        run(adata, **options)
    assert not adata.uns
