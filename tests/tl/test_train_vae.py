import json
import os
import stat

import mudata
import numpy as np
import pytest
import torch

import crepr as cr
from crepr.models._presets import PRESETS


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
        {"model_options": {"widths": (4, 8), "upsample": "nearest", "empty": "skip", "alpha": 0.5}},
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
    for options in ({"beta": 9.0}, {"lr": 0.01}, {"dilation": 0}, {"weight_decay": 0.1}, {"augment": "none"}):
        assert not np.allclose(latents(**options), default), options


def test_property_transcripts_without_crops(adata, train):
    del adata.obsm["crops"]
    with pytest.raises(ValueError, match="set size, in pixels"):
        train(adata)
    assert train(adata, size=20).spec.inputs["transcripts"].size == 20


@pytest.mark.parametrize("preset", PRESETS)
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


def test_property_resume_trains_on(adata, train, tmp_path):
    train(adata, inputs="stain", checkpoint_dir=tmp_path / "run")
    with pytest.raises(ValueError, match="resume=True"):
        train(adata, inputs="stain", checkpoint_dir=tmp_path / "run")
    train(adata, inputs="stain", checkpoint_dir=tmp_path / "run", resume=True, max_epochs=4)
    resumed = adata.obsm["X_vae"]
    train(adata, inputs="stain", max_epochs=4)
    np.testing.assert_array_equal(resumed, adata.obsm["X_vae"])
    with pytest.raises(ValueError, match="other data, options or seed"):
        train(adata[::-1].copy(), inputs="stain", checkpoint_dir=tmp_path / "run", resume=True)


def test_property_batch_larger_than_the_data_shrinks(adata, train):
    with pytest.warns(UserWarning, match="batch_size=64 is larger than the 40 cells to train on; 40 is used"):
        model = train(adata, inputs="stain", batch_size=64)
    assert model.params["batch_size"] == 40


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_latent": 0}, ValueError, "n_latent must be at least 1, got 0"),
        ({"n_latent": 2.5}, TypeError, "n_latent must be an integer"),
        ({"inputs": "images"}, ValueError, "inputs must be one of 'auto', 'stain', 'transcripts', got 'images'"),
        ({"inputs": []}, ValueError, "inputs must name each input once"),
        ({"preset": "vae9"}, ValueError, "preset must be one of 'moser-vae1'.*got 'vae9'"),
        ({"preset": "moser-vae2"}, ValueError, r"preset='moser-vae2' is a model of 'stain'.*Set inputs=\['stain'\]"),
        ({"model": "gan"}, ValueError, "model must be one of 'vae'.*got 'gan'"),
        ({"augment": "mirror"}, ValueError, "augment must be one of 'quarter', 'free', 'none'"),
        ({"gene_weights": "some"}, ValueError, "gene_weights must be one of"),
        ({"lr": 0}, ValueError, "lr must be a finite number above 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"max_epochs": -1}, ValueError, "max_epochs must be at least 1"),
        ({"validation": 1.0}, ValueError, "validation must be a share below 1"),
        ({"validation": "kind"}, TypeError, "validation='kind' must be a column of booleans"),
        ({"validation": "test"}, KeyError, "No 'test' in .obs"),
        ({"patience": 3}, ValueError, "patience=3 needs a validation loss"),
        ({"resume": True}, ValueError, "need checkpoint_dir"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
        ({"hide_neighbours": True}, KeyError, "run cr.pp.masks first"),
        ({"size": 161}, ValueError, "161"),
    ],
)
def test_error(adata, train, options, error, match):
    before = set(adata.obsm), set(adata.uns)
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
    with pytest.raises(FloatingPointError, match=r"Training stopped in epoch 0.*lr=1e\+30.*lower lr"):
        train(adata, inputs="stain", lr=1e30, max_epochs=9, checkpoint_dir=tmp_path / "run")
    assert "X_vae" not in adata.obsm


def test_example_is_better_than_chance(adata):
    """Blobs of two sizes are told apart by their latents."""
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    options = {"max_epochs": 60, "batch_size": 10, "lr": 3e-3, "n_latent": 8, "progress": False, "accelerator": "cpu"}
    cr.tl.train_vae(adata, inputs="stain", model_options={"widths": (8, 16)}, **options)
    score = cross_val_score(KNeighborsClassifier(5), adata.obsm["X_vae"], adata.obs["kind"], cv=5).mean()
    assert score > 0.8
