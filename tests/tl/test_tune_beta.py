"""Weights of the prior."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import directed_hausdorff

import crepr as cr
from crepr.tl import _trials

OPTIONS = {"n_latent": 3, "model_options": {"widths": [16]}, "batch_size": 20, "max_epochs": 2}
QUICK = {**OPTIONS, "device": "cpu", "progress": False}
WIDE = [0.1, 1.0, 10.0]
pytestmark = pytest.mark.filterwarnings("ignore:The best value of:UserWarning")


@pytest.fixture
def adata():
    """Profiles that three numbers tell, with a split."""
    rng = np.random.default_rng(0)
    x = np.tanh(rng.standard_normal((100, 3)) @ rng.standard_normal((3, 12)))
    obs = pd.DataFrame(index=[f"well {i}" for i in range(100)])
    adata = ad.AnnData(x.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"feature {i}" for i in range(12)]))
    cr.pp.split(adata)
    return adata


class Faked:
    """Stands for training: profiles of a model are latents times a scale that the weight sets."""

    def __init__(self, monkeypatch, scale, fails=()):
        self.scale, self.fails, self.seen = scale, fails, []
        monkeypatch.setattr(_trials, "train_model", self)

    def __call__(self, data, **options):
        given = options.get("beta", options["model_options"].get("mmd"))
        self.seen.append(options)
        if given in self.fails:
            raise FloatingPointError("the loss is nan")
        fake, self.weight = type("Model", (), {})(), given
        network = type("Network", (), {"n_latent": data.shape[1]})()
        fake.spec = type("Spec", (), {"network": network, "objective": {"X_mse": 1, "kl": 1}})()
        fake.decode = lambda z, device: {"X": (self.scale[given] * z).astype(np.float32)}
        fake.history = pd.DataFrame({"train_X_mse": [9.0, given], "train_kl": [5.0, 1 / given]})
        return fake


def test_anchor_distances_are_those_of_scipy(monkeypatch):
    real = np.random.default_rng(5).standard_normal((60, 3)).astype(np.float32)
    data = ad.AnnData(real)
    faked = Faked(monkeypatch, {0.1: 9.0, 1.0: 1.0, 10.0: 0.0})
    cr.tl.tune_beta(data, [10, 0.1, 1], rng=3, device="cpu", progress=False)
    table = cr.get.tune_beta(data)
    z = np.random.default_rng(3).standard_normal((60, 3))
    for row in table.itertuples():
        simulated = faked.scale[row.value] * z
        there, back = directed_hausdorff(real, simulated)[0], directed_hausdorff(simulated, real)[0]
        np.testing.assert_allclose([row.real_to_simulated, row.simulated_to_real], [there, back], rtol=1e-6)
        assert row.hausdorff == max(row.real_to_simulated, row.simulated_to_real)
    assert table["value"].tolist() == WIDE
    assert table["reconstruction"].tolist() == WIDE
    assert table["kl"].tolist() == [10, 1, 0.1]
    assert table["n_epochs"].tolist() == [2] * 3
    # all simulated profiles in the middle, or far out, are worse
    assert table["best"].tolist() == [False, True, False]
    assert data.uns["tune_beta"]["best"]["value"] == 1
    assert {options["rng"] for options in faked.seen} == {3}
    assert not data.obsm
    assert list(data.uns) == ["tune_beta"]


def test_row_is_what_training_and_simulation_give(adata):
    adata.layers["scaled"] = adata.X
    before = adata.copy()
    options = {**QUICK, "inputs": "scaled", "validation": "split", "n_simulated": 50, "rng": 4}
    changed = cr.tl.tune_beta(adata, WIDE, copy=True, **options)
    table = cr.get.tune_beta(changed)
    assert not adata.uns.keys() - before.uns.keys()
    assert changed.uns.keys() - before.uns.keys() == {"tune_beta"}
    assert not changed.obsm
    assert changed.obs.equals(before.obs)
    model = cr.tl.train_vae(
        adata, inputs="scaled", model="beta_vae", beta=10.0, validation="split", rng=4, progress=False, **OPTIONS
    )
    made = cr.tl.simulate(adata, model, n_obs=50, rng=4).X
    trained_on = adata.X[adata.obs["split"] == "train"]
    row = table.iloc[2]
    np.testing.assert_allclose(row["real_to_simulated"], directed_hausdorff(trained_on, made)[0], rtol=1e-5)
    kept = model.history.loc[model.history["val_loss"].idxmin()]
    expected = kept[["train_scaled_mse", "train_kl", "val_scaled_mse", "val_loss"]]
    np.testing.assert_allclose(
        row[["reconstruction", "kl", "val_reconstruction", "val_loss"]].tolist(), expected, rtol=1e-5
    )


def test_property_an_interrupted_search_gives_the_same_table(adata, tmp_path, monkeypatch):
    options = {**QUICK, "model": "mmd_vae", "checkpoint_dir": tmp_path}
    cr.tl.tune_beta(adata, WIDE, **{**options, "checkpoint_dir": None})
    whole = cr.get.tune_beta(adata)
    del adata.uns["tune_beta"]
    true = _trials.train_model

    def interrupted(*args, **kwargs):
        if kwargs["model_options"]["mmd"] == 10:
            raise KeyboardInterrupt
        return true(*args, **kwargs)

    monkeypatch.setattr(_trials, "train_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cr.tl.tune_beta(adata, WIDE, **options)
    assert list(adata.uns) == ["split"]
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["mmd_0.1", "mmd_1.0"]
    monkeypatch.setattr(_trials, "train_model", true)
    with pytest.raises(ValueError, match="holds the checkpoint of an earlier run, in 'mmd_0.1'. Set resume=True"):
        cr.tl.tune_beta(adata, WIDE, **options)
    cr.tl.tune_beta(adata, WIDE, **options, resume=True)
    pd.testing.assert_frame_equal(cr.get.tune_beta(adata), whole)
    assert {"kl", "mmd"} <= set(whole)
    assert adata.uns["tune_beta"]["params"]["weight"] == "mmd"
    adata.write_h5ad(tmp_path / "tuned.h5ad")


def test_property_rows_of_a_test_change_nothing(adata):
    options = {**QUICK, "validation": "split"}
    cr.tl.tune_beta(adata, [0.1, 1], **options)
    test = (adata.obs["split"] == "test").to_numpy()
    adata.X[test] = np.nan
    adata.obsm["frame"] = adata.to_df()
    cr.tl.tune_beta(adata, [0.1, 1], key_added="again", **options)
    cr.tl.tune_beta(adata, [0.1, 1], key_added="frame", inputs="frame", **options)
    for key in ("again", "frame"):
        pd.testing.assert_frame_equal(cr.get.tune_beta(adata, key_added=key), cr.get.tune_beta(adata))


def test_best_at_the_edge_and_failures_are_told(monkeypatch, adata):
    Faked(monkeypatch, dict.fromkeys(WIDE, 1.0), fails=(0.1,))
    with pytest.warns(UserWarning, match="Training failed at beta=0.1, which has no result: the loss is nan"):
        cr.tl.tune_beta(adata, WIDE, **QUICK)
    table = cr.get.tune_beta(adata)
    assert table["hausdorff"].isna().tolist() == [True, False, False]
    assert table["n_epochs"].tolist() == [0, 2, 2]
    Faked(monkeypatch, {1.0: 2.0, 10.0: 1.0})
    with pytest.warns(UserWarning, match="best value of beta, 10, lies on the edge of those tried"):
        cr.tl.tune_beta(adata, [1, 10], **QUICK)
    Faked(monkeypatch, {}, fails=(1.0,))
    with (
        pytest.warns(UserWarning, match="failed at beta=1"),
        pytest.raises(FloatingPointError, match="failed at every value of beta"),
    ):
        cr.tl.tune_beta(adata, [1], **QUICK)


def test_constant_features_are_told_once(adata):
    adata.X[:, 2] = 0
    with pytest.warns(UserWarning, match="1 of 12 features") as caught:
        cr.tl.tune_beta(adata, WIDE, **QUICK)
    assert sum("constant" in str(each.message) for each in caught) == 1


BAD = {
    "none": ({"values": []}, ValueError, "values must be a number or a sequence of numbers"),
    "negative": ({"values": [1, -1]}, ValueError, "values must be a finite number of at least 0, got -1"),
    "model": ({"model": "denoising_autoencoder"}, ValueError, "model must be one of 'vae', 'beta_vae', 'mmd_vae'"),
    "pictures": ({"inputs": "stain"}, ValueError, "inputs='stain' are pictures, and this is for profiles"),
    "several": ({"inputs": ["X"]}, TypeError, "inputs must be 'X', a layer or a key of .obsm"),
    "unknown": ({"inputs": "scaled"}, KeyError, "inputs='scaled' is no input"),
    "weight": ({"model": "mmd_vae", "model_options": {"mmd": 1}}, ValueError, "holds 'mmd', of which values are tried"),
    "simulated": ({"n_simulated": 0}, ValueError, "n_simulated must be at least 1"),
    "resume": ({"resume": True}, ValueError, "resume=True .*need checkpoint_dir"),
    "patience": ({"patience": 3}, ValueError, "patience=3 needs a validation loss"),
    "option": ({"model_options": {"kernel": 3}}, ValueError, "'kernel': only models of pictures have that"),
    "key": ({"key_added": "split"}, ValueError, "that cr.tl.tune_beta did not write"),
}


@pytest.mark.parametrize("case", BAD)
def test_error(adata, case):
    options, error, match = BAD[case]
    with pytest.raises(error, match=match):
        cr.tl.tune_beta(adata, **{"values": WIDE, **QUICK, **options})
    assert list(adata.uns) == ["split"]
