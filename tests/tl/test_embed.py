import anndata as ad
import numpy as np
import pandas as pd
import pytest

import crepr as cr


def test_anchor_cells_trained_on_get_the_same_latents(adata, train):
    model = train(adata)
    trained = adata.obsm.pop("X_vae")
    assert cr.tl.embed(adata, model, progress=False, logvar=True) is None
    np.testing.assert_array_equal(adata.obsm["X_vae"], trained)
    assert adata.obsm["X_vae_logvar"].shape == trained.shape


def test_anchor_new_slide(adata, other, train):
    model = train(adata)
    copy = cr.tl.embed(other, model, key_added="X_new", progress=False, copy=True)
    assert copy.obsm["X_new"].shape == (25, 3)
    assert "X_new" not in other.obsm


def test_property_two_slides_joined_are_embedded_as_each_alone(adata, other, train):
    model = train(adata)
    joined = ad.concat([adata, other])  # drops .uns
    cr.tl.embed(joined, model, progress=False)
    cr.tl.embed(other, model, progress=False)
    np.testing.assert_allclose(joined.obsm["X_vae"][:40], adata.obsm["X_vae"], atol=1e-6)
    np.testing.assert_allclose(joined.obsm["X_vae"][40:], other.obsm["X_vae"], atol=1e-6)


def test_property_order_and_subset_do_not_matter(adata, train):
    model = train(adata)
    some = adata[[7, 3, 30]].copy()
    cr.tl.embed(some, model, progress=False)
    np.testing.assert_allclose(some.obsm["X_vae"], adata.obsm["X_vae"][[7, 3, 30]], atol=1e-6)


def test_property_intensity_limits_are_those_of_training(adata, other, train):
    cr.pp.intensity(adata, progress=False)
    model = train(adata, inputs="stain")
    cr.tl.embed(other, model, progress=False)
    unscaled = other.obsm["X_vae"]
    cr.pp.intensity(other, percentiles=(40, 60), progress=False)  # the model does not ask for it
    cr.tl.embed(other, model, progress=False)
    np.testing.assert_array_equal(other.obsm["X_vae"], unscaled)


def test_error_cells_scaled_one_by_one(adata, other, train):
    cr.pp.intensity(adata, per="cell", progress=False)
    model = train(adata, inputs="stain")
    with pytest.raises(ValueError, match=r"Run cr\.pp\.intensity\(data, per='cell'\) first"):
        cr.tl.embed(other, model, progress=False)
    cr.pp.intensity(other, per="cell", progress=False)
    cr.tl.embed(other, model, progress=False)
    assert np.isfinite(other.obsm["X_vae"]).all()


def test_error_what_the_new_data_lack_is_named(adata, other, train, tmp_path):
    model = train(adata)
    no_membrane = other.copy()
    pixels = np.ones((1, 160, 160), np.uint16)
    cr.pp.crops(no_membrane, pixels, size=16, axes="cyx", channel_names=["dapi"])
    with pytest.raises(ValueError, match="membrane"):
        cr.tl.embed(no_membrane, model, progress=False)

    x, y = other.obsm["spatial"][0]
    molecules = pd.DataFrame({"x": [x], "y": [y], "gene": ["Actb"], "cell": ["d0"]})
    cr.pp.transcripts(other, molecules, cell="cell", path=tmp_path / "few.parquet", genes=["Actb"], progress=False)
    with pytest.raises(ValueError, match="2 of 3 genes are in no table of molecules: 'Cd4', 'Epcam'"):
        cr.tl.embed(other, model, progress=False)

    del other.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr\.pp\.crops first"):
        cr.tl.embed(other, model, progress=False)


@pytest.fixture(scope="module")
def layered():
    cells = cr.datasets.synthetic_cells(n_obs=24, size=16, n_classes=3)
    model = cr.tl.train_inpainting(
        cells, markers="membrane", proteins="protein", image_key="class", width=0.05, max_epochs=1, progress=False
    )
    return cells, model


def test_anchor_layers(layered):
    cells, model = layered
    for key in list(cells.obsm):
        if key.startswith("X_inpainting"):
            del cells.obsm[key]
    cr.tl.embed(cells, model, layer=("conv4", "conv2"), key_added="X_some", progress=False)
    assert {key for key in cells.obsm if key.startswith("X_")} == {"X_some_conv2", "X_some_conv4"}


@pytest.mark.parametrize(
    ("layer", "error", "match"),
    [
        (3, TypeError, "layer must be a name or a list of names, got 3"),
        ([3], TypeError, r"layer must be a name or a list of names, got \[3\]"),
        ([], ValueError, r"layer=\[\] names no layer. Name some of 'conv1', .*or leave it out"),
        ("conv9", ValueError, "layer must be one of 'conv1', .*got 'conv9'"),
    ],
)
def test_error_layers(layered, layer, error, match):
    cells, model = layered
    with pytest.raises(error, match=match):
        cr.tl.embed(cells, model, layer=layer, progress=False)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": "vae"}, TypeError, r"model must be a TrainedModel, got 'vae'. Give cr.load_model\('vae'\)"),
        ({"model": 3}, TypeError, "model must be a TrainedModel, got 3. Give what cr.tl.train_vae returns"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"device": "foo"}, ValueError, "device must be 'auto'.*got 'foo'"),
        ({"device": "cuda"}, ValueError, "device='cuda', but torch .* sees no CUDA"),
        ({"key_added": "transcripts"}, ValueError, "key_added='transcripts' would replace"),
        ({"key_added": "a/b"}, ValueError, "without slashes"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
    ],
)
def test_error_bad_options(adata, train, monkeypatch, options, error, match):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    model = train(adata, inputs="stain", max_epochs=1)
    before = set(adata.obsm)
    with pytest.raises(error, match=match):
        cr.tl.embed(adata, **{"model": model, "progress": False, **options})
    assert set(adata.obsm) == before
