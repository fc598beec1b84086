"""Models of a matrix."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix

import crepr as cr

OPTIONS = {"n_latent": 3, "model_options": {"widths": [16]}, "batch_size": 20, "max_epochs": 3, "progress": False}
MODELS = ["vae", "beta_vae", "mmd_vae", "denoising_autoencoder", "conditional_vae"]


@pytest.fixture
def adata():
    """Profiles that three numbers tell."""
    rng = np.random.default_rng(0)
    x = np.tanh(rng.standard_normal((100, 3)) @ rng.standard_normal((3, 12)))
    x = (x - x.min(0)) / np.ptp(x, axis=0)
    obs = pd.DataFrame({"plate": pd.Categorical(np.arange(100) % 3)}, index=[f"well {i}" for i in range(100)])
    return ad.AnnData(x.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"feature {i}" for i in range(12)]))


@pytest.mark.parametrize("model", MODELS)
def test_every_model_reads_profiles(adata, model):
    extra = {"condition": ["plate"]} if model == "conditional_vae" else {}
    trained = cr.tl.train_vae(adata, inputs="X", model=model, **extra, **OPTIONS)
    assert adata.obsm["X_vae"].shape == (100, 3)
    assert trained.history["train_X_mse"].iloc[-1] < trained.history["train_X_mse"].iloc[0]
    shown = cr.tl.reconstruct(adata, trained, cells=[0, 5])
    np.testing.assert_array_equal(shown["inputs"]["X"], adata.X[[0, 5]])
    np.testing.assert_array_equal(shown["targets"]["X"], adata.X[[0, 5]])
    assert shown["outputs"]["X"].shape == (2, 12)


def test_anchor_latents_and_outputs_are_those_of_the_layers(adata):
    model = cr.tl.train_vae(adata, inputs="X", **OPTIONS)
    network = model.network
    x = torch.from_numpy(adata.X)
    (first, norm, relu) = network.encoders["encoder"].hidden
    with torch.no_grad():
        hidden = torch.nn.functional.leaky_relu(norm(x @ first.weight.T), 0.1)
        head = network.encoders["encoder"].mean
        mean = hidden @ head.weight.T + head.bias
        output = network.decoders["X"](mean)
    assert relu.negative_slope == 0.1
    np.testing.assert_allclose(adata.obsm["X_vae"], mean.numpy(), rtol=1e-4, atol=1e-5)
    outputs = cr.tl.reconstruct(adata, model, cells=np.arange(100))["outputs"]["X"]
    # not clipped to 0..1
    np.testing.assert_allclose(outputs, output.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["sparse", "layer", "obsm", "frame", "backed", "sparse backed", "integers"])
def test_property_where_profiles_lie_does_not_matter(adata, kind, tmp_path):
    cr.tl.train_vae(adata, inputs="X", **OPTIONS)
    other, inputs = adata.copy(), "X"
    if "sparse" in kind:
        other.X = csr_matrix(other.X)
    if "backed" in kind:
        other.write_h5ad(tmp_path / "profiles.h5ad")
        other = ad.read_h5ad(tmp_path / "profiles.h5ad", backed="r")
    elif kind == "integers":
        adata.X = np.round(adata.X * 5)
        cr.tl.train_vae(adata, inputs="X", **OPTIONS)
        other.X = adata.X.astype(int)
    elif kind != "sparse":
        inputs = "here"
        where = other.layers if kind == "layer" else other.obsm
        where["here"] = adata.to_df() if kind == "frame" else adata.X
        other.X = np.zeros_like(adata.X)
    cr.tl.train_vae(other, inputs=inputs, key_added="Y", **OPTIONS)
    np.testing.assert_allclose(other.obsm["Y"], adata.obsm["X_vae"], rtol=1e-4, atol=1e-5)


def test_property_saved_model_reads_features_by_name(adata, tmp_path):
    model = cr.tl.train_vae(adata, inputs="X", **OPTIONS)
    model.save(tmp_path / "model")
    loaded = cr.load_model(tmp_path / "model")
    other = adata[::-1, ::-1].copy()
    cr.tl.embed(other, loaded, progress=False)
    np.testing.assert_allclose(other.obsm["X_vae"], adata.obsm["X_vae"][::-1], rtol=1e-4, atol=1e-5)
    with pytest.raises(KeyError, match="2 of the 12 features of the model are not in 'X': 'feature 0', 'feature 1'"):
        cr.tl.embed(adata[:, 2:].copy(), loaded)
    assert "X (12 features) to 3 latents" in repr(loaded)


def test_property_resumed_run_is_the_uninterrupted_one(adata, tmp_path):
    for model in ("vae", "denoising_autoencoder"):
        options = {**OPTIONS, "inputs": "X", "model": model}
        whole = cr.tl.train_vae(adata, **options).network.state_dict()
        cr.tl.train_vae(adata, **{**options, "max_epochs": 1}, checkpoint_dir=tmp_path / model)
        resumed = cr.tl.train_vae(adata, **options, checkpoint_dir=tmp_path / model, resume=True)
        assert all(torch.equal(values, whole[name]) for name, values in resumed.network.state_dict().items())
    adata.X[0, 0] += 0.01
    with pytest.raises(ValueError, match="other data, options or seed"):
        cr.tl.train_vae(adata, **options, checkpoint_dir=tmp_path / model, resume=True)


def test_noise_is_added_in_training_only(adata):
    options = {**OPTIONS, "inputs": "X", "model": "denoising_autoencoder"}

    def trained(**noise):
        cr.tl.train_vae(adata, **{**options, "model_options": {"widths": [16], **noise}})
        return adata.obsm["X_vae"]

    clean = trained(noise=0.0)
    assert (trained(noise=0.5) != clean).any()
    assert (trained(noise=0.0, mask=0.5) != clean).any()
    model = cr.tl.train_vae(adata, **{**options, "model_options": {"noise": 5.0}})
    cr.tl.embed(adata, model, key_added="again", progress=False)
    np.testing.assert_array_equal(adata.obsm["again"], adata.obsm["X_vae"])


def test_mudata_and_validation_by_column(adata):
    import mudata as md

    adata.obs["held"] = np.arange(100) < 20
    mdata = md.MuData(
        {"morphology": adata, "rna": ad.AnnData(np.ones((100, 2)), obs=pd.DataFrame(index=adata.obs_names))}
    )
    with pytest.raises(ValueError, match="Several modalities have 'X': 'morphology', 'rna'. Set mod"):
        cr.tl.train_vae(mdata, inputs="X", **OPTIONS)
    model = cr.tl.train_vae(mdata, inputs="X", mod="morphology", validation="held", **OPTIONS)
    assert mdata["morphology"].obsm["X_vae"].shape == (100, 3)
    assert "val_X_mse" in model.history


@pytest.mark.parametrize("model", [None, "vae", "mmd_vae"])
@pytest.mark.parametrize("preset", ["chow-cp5", "chow-cp4", "chow-l1000"])
def test_presets_have_the_published_settings(adata, preset, model):
    trained = cr.tl.train_vae(
        adata, inputs="X", preset=preset, model=model, max_epochs=1, batch_size=50, n_latent=5, progress=False
    )
    table = {"chow-cp5": (0.3, 1e3, 250), "chow-cp4": (0.06, 1e4, 250), "chow-l1000": (40.0, 1e7, 500)}
    beta, mmd, width = table[preset]
    objective = trained.spec.objective
    assert trained.spec.model == (model or "beta_vae")
    assert objective["kl"].weight == {None: beta, "vae": 1.0, "mmd_vae": 0.0}[model]
    if model == "mmd_vae":
        assert objective["mmd"].weight == mmd
        assert objective["mmd"].options["estimator"] == "biased"
    assert trained.spec.network.encoders["encoder"].widths == (width,)
    assert trained.params["eps"] == 1e-7
    assert np.isfinite(trained.history.to_numpy()).all()


def test_test_cells_are_embedded_only(adata):
    cr.pp.split(adata)
    model = cr.tl.train_vae(adata, inputs="X", validation="split", **OPTIONS)
    assert model.params["n_held_out"] == 10
    other = adata.copy()
    other.X[(adata.obs["split"] == "test").to_numpy()] = 0
    again = cr.tl.train_vae(other, inputs="X", validation="split", **OPTIONS)
    pd.testing.assert_frame_equal(again.history, model.history)
    assert np.isfinite(adata.obsm["X_vae"]).all()


def test_constant_features_are_told(adata):
    adata.X[:, 3] = 0.5
    with pytest.warns(UserWarning, match="1 of 12 features of 'X' are constant.*'feature 3'"):
        cr.tl.train_vae(adata, inputs="X", **OPTIONS)


def change(adata, value):
    adata.X[7, 2] = value


BAD = {
    "nan": (
        {},
        lambda a: change(a, np.nan),
        ValueError,
        "holds NaN or infinite values, in features 'feature 2' of 'well 7'",
    ),
    "negative": (
        {"model_options": {"reconstruction": {"X": "bce"}}},
        lambda a: change(a, -0.5),
        ValueError,
        r"values from -0.5 to 1, and the cross-entropy .*cr.pp.scale_profiles",
    ),
    "unknown": ({"inputs": "scaled"}, None, KeyError, "inputs='scaled' is no input.*a layer .there are: none"),
    "beside": ({"inputs": ["X", "stain"]}, None, ValueError, "holds a matrix beside others"),
    "size": ({"size": 32}, None, ValueError, "size is for 'stain' or 'transcripts', but inputs are 'X'"),
    "augment": ({"augment": "none"}, None, ValueError, "augment is for 'stain' or 'transcripts'"),
    "kernel": ({"model_options": {"kernel": 3}}, None, ValueError, "'kernel': only models of pictures have that"),
    "pictures": ({"model": "corrected_vae"}, None, ValueError, "Only crops of stains can be corrected, got inputs 'X'"),
    "latents": ({"n_latent": 40}, None, ValueError, "n_latent=40 is more than the 16 features"),
    "text": ({"inputs": "words"}, None, TypeError, "must be a matrix of numbers, got dtype"),
    "preset": ({"preset": "moser-vae2"}, None, ValueError, "preset='moser-vae2' is a model of 'stain'"),
    "model of the preset": (
        {"preset": "chow-cp5", "model": "denoising_autoencoder"},
        None,
        ValueError,
        "preset='chow-cp5' has no model='denoising_autoencoder'.*'vae', 'beta_vae', 'mmd_vae'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_error(adata, case):
    options, damage, error, match = BAD[case]
    adata.obsm["words"] = np.array([["a", "b"]] * 100)
    if damage is not None:
        damage(adata)
    with pytest.raises(error, match=match):
        cr.tl.train_vae(adata, **{"inputs": "X", **OPTIONS, **options})
    assert "X_vae" not in adata.obsm
