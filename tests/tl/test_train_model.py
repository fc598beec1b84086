"""What holds for every model that is trained on data, whatever its name."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData

import crepr as cr
from crepr.models._registry import LATENT_MODELS
from crepr.tl._view import build_view, find_owners
from crepr.train._plan import TrainingPlan

CORRECTED = ("corrected_vae", "denoising_autoencoder", "mevae")
OPTIONS = {
    "conditional_vae": {"condition": ["area", "kind"]},
    "corrected_vae": {"invariant_to": ["rotation", "size"]},
    "mmd_vae": {"model_options": {"widths": (4, 8), "mmd": 10.0}},
    "mevae": {"model_options": {"widths": (4, 8), "hidden": 8}},
}


@pytest.fixture
def adata(adata):
    cr.pp.pose(adata, "dapi", progress=False)
    return adata


@pytest.fixture
def fit(train):
    def fit(data, name, **options):
        inputs = ["stain", "transcripts"] if name == "double_decoder_vae" else "stain"
        return train(data, **{"model": name, "inputs": inputs, **OPTIONS.get(name, {}), **options})

    return fit


@pytest.mark.parametrize("name", LATENT_MODELS)
def test_loss_falls(adata, fit, name):
    model = fit(adata, name, max_epochs=6, lr=0.01)
    assert model.spec.model == name
    loss = model.history["train_loss"]
    assert loss.iloc[-1] < 0.97 * loss.iloc[0]
    assert np.isfinite(adata.obsm["X_vae"]).all()


@pytest.mark.parametrize("name", LATENT_MODELS)
def test_saved_loaded_copied_written_resumed_are_the_same(adata, fit, name, tmp_path):
    model = fit(adata, name, checkpoint_dir=tmp_path / "run", max_epochs=1)
    latents = adata.obsm["X_vae"]
    model.save(tmp_path / "model")
    loaded = cr.load_model(tmp_path / "model")
    assert loaded.spec == model.spec
    copy = adata.copy()
    del copy.obsm["X_vae"]
    cr.tl.embed(copy, loaded, progress=False)
    np.testing.assert_array_equal(copy.obsm["X_vae"], latents)

    adata.write(tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad")
    resumed = fit(read, name, checkpoint_dir=tmp_path / "run", resume=True)
    whole = fit(adata, name)
    pd.testing.assert_frame_equal(resumed.history, whole.history)
    np.testing.assert_array_equal(read.obsm["X_vae"], adata.obsm["X_vae"])


@pytest.mark.parametrize("name", LATENT_MODELS)
def test_reconstructions_have_inputs_targets_and_outputs(adata, fit, name):
    model = fit(adata, name, max_epochs=1)
    pictures = cr.tl.reconstruct(adata, model, cells=["c5", "c2", "c9"])
    assert set(pictures) == {"inputs", "targets", "outputs"}
    assert set(pictures["targets"]) == set(pictures["outputs"]) == set(model.spec.inputs)
    assert set(pictures["inputs"]) == set(model.spec.seen())
    for by_name in pictures.values():
        for array in by_name.values():
            assert array.shape[0::2] == (3, 16)
            assert (array.dtype, array.min() >= 0, array.max() <= 1) == (np.float32, True, True)
    one_by_one = cr.tl.reconstruct(adata, model, cells=["c5", "c2", "c9"], batch_size=1)
    for side, by_name in pictures.items():
        for key, array in by_name.items():
            np.testing.assert_allclose(one_by_one[side][key], array, atol=1e-5)
    if name not in CORRECTED:
        np.testing.assert_array_equal(pictures["inputs"]["stain"], pictures["targets"]["stain"])
    empty = cr.tl.reconstruct(adata, model, cells=[])
    assert all(len(array) == 0 for by_name in empty.values() for array in by_name.values())


@pytest.mark.parametrize("name", LATENT_MODELS)
def test_parts_are_embedded_as_the_whole(adata, fit, name):
    model = fit(adata, name)
    # the smallest cells need the fewest pixels around their windows
    some = np.argsort(adata.obsm["pose"]["area"].to_numpy())[:3]
    part = adata[some].copy()
    cr.tl.embed(part, model, progress=False)
    scale = np.abs(adata.obsm["X_vae"]).max()
    np.testing.assert_allclose(part.obsm["X_vae"], adata.obsm["X_vae"][some], atol=1e-5 * scale)


def test_property_what_is_read_around_a_crop_does_not_scale_it(adata):
    view = build_view(
        find_owners(adata, "stain"),
        options={"augment": "none", "hide_neighbours": False, "dilation": 3, "count_pixels": False, "windows": "crops"},
    )
    cells, stain = np.arange(40), view.inputs["stain"]
    alone, around = (
        stain.assemble(stain.read(cells, margin=margin), pose=None, device="cpu")["planes"].numpy() for margin in (0, 5)
    )
    np.testing.assert_array_equal(around[..., 5:-5, 5:-5], alone)


def test_property_mevae_of_train_vae_is_that_of_train_mevae(adata, fit):
    fit(adata, "mevae", max_epochs=1)
    options = {"n_latent": 3, "batch_size": 16, "max_epochs": 1, "progress": False, "accelerator": "cpu"}
    cr.tl.train_mevae(adata, **OPTIONS["mevae"], **options)
    np.testing.assert_array_equal(adata.obsm["X_vae"], adata.obsm["X_mevae"])


def test_property_latents_forget_what_the_decoder_is_told(adata, fit):
    told = fit(adata, "conditional_vae", condition="kind")
    assert told.spec.network.n_condition == 2
    assert list(told.history) == ["train_loss", "train_stain_mse", "train_kl", "train_marginal_kl"]
    ignored = fit(adata, "conditional_vae", condition="kind", model_options={"widths": (4, 8), "invariance": 0.0})
    expected = 10 * ignored.history["train_stain_mse"] + ignored.history["train_kl"]
    np.testing.assert_allclose(ignored.history["train_loss"], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"invariant_to": ["rotation"]}, ValueError, "invariant_to is for model='corrected_vae', .*got model='vae'"),
        (
            {"model": "vae", "condition": "area"},
            ValueError,
            "condition is for model='conditional_vae', got model='vae'",
        ),
        ({"model": "conditional_vae"}, ValueError, "model='conditional_vae' needs condition: columns of .obs"),
        ({"model": "conditional_vae", "condition": "x"}, KeyError, "No 'x' in .obs.*Set condition to one of them"),
        ({"model": "mevae", "condition": "area"}, ValueError, "condition is for .*got model='mevae'"),
        ({"model": "corrected_vae", "invariant_to": []}, ValueError, "names each nuisance once, got"),
        ({"model": "corrected_vae", "model_options": {"radius": 9}}, ValueError, "radius=9 does not fit crops of 16"),
        ({"model": "vae", "model_options": {"radius": 9}}, ValueError, "model_options must be one of .*got 'radius'"),
        ({"model": "mmd_vae", "model_options": {"mmd": -1}}, ValueError, "mmd must be a finite number .*got -1"),
        (
            {"model": "conditional_vae", "condition": "area", "model_options": {"invariance": -1}},
            ValueError,
            "invariance must be a finite number of at least 0, got -1",
        ),
        (
            {"model": "conditional_vae", "condition": "area", "model_options": {"sampled": False}},
            ValueError,
            "Term 'marginal_kl' reads the posterior of a latent, which only 'normal' has",
        ),
        ({"model": "denoising_autoencoder", "beta": 1.0}, ValueError, "beta=1.0 weighs the KL term"),
        ({"model": "denoising_autoencoder", "logvar": True}, ValueError, "logvar=True, but the latent .* is a point"),
        (
            {"model": "denoising_autoencoder", "model_options": {"sampled": True}},
            ValueError,
            "sampled: the latent of this model is a point. Leave it out, or take corrected_vae",
        ),
        ({"model": "double_decoder_vae"}, ValueError, "inputs must be two, got 'stain'. Use vae for one"),
        *[
            ({"model": name, "inputs": inputs}, ValueError, "Only crops of stains can be corrected.*Set inputs='stain'")
            for name in CORRECTED
            for inputs in ("auto", "transcripts")
        ],
    ],
)
def test_error(adata, train, monkeypatch, options, error, match):
    before = set(adata.obsm), set(adata.uns)
    monkeypatch.setattr(TrainingPlan, "training_step", None)  # nothing is trained before
    with pytest.raises(error, match=match):
        train(adata, **{"inputs": "stain", **options})
    assert (set(adata.obsm), set(adata.uns)) == before


@pytest.mark.parametrize("name", CORRECTED)
def test_error_no_pose(mdata, train, name):
    with pytest.raises(KeyError, match=r"No 'pose' in .obsm.*Run cr.pp.pose first"):
        train(mdata, model=name, inputs="stain")
    with pytest.raises(ValueError, match="Set inputs='stain'"):
        train(mdata, model=name)


def test_error_embedding(adata, fit):
    model = fit(adata, "vae", max_epochs=1)
    with pytest.raises(
        ValueError, match="inputs='corrected' is for models of corrected cells; 'vae' is none. Leave it"
    ):
        cr.tl.embed(adata, model, inputs="corrected", progress=False)
    with pytest.raises(ValueError, match="inputs must be one of 'own', 'corrected', got 'stain'"):
        cr.tl.embed(adata, model, inputs="stain", progress=False)
    points = fit(adata, "denoising_autoencoder", max_epochs=1)
    with pytest.raises(ValueError, match="logvar=True, but the latent"):
        cr.tl.embed(adata, points, logvar=True, progress=False)
    two = ad.AnnData(obs=adata.obs[[]].copy(), obsm={"crops": adata.obsm["crops"]})
    with pytest.raises(ValueError, match="Several modalities have 'crops'.*Set mod"):
        cr.tl.embed(MuData({"one": adata, "two": two}), model, progress=False)
