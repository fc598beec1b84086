import re

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

import crepr as cr

OPTIONS = {
    "markers": "membrane", "proteins": "protein", "image_key": "image", "width": 0.05, "size": 32, "max_epochs": 2, "progress": False,
}  # fmt: skip


def make(n_obs=40, seed=0):
    adata = cr.datasets.synthetic_cells(n_obs=n_obs, size=32, rng=seed)
    adata.obs["image"] = pd.Categorical([f"field {i % 4}" for i in range(n_obs)])
    return adata


@pytest.fixture(scope="module")
def cells():
    return make()


@pytest.fixture
def adata(cells):
    return cells.copy()


@pytest.fixture(scope="module")
def trained(cells):
    adata = cells.copy()
    return adata, cr.tl.train_inpainting(adata, **OPTIONS)


def layers_of(adata, key="X_inpainting"):
    return {name: np.asarray(adata.obsm[name]) for name in adata.obsm if name.startswith(f"{key}_")}


def test_writes_layers_and_record(trained):
    adata, model = trained
    shapes = {name: values.shape for name, values in layers_of(adata).items()}
    assert shapes == {f"X_inpainting_conv{i + 1}": (40, width) for i, width in enumerate((5, 13, 19, 19, 13))}
    assert all(values.dtype == np.float32 for values in layers_of(adata).values())
    entry = adata.uns["inpainting"]
    assert entry["params"]["proteins"] == ["protein"]
    assert entry["params"]["beta1"] == 0.5
    assert len(entry["history"]) == 2
    assert list(entry["history"]) == ["train_loss", "train_protein_mse"]
    assert "conv1, conv2" in repr(model)


def test_anchor_features_are_pooled_after_relu_and_before_the_norm(trained):
    adata, model = trained
    crops = cr.get.crops(adata)[:, [1, 0]]
    low, high = crops.min((2, 3), keepdims=True), crops.max((2, 3), keepdims=True)
    planes = torch.from_numpy(((crops - low) / (high - low)).astype(np.float32))
    conv = model.network.encoders["source"].convs[0]
    with torch.no_grad():
        maps = conv(planes).relu()
    expected = {"max": maps.amax((2, 3)), "mean": maps.mean((2, 3))}
    np.testing.assert_allclose(adata.obsm["X_inpainting_conv1"], expected["max"], rtol=1e-4, atol=1e-5)
    again = adata.copy()
    cr.tl.embed(again, model, layer="conv1", pooling="mean", key_added="Y", progress=False)
    np.testing.assert_allclose(again.obsm["Y_conv1"], expected["mean"], rtol=1e-4, atol=1e-5)


def test_property_saved_model_embeds_alike(trained, tmp_path):
    adata, model = trained
    model.save(tmp_path / "model")
    other = adata.copy()
    for name in layers_of(adata):
        del other.obsm[name]
    cr.tl.embed(other, cr.load_model(tmp_path / "model"), layer=["conv2", "conv5"], batch_size=7, progress=False)
    assert sorted(layers_of(other)) == ["X_inpainting_conv2", "X_inpainting_conv5"]
    for name, values in layers_of(other).items():
        np.testing.assert_allclose(values, adata.obsm[name], rtol=1e-4, atol=1e-5)


def test_property_cells_are_embedded_alone_and_without_their_image(trained):
    adata, model = trained
    one = adata[3:4].copy()
    del one.obs["image"]
    cr.tl.embed(one, model, progress=False)
    np.testing.assert_allclose(
        one.obsm["X_inpainting_conv4"], adata.obsm["X_inpainting_conv4"][3:4], rtol=1e-4, atol=1e-5
    )


def test_property_same_seed_same_model(trained, adata):
    model = cr.tl.train_inpainting(adata, **OPTIONS)
    expected = trained[1].network.state_dict()
    assert all(torch.equal(values, expected[name]) for name, values in model.network.state_dict().items())


def test_property_resumed_run_is_the_uninterrupted_one(trained, adata, tmp_path):
    cr.tl.train_inpainting(adata, **{**OPTIONS, "max_epochs": 1}, checkpoint_dir=tmp_path)
    model = cr.tl.train_inpainting(adata, **OPTIONS, checkpoint_dir=tmp_path, resume=True)
    expected = trained[1].network.state_dict()
    assert all(torch.equal(values, expected[name]) for name, values in model.network.state_dict().items())
    adata.obs["odd"] = np.arange(40) % 2 == 1
    with pytest.raises(ValueError, match="other data, options or seed"):
        cr.tl.train_inpainting(adata, **OPTIONS, exclude="odd", checkpoint_dir=tmp_path, resume=True)


@pytest.mark.parametrize(
    "options", [{"candidates": 3}, {"augment": "dihedral"}, {"augment": "free"}, {"pooling": "mean"}]
)
def test_options_change_the_result(trained, adata, options):
    cr.tl.train_inpainting(adata, **{**OPTIONS, **options})
    assert (adata.obsm["X_inpainting_conv3"] != trained[0].obsm["X_inpainting_conv3"]).any()


def test_autoencoder_draws_the_cell_it_sees(adata):
    model = cr.tl.train_inpainting(adata, **OPTIONS, model="autoencoder")
    assert sorted(layers_of(adata, "X_autoencoder")) == [f"X_autoencoder_conv{i}" for i in range(1, 6)]
    assert list(model.history) == ["train_loss", "train_stain_mse"]
    shown = cr.tl.reconstruct(adata, model)
    np.testing.assert_array_equal(shown["inputs"]["stain"], shown["targets"]["stain"])


def test_small_images_and_excluded_cells_are_embedded_and_not_trained_on(adata):
    adata.obs["image"] = pd.Categorical(["lone", "lone", *(f"field {i % 2}" for i in range(38))])
    adata.obs["varies"] = np.arange(40) >= 35
    with pytest.warns(UserWarning, match=r"1 images have fewer than min_cells=3 .*'lone \(2\)'") as record:
        cr.tl.train_inpainting(adata, **OPTIONS, min_cells=3, exclude="varies")
    assert record[0].filename == __file__
    assert adata.uns["inpainting"]["left_out"].to_numpy().tolist() == [["lone", 2]]
    assert adata.uns["inpainting"]["params"]["n_excluded"] == 5
    assert np.isfinite(adata.obsm["X_inpainting_conv5"]).all()


def test_validation_holds_out_whole_images(adata):
    model = cr.tl.train_inpainting(adata, **OPTIONS, validation=0.25)
    assert model.params["n_held_out"] == 10
    assert "val_protein_mse" in model.history
    adata.obs["held"] = adata.obs["image"] == "field 1"
    assert cr.tl.train_inpainting(adata, **OPTIONS, validation="held").params["n_held_out"] == 10
    adata.obs["held"] = adata.obs["held"].astype("boolean")
    assert cr.tl.train_inpainting(adata, **OPTIONS, validation="held").params["n_held_out"] == 10
    adata.obs.loc[adata.obs_names[1], "held"] = False
    with pytest.raises(ValueError, match="holds out parts of images"):
        cr.tl.train_inpainting(adata, **OPTIONS, validation="held")


def test_reconstruct_draws_a_partner(trained):
    adata, model = trained
    shown = cr.tl.reconstruct(adata, model, cells=adata.obs_names[:3].tolist())
    assert shown["inputs"]["source"].shape == (3, 2, 32, 32)
    assert shown["inputs"]["markers"].shape == shown["targets"]["protein"].shape == (3, 1, 32, 32)
    assert shown["outputs"]["protein"].min() >= 0
    lone = adata[[0, 1, 4, 5, 6]].copy()
    with pytest.raises(ValueError, match="1 cells are alone in their image"):
        cr.tl.reconstruct(lone, model)


def test_layers_of_the_model_before_do_not_stay(adata):
    cr.tl.train_inpainting(adata, **OPTIONS)
    adata.obsm["X_inpainting_own"] = adata.obsm["X_inpainting_conv1"]
    cr.tl.train_inpainting(adata, **OPTIONS, layer=["conv2", "conv3"])
    assert sorted(layers_of(adata)) == ["X_inpainting_conv2", "X_inpainting_conv3", "X_inpainting_own"]


def test_what_is_written_survives_files(adata, tmp_path):
    cr.tl.train_inpainting(adata, **OPTIONS, layer="conv3")
    adata.write_h5ad(tmp_path / "cells.h5ad")
    again = ad.read_h5ad(tmp_path / "cells.h5ad")
    np.testing.assert_array_equal(again.obsm["X_inpainting_conv3"], adata.obsm["X_inpainting_conv3"])
    assert list(again.uns["inpainting"]["left_out"]) == ["image", "n_cells"]


def test_several_proteins_and_a_mudata():
    import mudata as md

    tissue = cr.datasets.synthetic_tissue(n_obs=100)
    tissue["stain"].obs["image"] = pd.Categorical(np.arange(100) % 3)
    model = cr.tl.train_inpainting(
        tissue, markers=["DAPI"], proteins=["membrane"], image_key="image", width=0.05, max_epochs=1, progress=False
    )
    assert "X_inpainting_conv1" in tissue["stain"].obsm
    assert isinstance(tissue, md.MuData)
    shown = cr.tl.inpaint(tissue, model, sources=np.array([0]), targets=np.array([1]), progress=False)
    assert shown["source"].shape == (1, 2, 48, 48)


BAD = {
    "overlap": ({"proteins": ["protein", "membrane"]}, ValueError, "'membrane' is among markers and proteins"),
    "missing": ({"markers": "DAPI"}, KeyError, "No 'DAPI' in the channels of the crops"),
    "none": ({"markers": []}, ValueError, "markers must name at least one channel"),
    "no names": ({"markers": 3}, TypeError, "markers must be a name or a list of names, got 3"),
    "layer": ({"layer": "conv6"}, ValueError, "layer must be one of 'conv1'.*got 'conv6'"),
    "no layer": ({"layer": []}, ValueError, "layer=.. names no layer"),
    "size": ({"size": 30}, ValueError, "size=30 is not divisible by 4.*Set size to 28 or 32"),
    "key": ({"image_key": "well"}, KeyError, "well"),
    "unique": ({"image_key": "name"}, ValueError, "image_key='name' is another for each of the 40 cells"),
    "few": (
        {"min_cells": 11},
        ValueError,
        "No image of image_key='image' has 11 cells; the largest has 10. Set min_cells lower",
    ),
    "exclude": ({"exclude": "image"}, TypeError, "exclude='image' must be a column of booleans"),
    "width": ({"width": 0}, ValueError, "width"),
    "option": ({"model_options": {"n_latent": 3}}, ValueError, "model_options must be"),
    "candidates": ({"model": "autoencoder", "candidates": 2}, ValueError, "an autoencoder has no targets"),
    "model": ({"model": "vae"}, ValueError, "model must be"),
    "pooling": ({"pooling": "median"}, ValueError, "pooling must be"),
    "augment": ({"augment": "twist"}, ValueError, "augment must be"),
    "crops": ({"key_added": "crops"}, ValueError, "would replace what crepr reads"),
}


@pytest.mark.parametrize("case", BAD)
def test_error(adata, case):
    options, error, match = BAD[case]
    adata.obs["name"] = adata.obs_names
    with pytest.raises(error, match=match):
        cr.tl.train_inpainting(adata, **{**OPTIONS, **options})
    assert not layers_of(adata)
    assert "inpainting" not in adata.uns


def test_error_one_channel():
    adata = ad.AnnData(obs=pd.DataFrame({"image": ["a"] * 4}, index=list("wxyz")))
    cr.pp.crops(adata, np.random.default_rng(0).random((4, 1, 16, 16)), axes="ncyx", channel_names=["GFP"])
    with pytest.raises(ValueError, match=r"one channel, 'GFP'.*draws a protein from markers"):
        cr.tl.train_inpainting(adata, markers=[], proteins="GFP", image_key="image")


def test_error_layers(trained, adata):
    _, model = trained
    with pytest.raises(ValueError, match=re.escape("layer must be")) as raised:
        cr.tl.embed(adata, model, layer="conv9")
    assert "'conv1'" in str(raised.value)
    with pytest.raises(ValueError, match="has layers and no latent"):
        cr.tl.traverse(trained[0], model)
    with pytest.raises(ValueError, match="is a point, without a variance"):
        cr.tl.embed(adata, model, logvar=True)
    vae = cr.tl.train_vae(adata, max_epochs=1, n_latent=2, progress=False)
    with pytest.raises(ValueError, match="layer='conv1' is for models of layers"):
        cr.tl.embed(adata, vae, layer="conv1")
    with pytest.raises(ValueError, match="model must be"):
        cr.tl.train_vae(adata, model="paired_inpainting")
