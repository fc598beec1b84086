import json

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import torch

import crepr as cr
from crepr.get._crop_reader import mask_reader
from crepr.train._plan import TrainingPlan

SIZE = 24


@pytest.fixture(scope="module")
def cells():
    adata = cr.datasets.synthetic_cells(n_obs=24, size=SIZE)
    cr.pp.pose(adata, progress=False)
    return adata


@pytest.fixture
def adata(cells):
    return cells.copy()


def train(data, **options):
    quick = {"max_epochs": 2, "n_latent": 3, "batch_size": 12, "model_options": {"widths": (4, 8), "hidden": 8}}
    return cr.tl.train_mevae(data, **{**quick, "progress": False, "accelerator": "cpu", **options})


def embedded(data, model, **options):
    return cr.tl.embed(data, model, progress=False, copy=True, **options).obsm["X_mevae"]


class Shift:
    """A cell that lies a little to the right."""

    def measure(self, pose, *, radius, before):
        return np.full((len(pose), 1), 0.2, np.float32)

    def draw(self, own, rng):
        return own * rng.uniform(0, 1, own.shape).astype(np.float32)

    def remove(self, places, values):
        return places - torch.nn.functional.pad(values, (0, 1))[:, None]

    def add(self, places, values):
        return places + torch.nn.functional.pad(values, (0, 1))[:, None]


def test_anchor_writes_latents_and_record(adata):
    before = set(adata.obs), set(adata.obsm), set(adata.uns)
    model = train(adata, logvar=True)
    assert adata.obsm["X_mevae"].shape == (24, 3)
    assert adata.obsm["X_mevae"].dtype == np.float32
    assert np.isfinite(adata.obsm["X_mevae_logvar"]).all()
    assert (set(adata.obs), set(adata.obsm)) == (before[0], before[1] | {"X_mevae", "X_mevae_logvar"})
    assert set(adata.uns) == before[2] | {"mevae"}
    assert list(model.spec.network.encoders) == ["rotation", "polarity", "shape"]
    assert list(model.history) == ["train_loss", "train_stain_bce", "train_kl"]
    spec = json.loads(adata.uns["mevae"]["spec"])
    assert spec["network"]["combine"] == "product"
    assert spec["view"]["radius"] == pytest.approx(0.39 * SIZE)
    assert train(adata, n_latent=None).spec.network.n_latent == 64


def test_reference_loss_is_that_of_the_formula(adata):
    history = train(adata, beta=0.5).history
    np.testing.assert_allclose(history["train_loss"], history["train_stain_bce"] + 0.5 * history["train_kl"], rtol=1e-5)
    points = train(adata, sampled=False).history
    assert list(points) == ["train_loss", "train_stain_bce"]


def test_property_what_encoders_see_when_cells_are_embedded(adata):
    own = train(adata, max_epochs=1)
    latents = adata.obsm["X_mevae"]
    np.testing.assert_array_equal(embedded(adata, own), latents)
    np.testing.assert_array_equal(embedded(adata, own, inputs="own"), latents)
    corrected = embedded(adata, own, inputs="corrected")
    assert not np.allclose(corrected, latents, atol=0)
    # trained alike, embedded otherwise: what the model keeps is how it is used by default
    model = train(adata, max_epochs=1, inputs="corrected")
    np.testing.assert_array_equal(adata.obsm["X_mevae"], corrected)
    np.testing.assert_array_equal(embedded(adata, model), corrected)
    np.testing.assert_array_equal(embedded(adata, model, inputs="own"), latents)


def test_property_corrected_inputs_do_not_see_the_direction(adata):
    """A cell and the same cell turned by a quarter have the same latents."""
    model = train(adata, invariant_to=["rotation"], inputs="corrected", model_options={"widths": (4, 8)})
    pixels, masks = cr.get.crops(adata, scaled=False), mask_reader(adata).read(np.arange(24))
    versions = []
    for quarters in (0, 1):
        other = ad.AnnData(obs=adata.obs[[]].assign(label=adata.obsm["masks"]["label"]))
        turned = [np.ascontiguousarray(np.rot90(array, quarters, (2, 3))) for array in (pixels, masks)]
        cr.pp.crops(other, turned[0], axes="ncyx", channel_names=["membrane", "protein"])
        cr.pp.masks(other, turned[1], axes="ncyx", labels="label")
        cr.pp.pose(other, progress=False)
        versions.append((other, embedded(other, model), embedded(other, model, inputs="own")))
    (first, corrected, own), (second, corrected_again, own_again) = versions
    np.testing.assert_allclose((second.obs["angle"] - first.obs["angle"]) % 180, 90, atol=0.1)
    # from 90 degrees on, an axis comes round: half a turn is polarity, which this model leaves alone
    same = (first.obs["angle"] < 89).to_numpy()
    spread = corrected.std(0).max()
    np.testing.assert_allclose(corrected[same], corrected_again[same], atol=0.05 * spread)
    assert np.median(np.abs(own - own_again).max(1)) > 0.2 * spread


@pytest.mark.parametrize(
    "options",
    [
        {"combine": "poe"},
        {"combine": "mean"},
        {"uncorrect": "own"},
        {"sampled": False},
        {"radius": 6},
        {"invariant_to": ["rotation"]},
        {"invariant_to": ("size", "shape", "polarity", "rotation"), "combine": "mean"},
        {"validation": 0.25, "patience": 3},
        {"precision": "bf16-mixed"},
        {"precision": "bf16-mixed", "combine": "poe"},
        {"size": 20},
        {"model_options": {"widths": (4, 8), "blocks": "norm", "reconstruction": {"stain": "mse"}}},
    ],
)
def test_property_options_train(adata, options):
    train(adata, max_epochs=1)
    default = adata.obsm["X_mevae"]
    model = train(adata, max_epochs=1, **options)
    assert np.isfinite(model.history.to_numpy()).all()
    assert np.isfinite(adata.obsm["X_mevae"]).all()
    if "patience" not in options:
        assert not np.array_equal(adata.obsm["X_mevae"], default)


def test_property_hidden_neighbours(adata):
    adata.obsm["masks"].loc["cell_04", "label"] = 9  # its own pixels are now those of another
    model = train(adata, max_epochs=1, hide_neighbours=True)
    targets = cr.tl.reconstruct(adata, model, cells=["cell_03", "cell_04"])["targets"]["stain"]
    # beyond its outline there is nothing to see
    assert targets[1].mean() < 0.05 * targets[0].mean()


def test_property_cells_do_not_know_of_each_other(adata, rng):
    model = train(adata)
    order = rng.permutation(24)[:9]
    scale = np.abs(adata.obsm["X_mevae"]).max()
    np.testing.assert_allclose(embedded(adata[order].copy(), model), adata.obsm["X_mevae"][order], atol=1e-4 * scale)
    np.testing.assert_allclose(embedded(adata, model, batch_size=5), adata.obsm["X_mevae"], atol=1e-4 * scale)


def test_property_cells_without_an_outline_are_embedded_as_they_lie(adata):
    adata.obsm["pose"].iloc[[2, 5]] = np.nan
    with pytest.warns(UserWarning, match=r"2 of 24 cells have no outline .* are shown as they lie"):
        train(adata)
    assert np.isfinite(adata.obsm["X_mevae"]).all()


def test_property_modality_and_files(adata, tmp_path):
    rna = ad.AnnData(np.ones((24, 2), np.float32), obs=adata.obs[[]].copy())
    mdata = mudata.MuData({"rna": rna, "stain": adata})
    train(mdata)
    assert "X_mevae" not in mdata.obsm
    mdata.write(tmp_path / "a.h5mu")
    read = mudata.read_h5mu(tmp_path / "a.h5mu")
    latents = read["stain"].obsm.pop("X_mevae")
    np.testing.assert_array_equal(latents, mdata["stain"].obsm["X_mevae"])
    train(read)
    np.testing.assert_array_equal(read["stain"].obsm["X_mevae"], latents)
    assert read["stain"].uns["mevae"]["fingerprint"] == mdata["stain"].uns["mevae"]["fingerprint"]


def test_property_nuisance_of_ones_own(adata, tmp_path, monkeypatch):
    monkeypatch.setitem(cr.train.NUISANCES, "shift", Shift())
    model = train(adata, invariant_to=["shift", "rotation"])
    assert list(model.spec.network.encoders) == ["rotation", "shift"]
    model.save(tmp_path / "model")
    monkeypatch.delitem(cr.train.NUISANCES, "shift")
    model = cr.load_model(tmp_path / "model")
    with pytest.raises(
        ValueError, match=r"among 'rotation', .* got 'shift'.*added under its name to crepr.train.NUISANCES"
    ):
        cr.tl.embed(adata, model, progress=False)


def test_error_resume_with_another_pose(adata, tmp_path):
    options = {"checkpoint_dir": tmp_path / "run", "resume": True}
    train(adata, **options, max_epochs=1)
    turned = adata.copy()
    turned.obsm["pose"]["angle"] += 1
    for data, other in ((turned, {}), (adata, {"radius": 7}), (adata, {"uncorrect": "own"})):
        with pytest.raises(ValueError, match="other data, options or seed"):
            train(data, **options, **other)
    train(adata, **options)
    resumed = adata.obsm["X_mevae"]
    train(adata)
    np.testing.assert_array_equal(adata.obsm["X_mevae"], resumed)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"invariant_to": "rotation"}, TypeError, "invariant_to must be a list of nuisances, got 'rotation'"),
        ({"invariant_to": 3}, TypeError, "invariant_to must be a list of nuisances, got 3"),
        ({"invariant_to": []}, ValueError, r"invariant_to must be a list that names each nuisance once, got \[\]"),
        (
            {"invariant_to": ["size"] * 2},
            ValueError,
            r"invariant_to must name each nuisance once, got \['size', 'size'\]",
        ),
        ({"invariant_to": ["colour"]}, ValueError, "among 'rotation', 'polarity', 'size', 'shape', got 'colour'"),
        ({"combine": "sum"}, ValueError, "combine must be one of .*'product', 'poe', 'mean', got 'sum'"),
        ({"combine": "poe", "sampled": False}, ValueError, "combine='poe' is a product of distributions.*sampled=True"),
        ({"inputs": "stain"}, ValueError, "inputs must be one of 'own', 'corrected', got 'stain'"),
        ({"uncorrect": "all"}, ValueError, "uncorrect must be one of 'random', 'own', got 'all'"),
        ({"sampled": "no"}, TypeError, "sampled must be True or False, got 'no'"),
        ({"sampled": False, "beta": 2.0}, ValueError, "beta=2.0 weighs the KL term.*Leave beta out"),
        ({"sampled": False, "logvar": True}, ValueError, "logvar=True, but the latent .* is a point.*Leave logvar out"),
        ({"radius": 0}, ValueError, "radius=0 does not fit crops of 24 pixels.*Set radius, up to 12"),
        ({"radius": -1}, ValueError, "radius must be a finite number of at least 0, got -1"),
        (
            {"radius": 13},
            ValueError,
            "radius=13 does not fit crops of 24 pixels.*Set radius, up to 12, or a larger size",
        ),
        ({"radius": np.nan}, ValueError, "radius must be a finite number of at least 0, got nan"),
        ({"radius": "large"}, TypeError, "radius must be a number, got 'large'"),
        ({"radius": 12, "size": 20}, ValueError, "radius=12 does not fit crops of 20 pixels"),
        ({"n_latent": 9000}, ValueError, r"n_latent=9000 is more than the \d+ features that an encoder makes"),
        ({"model_options": [1]}, TypeError, r"model_options must be a dict of options, got \[1\]"),
        ({"model_options": {"combine": "mean"}}, ValueError, "model_options holds 'combine'.*Set combine instead"),
        ({"model_options": {"invariant_to": ["size"]}}, ValueError, "model_options holds 'invariant_to'"),
        ({"model_options": {"sees": {}}}, ValueError, "model_options must be one of 'reconstruction', .*got 'sees'"),
        ({"key_added": "pose"}, ValueError, "key_added='pose' would replace what crepr reads there"),
        ({"mod": "stain"}, ValueError, "mod='stain' needs a MuData"),
    ],
)
def test_error(adata, monkeypatch, options, error, match):
    before = set(adata.obs), set(adata.obsm), set(adata.uns)
    monkeypatch.setattr(TrainingPlan, "training_step", None)  # nothing is trained before
    with pytest.raises(error, match=match):
        train(adata, **options)
    assert (set(adata.obs), set(adata.obsm), set(adata.uns)) == before


def test_error_pose(adata, monkeypatch):
    model = train(adata, max_epochs=1)
    monkeypatch.setattr(TrainingPlan, "training_step", None)
    pose = adata.obsm["pose"]
    adata.obsm["pose"] = pose.drop(columns="radius_3")
    with pytest.raises(KeyError, match=r"No 'radius_3' in the pose.*Run cr.pp.pose again"):
        train(adata)
    adata.obsm["pose"] = pose.to_numpy()
    with pytest.raises(TypeError, match=r".obsm\['pose'\] must be a DataFrame"):
        train(adata)
    adata.obsm["pose"] = pose.assign(y=pose["y"] + np.repeat([500, 0], [3, 21]))
    with pytest.raises(ValueError, match=r"3 of 24 cells far outside their crops \('cell_01', .* Run cr.pp.pose again"):
        train(adata)
    del adata.obsm["pose"]
    for use in (train, lambda data: cr.tl.embed(data, model, progress=False)):
        with pytest.raises(KeyError, match=r"No 'pose' in .obsm.*Run cr.pp.pose first"):
            use(adata)
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr.pp.crops first"):
        train(adata)


def test_error_pixels_not_finite(rng):
    pixels = rng.uniform(size=(8, 1, 16, 16)).astype(np.float32)
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"c{i}" for i in range(8)]))
    cr.pp.crops(adata, pixels, axes="ncyx", channel_names=["light"])
    cr.pp.pose(adata, "light", progress=False)
    pixels[5, 0, 8, 8] = np.nan
    other = ad.AnnData(obs=adata.obs, obsm={"pose": adata.obsm["pose"]})
    cr.pp.crops(other, pixels, axes="ncyx", channel_names=["light"])
    with pytest.raises(ValueError, match=r"holds NaN or infinite values in 1 of the 8 cells of a batch \('c5'\)"):
        train(other, batch_size=8)
    assert "X_mevae" not in other.obsm
