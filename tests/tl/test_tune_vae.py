"""Hyper-parameters of models of profiles."""

import json
import sqlite3
import sys
from contextlib import closing

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import crepr as cr
from crepr.tl import _trials

pytest.importorskip("optuna")

SPACE = {"lr": (1e-4, 1e-2), "n_latent": (2, 6), "batch_size": [10, 20], "widths": [[16], [12, 8]]}
QUICK = {"space": SPACE, "n_trials": 3, "max_epochs": 2, "patience": None, "progress": False}
pytestmark = pytest.mark.filterwarnings("ignore:The best .* lies at the:UserWarning")


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
    """Stands for training: losses that are least for a learning rate of 0.001 and many latents."""

    def __init__(self, monkeypatch, fails=lambda options: False):
        self.seen, self.fails = [], fails
        monkeypatch.setattr(_trials, "train_model", self)

    def __call__(self, data, **options):
        self.seen.append(options)
        if self.fails(options):
            raise FloatingPointError("the loss is nan")
        loss = 1 + abs(np.log10(options["lr"]) + 3) + 1 / (options["n_latent"] or 10)
        history = pd.DataFrame({"train_loss": [3.0, 2.0, 1.0], "val_loss": [9.0, loss, 8.0]})
        return type("Model", (), {"history": history})()


def test_anchor_search_finds_what_is_known(monkeypatch, adata):
    faked = Faked(monkeypatch)
    best = cr.tl.tune_vae(adata, **{**QUICK, "n_trials": 40, "rng": 2})
    table = cr.get.tune_vae(adata)
    assert table["trial"].tolist() == list(range(40))
    assert 10**-3.3 < best["lr"] < 10**-2.7
    assert best["n_latent"] >= 5
    assert table["best"].sum() == 1
    assert table.loc[table["best"], "val_loss"].item() == table["val_loss"].min()
    assert (table["epoch"] == 1).all()
    assert (table["train_loss"] == 2).all()
    assert table["lr"].between(1e-4, 1e-2).all()
    assert set(table["widths"]) == {"[16]", "[12, 8]"}
    # later trials are nearer than the first, which are drawn at random
    assert table["val_loss"][20:].median() < table["val_loss"][:10].median()
    assert all(options["batch_size"] in (10, 20) for options in faked.seen)
    assert {options["rng"] for options in faked.seen} == {2}
    assert cr.get.tune_vae(adata, table="best") == best


def test_best_gives_the_model_of_the_best_trial(adata):
    options = {**QUICK, "model": "beta_vae", "beta": 0.5, "model_options": {"slope": 0.2}}
    best = cr.tl.tune_vae(adata, **options)
    assert not adata.obsm
    assert sorted(adata.uns) == ["split", "tune_vae"]
    assert best["model_options"].keys() == {"slope", "widths"}
    assert (best["beta"], best["validation"], best["rng"]) == (0.5, "split", 0)
    model = cr.tl.train_vae(adata, **best, progress=False)
    least = cr.get.tune_vae(adata)["val_loss"].min()
    np.testing.assert_allclose(model.history["val_loss"].min(), least, rtol=1e-5)
    assert json.loads(adata.uns["tune_vae"]["best"]) == best


def test_property_an_interrupted_search_gives_the_same_table(monkeypatch, adata, tmp_path):
    # more trials than those that are drawn at random; one fails
    options = {**QUICK, "n_trials": 16}
    fails = {"fails": lambda options: options["lr"] > 3e-3}
    Faked(monkeypatch, **fails)
    with pytest.warns(UserWarning, match="Training failed with"):
        cr.tl.tune_vae(adata, **options)
    whole = cr.get.tune_vae(adata)
    assert whole["val_loss"].isna().any()
    assert (whole.loc[whole["val_loss"].isna(), "n_epochs"] == 0).all()
    faked = Faked(monkeypatch, **fails)

    def interrupted(*args, **kwargs):
        if len(faked.seen) == 12:
            raise KeyboardInterrupt
        return faked(*args, **kwargs)

    monkeypatch.setattr(_trials, "train_model", interrupted)
    del adata.uns["tune_vae"]
    options["storage"] = tmp_path / "search.db"
    with pytest.warns(UserWarning, match="Training failed"), pytest.raises(KeyboardInterrupt):
        cr.tl.tune_vae(adata, **options)
    assert "tune_vae" not in adata.uns
    monkeypatch.setattr(_trials, "train_model", faked)
    cr.tl.tune_vae(adata, **{**options, "n_trials": 14})
    pd.testing.assert_frame_equal(cr.get.tune_vae(adata).drop(columns="best"), whole[:14].drop(columns="best"))
    cr.tl.tune_vae(adata, **options)
    pd.testing.assert_frame_equal(cr.get.tune_vae(adata), whole)
    assert len(faked.seen) == 16
    adata.X[0, 0] += 1
    with pytest.raises(ValueError, match="holds a search with other data, options, space or seed"):
        cr.tl.tune_vae(adata, **options)


def test_property_rows_of_a_test_change_nothing(adata):
    cr.tl.tune_vae(adata, **QUICK)
    adata.X[(adata.obs["split"] == "test").to_numpy()] = np.nan
    cr.tl.tune_vae(adata, key_added="again", **QUICK)
    pd.testing.assert_frame_equal(cr.get.tune_vae(adata, key_added="again"), cr.get.tune_vae(adata))


def test_space_by_default_fits_the_data(monkeypatch, adata):
    faked = Faked(monkeypatch)
    cr.tl.tune_vae(adata, n_trials=12, progress=False)
    space = adata.uns["tune_vae"]["params"]["space"]
    assert space["batch_size"] == {"low": 32, "high": 80}
    assert space["n_latent"] == {"low": 5, "high": 12}
    assert space["lr"] == {"low": 1e-5, "high": 1e-2}
    assert {tuple(options["model_options"]) for options in faked.seen} == {("blocks", "widths")}
    cr.tl.tune_vae(adata, n_trials=1, lr=1e-3, model="mmd_vae", model_options={"blocks": "plain"}, progress=False)
    assert set(adata.uns["tune_vae"]["params"]["space"]) == {"batch_size", "widths"}


def test_doubtful_results_are_told(monkeypatch, adata):
    Faked(monkeypatch)
    with pytest.warns(UserWarning, match="best n_latent, 2, lies at the low end of its range, 2 to 3"):
        cr.tl.tune_vae(adata, **{**QUICK, "space": {"n_latent": (2, 3)}, "lr": 0.001, "n_trials": 1, "rng": 5})
    with pytest.warns(UserWarning, match="another kernel for each n_latent"):
        cr.tl.tune_vae(adata, **{**QUICK, "model": "mmd_vae"})
    Faked(monkeypatch, fails=lambda options: True)
    with (
        pytest.warns(UserWarning, match="Training failed"),
        pytest.raises(FloatingPointError, match="failed in every trial"),
    ):
        cr.tl.tune_vae(adata, **QUICK)


BAD = {
    "validation": ({"validation": 0.0}, ValueError, r"validation=0.0 holds out no rows.*Run cr.pp.split"),
    "column": ({"validation": "part"}, KeyError, "No 'part' in .obs .*Set validation"),
    "model": (
        {"model": "conditional_vae"},
        ValueError,
        "model must be one of 'vae', 'beta_vae', 'mmd_vae', 'denoising",
    ),
    "pictures": ({"inputs": "transcripts"}, ValueError, "inputs='transcripts' are pictures"),
    "beta": (
        {"space": {"beta": [1, 2]}},
        ValueError,
        "losses of different beta cannot be compared. Call cr.tl.tune_beta",
    ),
    "unknown": ({"space": {"noise": [1, 2]}}, ValueError, "space: option must be one of 'lr'.*got 'noise'"),
    "empty": ({"space": {}}, ValueError, "space holds no option to search"),
    "no choices": ({"space": {"lr": []}}, ValueError, "space: lr has no choices"),
    "range": ({"space": {"lr": (0.1, 0.01)}}, ValueError, "space: lr must rise from above 0"),
    "zero": ({"space": {"weight_decay": (0, 0.01)}}, ValueError, "space: weight_decay must rise from above 0"),
    "form": (
        {"space": {"lr": 0.1}},
        TypeError,
        r"space: lr must be a range, \(low, high\), or a list of choices, got 0.1",
    ),
    "choices": ({"space": {"blocks": ("norm", "plain")}}, TypeError, "space: blocks must be a list of choices"),
    "widths": ({"space": {"widths": [250]}}, TypeError, "choices of widths must be lists"),
    "kind": ({"space": {"blocks": ["batch"]}}, ValueError, "blocks must be one of 'norm', 'plain'"),
    "integer": ({"space": {"n_latent": (5.0, 10.0)}}, TypeError, "space: n_latent must be an integer"),
    "latents": (
        {"space": {"n_latent": (5, 40), "widths": [[64], [32]]}},
        ValueError,
        "n_latent=40 is more than the 32",
    ),
    "batch": ({"space": {"batch_size": (32, 512)}}, ValueError, "of up to 512 is more than the 80 rows"),
    "twice": ({"lr": 0.1}, ValueError, "lr is in space and has a value, 0.1"),
    "trials": ({"n_trials": 0}, ValueError, "n_trials must be at least 1"),
    "options": ({"model_options": {"widths": np.ones(2)}}, TypeError, "model_options must be numbers, text"),
    "storage": ({"storage": 3}, TypeError, "storage must be the path of a file"),
    "key": ({"key_added": "split"}, ValueError, "that cr.tl.tune_vae did not write"),
}


@pytest.mark.parametrize("case", BAD)
def test_error(adata, case, monkeypatch):
    faked = Faked(monkeypatch)
    options, error, match = BAD[case]
    with pytest.raises(error, match=match):
        cr.tl.tune_vae(adata, **{**QUICK, **options})
    assert not faked.seen
    assert list(adata.uns) == ["split"]


def test_error_the_file_is_another(adata, tmp_path):
    (tmp_path / "notes.txt").write_text("not a search")
    with pytest.raises(ValueError, match="notes.txt' is no file of cr.tl.tune_vae"):
        cr.tl.tune_vae(adata, storage=tmp_path / "notes.txt", **QUICK)
    with pytest.raises(ValueError, match="is a folder. Give the path of a file"):
        cr.tl.tune_vae(adata, storage=tmp_path, **QUICK)


def test_error_the_extra_is_missing(adata, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ModuleNotFoundError, match=r"'optuna' is not installed.*pip install 'crepr\[tune\]'"):
        cr.tl.tune_vae(adata, **QUICK)


def test_error_storage_damaged_or_of_something_else_stays_as_it_is(adata, tmp_path, monkeypatch):
    Faked(monkeypatch)
    path = tmp_path / "search.db"
    cr.tl.tune_vae(adata, **{**QUICK, "storage": path})
    whole = path.read_bytes()
    for damaged in (whole[:5000], whole[:4096] + bytes(len(whole) - 4096)):
        path.write_bytes(damaged)
        with pytest.raises(
            ValueError, match=r"search.db' cannot be read as the storage of a search: .*Give storage another file"
        ):
            cr.tl.tune_vae(adata, **{**QUICK, "storage": path})
        assert path.read_bytes() == damaged
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (x)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"search.db' is no file of cr.tl.tune_vae"):
        cr.tl.tune_vae(adata, **{**QUICK, "storage": path})
    assert path.read_bytes() == before
