import json
import os
import stat

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import torch

import crepr as cr
from crepr.models._objective import WarmUp
from crepr.models._presets import PRESETS
from crepr.train._plan import TrainingPlan

DICE = {"reconstruction": {"transcripts": "dice_focal"}}


def test_anchor_writes_latents_and_record(adata, train):
    before = set(adata.obsm), set(adata.uns)
    model = train(adata, inputs="stain", logvar=True)
    assert adata.obsm["X_vae"].shape == (40, 3)
    assert adata.obsm["X_vae"].dtype == np.float32
    assert np.isfinite(adata.obsm["X_vae_logvar"]).all()
    record = adata.uns["vae"]
    assert set(record) == {"params", "history", "spec", "fingerprint", "crepr_version"}
    assert list(record["history"]["train_loss"]) == list(model.history["train_loss"])
    assert json.loads(record["spec"])["inputs"]["stain"]["channels"] == ["dapi", "membrane"]
    assert set(adata.obsm) - before[0] == {"X_vae", "X_vae_logvar"}
    assert set(adata.uns) - before[1] == {"vae"}


@pytest.mark.parametrize(
    ("inputs", "owner", "channels"),
    [
        ("stain", "stain", {"stain": 2}),
        ("transcripts", "rna", {"transcripts": 3}),
        (["transcripts", "stain"], None, {"stain": 2, "transcripts": 3}),
        ("auto", None, {"stain": 2, "transcripts": 3}),
    ],
)
def test_anchor_results_go_where_the_inputs_come_from(mdata, train, inputs, owner, channels):
    model = train(mdata, inputs=inputs)
    target = mdata if owner is None else mdata[owner]
    assert target.obsm["X_vae"].shape == (40, 3)
    assert "vae" in target.uns
    assert {name: len(model.channels(name)) for name in model.spec.inputs} == channels
    others = [data for data in (mdata, mdata["rna"], mdata["stain"]) if data is not target]
    assert not any("X_vae" in data.obsm for data in others)


def test_anchor_one_object_or_two_modalities_are_the_same(adata, mdata, train):
    train(adata)
    train(mdata)
    np.testing.assert_array_equal(adata.obsm["X_vae"], mdata.obsm["X_vae"])


def test_property_record_survives_writing(mdata, train, tmp_path):
    train(mdata, key_added="X_joint")
    mdata.write(tmp_path / "a.h5mu")
    read = mudata.read_h5mu(tmp_path / "a.h5mu")
    np.testing.assert_array_equal(read.obsm["X_joint"], mdata.obsm["X_joint"])
    assert list(read.uns["X_joint"]["history"].columns) == list(mdata.uns["X_joint"]["history"].columns)


def test_property_latents_of_an_earlier_training_leave_nothing_behind(mdata, train):
    train(mdata, logvar=True)
    train(mdata)
    assert "X_vae_logvar" not in mdata.obsm
    model = train(mdata, inputs="stain", logvar=True)
    cr.tl.embed(mdata, model, progress=False)
    assert "X_vae_logvar" not in mdata["stain"].obsm


def test_property_warm_up_with_validation(adata, train):
    model = train(adata, inputs="stain", beta=WarmUp(0.0, 6.0, epochs=3), validation=0.25, patience=4, max_epochs=5)
    history = model.history
    np.testing.assert_allclose(history["val_loss"], 10 * history["val_stain_mse"] + 6 * history["val_kl"], rtol=1e-4)
    expected = 10 * history["train_stain_mse"] + [0, 2, 4, 6, 6] * history["train_kl"]
    np.testing.assert_allclose(history["train_loss"], expected, rtol=1e-4)


@pytest.mark.slow
def test_property_two_processes_stop_early_write_in_order_and_are_quiet(adata, train, capfd):
    options = {"devices": 2, "strategy": "ddp_spawn", "batch_size": 4, "validation": 0.25, "patience": 1}
    adata = adata[:31].copy()  # no multiple of the processes
    model = train(adata, inputs="stain", max_epochs=100, lr=0.3, **options)
    assert len(model.history) < 100
    assert model.history["val_loss"].idxmin() == len(model.history) - 2
    latents = adata.obsm.pop("X_vae")
    cr.tl.embed(adata, model, device="cpu", progress=False)
    np.testing.assert_allclose(latents, adata.obsm["X_vae"], atol=1e-5)
    assert len(np.unique(latents.round(5), axis=0)) == 31
    said = "".join(capfd.readouterr())
    for noise in ("weights_only", "Trainer.fit", "LeafSpec", "Initializing distributed"):
        assert noise not in said


def test_property_same_seed_same_latents(adata, train):
    latents = []
    for seed in (0, 0, 1):
        np.random.default_rng().random()
        train(adata, inputs="stain", rng=seed)
        latents.append(adata.obsm["X_vae"])
    np.testing.assert_array_equal(latents[0], latents[1])
    assert not np.array_equal(latents[0], latents[2])
    train(adata, rng=np.random.default_rng(3))


@pytest.mark.parametrize(
    "options",
    [
        {"model": "beta_vae", "inputs": "stain"},
        {"beta": 0.0},
        {"gene_weights": "inverse"},
        {"gene_weights": "batch"},
        {"augment": "free"},
        {"augment": "none"},
        {"dilation": 0, "size": 11},
        {"model_options": {"widths": (4, 8), "upsample": "nearest", **DICE, "empty": "skip", "alpha": 0.5}},
        {"model_options": {"widths": (4, 8), **DICE}, "gene_weights": "batch"},
        {"model_options": {"widths": (4, 8), "reconstruction": {"stain": "bce"}}},
        {"validation": 0.25, "patience": 3},
        {"precision": "bf16-mixed"},
        {"trainer_options": {"gradient_clip_val": 1.0}},
    ],
)
def test_property_options_train(adata, train, options):
    model = train(adata, **options)
    assert np.isfinite(model.history.to_numpy()).all()
    assert np.isfinite(adata.obsm["X_vae"]).all()


def test_property_options_change_the_result(adata, train):
    def latents(**options):
        train(adata, **options)
        return adata.obsm["X_vae"]

    default = latents()
    for options in (
        {"beta": 9.0},
        {"lr": 0.01},
        {"dilation": 0},
        {"weight_decay": 0.1},
        {"augment": "none"},
        {"lr_schedule": "cosine"},
    ):
        assert not np.allclose(latents(**options), default), options


def test_property_transcripts_without_crops(adata, train):
    del adata.obsm["crops"]
    with pytest.raises(ValueError, match="set size, in pixels"):
        train(adata)
    assert train(adata, size=20).spec.inputs["transcripts"].size == 20


@pytest.mark.parametrize("preset", [name for name in PRESETS if name.startswith("moser")])
def test_property_presets_train(mdata, train, preset):
    inputs = list(PRESETS[preset]["inputs"])
    options = {
        "batch_size": None,
        "n_latent": None,
        "max_epochs": 1,
        "model_options": {"widths": (4, 8), "decoder_widths": {}},
    }
    model = train(mdata, preset=preset, inputs=inputs, **options)
    expected = PRESETS[preset]["train"]
    assert model.params["lr"] == expected["lr"]
    assert model.params["eps"] == expected["eps"]
    assert model.spec.network.n_latent == PRESETS[preset]["model"]["n_latent"]
    # means over pixels and planes, whatever the number of genes and the size of the crops
    if "stain" in inputs:
        assert model.spec.objective["stain_mse"].weight == pytest.approx(1 / (2 * 16**2))
    if "transcripts" in inputs:
        assert model.spec.objective["transcripts_dice"].weight == pytest.approx(0.8 / 3)
        assert model.spec.objective["transcripts_focal"].weight == pytest.approx(0.4 / 3)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name.startswith("moser")])
def test_property_presets_train_with_their_own_networks(mdata, train, preset):
    """63 pixels are the least of which five blocks of kernel 3 without padding leave something."""
    small = {key: mdata[key][:8].copy() for key in ("rna", "stain")}
    options = {"preset": preset, "inputs": list(PRESETS[preset]["inputs"]), "max_epochs": 1, "model_options": None}
    model = train(mudata.MuData(small), size=63, batch_size=8, n_latent=20, **options)
    assert model.spec.network.encoders["encoder"].widths == PRESETS[preset]["model"]["widths"]
    assert np.isfinite(model.history.to_numpy()).all()
    with pytest.raises(ValueError, match=rf"preset='{preset}' was published for windows of \d+ pixels, .* size=62"):
        train(mudata.MuData(small), size=62, batch_size=8, n_latent=None, **options)


def test_property_batch_larger_than_the_data_shrinks(adata, train):
    with pytest.warns(UserWarning, match="batch_size=64 is larger than the 40 cells to train on; 40 is used"):
        model = train(adata, inputs="stain", batch_size=64)
    assert model.params["batch_size"] == 40


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_latent": 0}, ValueError, "n_latent must be at least 1, got 0"),
        ({"n_latent": 2.5}, TypeError, "n_latent must be an integer"),
        (
            {"inputs": "images"},
            KeyError,
            "inputs='images' is no input: neither 'stain' nor 'transcripts', 'X', a layer",
        ),
        ({"inputs": []}, ValueError, "inputs must name each input once"),
        ({"preset": "vae9"}, ValueError, "preset must be one of 'moser-vae1'.*got 'vae9'"),
        ({"preset": "moser-vae2"}, ValueError, r"preset='moser-vae2' is a model of 'stain'.*Set inputs=\['stain'\]"),
        ({"model": "gan"}, ValueError, "model must be one of 'vae'.*got 'gan'"),
        ({"augment": "mirror"}, ValueError, "augment must be one of 'quarter', 'free', 'flips', 'dihedral', 'none'"),
        ({"gene_weights": "some"}, ValueError, "gene_weights must be one of"),
        ({"lr": 0}, ValueError, "lr must be a finite number above 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"max_epochs": -1}, ValueError, "max_epochs must be at least 1"),
        ({"validation": 1.0}, ValueError, "validation must be a share below 1"),
        ({"validation": "kind"}, TypeError, "validation='kind' must be a column of booleans"),
        ({"validation": "test"}, KeyError, "No 'test' in .obs"),
        ({"patience": 3}, ValueError, "patience=3 needs a validation loss"),
        ({"validation": 0.001}, ValueError, r"validation=0\.001 holds out none of 40 cells.*a share of 0\.025"),
        ({"resume": True}, ValueError, "need checkpoint_dir"),
        ({"checkpoint_dir": 3}, TypeError, "checkpoint_dir must be the path of a folder, got 3"),
        (
            {"inputs": 3},
            TypeError,
            "inputs must be 'auto', 'stain', 'transcripts' or a list of them, or a matrix such as 'X', got 3",
        ),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData, got an AnnData. Leave mod out"),
        ({"beta": -1}, ValueError, "beta must be a finite number of at least 0, got -1"),
        ({"beta": "warm"}, TypeError, "beta must be a number, got 'warm'"),
        ({"model_options": [1]}, TypeError, r"model_options must be a dict of options, got \[1\]"),
        ({"model_options": {"foo": 1}}, ValueError, "model_options must be one of 'reconstruction', .*got 'foo'"),
        ({"model_options": {"view": {}}}, ValueError, "model_options must be one of .*got 'view'"),
        (
            {"model_options": {"gene_weights": "batch"}},
            ValueError,
            "model_options holds 'gene_weights'.*Set gene_weights",
        ),
        ({"trainer_options": 3}, TypeError, "trainer_options must be a dict of options, got 3"),
        ({"trainer_options": {"max_epochs": 1}}, ValueError, "trainer_options holds 'max_epochs'"),
        ({"precision": "64-true"}, ValueError, "precision must be one of '32-true'"),
        ({"devices": 0}, ValueError, "devices must be 'auto' or a number.*got 0"),
        (
            {"inputs": "stain", "gene_weights": "inverse"},
            ValueError,
            "gene_weights is for 'transcripts', but inputs are",
        ),
        ({"inputs": "stain", "dilation": 3}, ValueError, "dilation is for 'transcripts'.*Leave dilation out, or add"),
        ({"inputs": "transcripts", "hide_neighbours": True}, ValueError, "hide_neighbours is for 'stain'"),
        ({"key_added": "crops"}, ValueError, "key_added='crops' would replace what crepr reads there.*'X_crops'"),
        ({"key_added": "spatial"}, ValueError, "key_added='spatial' would replace"),
        ({"key_added": "a/b"}, ValueError, "key_added must be a name without slashes.*got 'a/b'"),
        ({"key_added": ""}, ValueError, "key_added must be a name.*got ''"),
        ({"key_added": 3}, TypeError, "key_added must be a str, got 3"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
        ({"hide_neighbours": True}, KeyError, "run cr.pp.masks first"),
        ({"size": 161}, ValueError, "161"),
    ],
)
def test_error(adata, train, monkeypatch, options, error, match):
    before = set(adata.obsm), set(adata.uns)
    monkeypatch.setattr(TrainingPlan, "training_step", None)  # nothing is trained before
    with pytest.raises(error, match=match):
        train(adata, **options)
    assert (set(adata.obsm), set(adata.uns)) == before


def test_error_nothing_registered(adata, train):
    del adata.obsm["crops"], adata.obsm["transcripts"]
    with pytest.raises(KeyError, match="Run cr.pp.crops or cr.pp.transcripts first"):
        train(adata)
    with pytest.raises(KeyError, match="No 'crops' in data.obsm.*Run cr.pp.crops first"):
        train(adata, inputs="stain")
    with pytest.raises(TypeError, match="AnnData or a MuData"):
        train([1])


def test_error_modalities_with_different_cells(mdata, train):
    small = mudata.MuData({"rna": mdata["rna"], "stain": mdata["stain"][:30].copy()})
    with pytest.raises(ValueError, match="mu.pp.intersect_obs"):
        train(small)


def test_error_cuda_absent(adata, train, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="accelerator='cuda', but torch .* sees no CUDA device"):
        train(adata, accelerator="cuda")


def test_error_folder_not_writable_before_training(adata, train, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionError, match="checkpoint_dir=.*cannot be written to"):
        train(adata, checkpoint_dir=tmp_path / "file")
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.geteuid():  # root may write anywhere
        with pytest.raises(PermissionError, match="checkpoint_dir=.*cannot be written to"):
            train(adata, checkpoint_dir=folder)


def test_error_loss_not_finite(adata, train, tmp_path):
    with pytest.raises(FloatingPointError, match=r"Training stopped in epoch 1 of 9.*lr=1e\+30.*lower lr"):
        train(adata, inputs="stain", lr=1e30, max_epochs=9, checkpoint_dir=tmp_path / "run")
    assert "X_vae" not in adata.obsm


def test_error_pixels_not_finite_are_told_by_cell(tmp_path, train):
    rng = np.random.default_rng(0)
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(12)]))
    pixels = rng.uniform(size=(12, 1, 16, 16)).astype(np.float32)
    pixels[7, 0, 2, 2] = np.nan
    cr.pp.crops(adata, pixels, axes="ncyx", store=tmp_path / "stack.zarr")
    with pytest.raises(ValueError, match=r"Input 'stain' holds NaN or infinite values in 1 of the 12 cells .*\('c7'\)"):
        train(adata, batch_size=12)


def test_example_is_better_than_chance(adata):
    """Blobs of two sizes are told apart by their latents."""
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    options = {"max_epochs": 60, "batch_size": 10, "lr": 3e-3, "n_latent": 8, "progress": False, "accelerator": "cpu"}
    cr.tl.train_vae(adata, inputs="stain", model_options={"widths": (8, 16)}, **options)
    score = cross_val_score(KNeighborsClassifier(5), adata.obsm["X_vae"], adata.obs["kind"], cv=5).mean()
    assert score > 0.8
