import numpy as np
import pytest
from mudata import MuData
from profile_models import profiles, train

import crepr as cr


@pytest.fixture(scope="module")
def trained():
    adata = profiles()
    return adata, train(adata)


@pytest.fixture
def adata(trained):
    return trained[0].copy()


@pytest.fixture
def model(trained):
    return trained[1]


def test_anchor_decoded_latents_of_the_prior(adata, model):
    adata.obsm["X_vae"][0] = np.nan  # not needed
    made = cr.tl.simulate(adata, model, n_obs=2000)
    assert made.shape == (2000, 8)
    assert made.obs_names[[0, -1]].tolist() == ["simulated_0001", "simulated_2000"]
    assert made.var.equals(adata.var)
    z = made.obsm["X_vae"]
    np.testing.assert_allclose(made.X, model.decode(z, device="cpu")["X"], atol=1e-5)
    np.testing.assert_allclose(z.mean(0), 0, atol=0.1)
    np.testing.assert_allclose(np.cov(z.T), np.eye(2), atol=0.1)
    assert made.uns["simulate"]["params"]["values"] == "prior"


def test_anchor_latents_like_those_of_cells(adata, model):
    made = cr.tl.simulate(adata, model, n_obs=4000, values="data", cells=("plate", "first"))
    z = adata.obsm["X_vae"][:30].astype(float)
    sd = z.std(0)
    np.testing.assert_allclose((made.obsm["X_vae"].mean(0) - z.mean(0)) / sd, 0, atol=0.1)
    np.testing.assert_allclose(
        np.cov(made.obsm["X_vae"].T) / np.outer(sd, sd), np.cov(z.T) / np.outer(sd, sd), atol=0.1
    )
    assert len(cr.tl.simulate(adata, model, values="data", cells=("plate", "first"))) == 30


def test_anchor_each_is_told_what_a_cell_is(adata):
    model = train(adata, "conditional_vae", condition="plate", key_added="X_told")
    made = cr.tl.simulate(adata, model, n_obs=300)
    plates = made.obs["plate"].to_numpy()
    assert 100 < (plates == "first").sum() < 200
    for plate, told in (("first", [1, 0]), ("second", [0, 1])):
        rows = plates == plate
        drawn = model.decode(made.obsm["X_told"][rows], condition=np.array(told), device="cpu")["X"]
        np.testing.assert_allclose(made.X[rows], drawn, atol=1e-5)
    second = cr.tl.simulate(adata, model, n_obs=20, cells=("plate", "second"))
    assert (second.obs["plate"] == "second").all()
    cr.tl.embed(made, model, progress=False)


def test_models_without_a_prior(adata):
    points = train(adata, "denoising_autoencoder", key_added="X_points")
    with pytest.raises(ValueError, match="'denoising_autoencoder' is a point and has no prior. Set values='data'"):
        cr.tl.simulate(adata, points)
    assert cr.tl.simulate(adata, points, values="data").shape == (60, 8)


def test_other_models_and_places(adata, model):
    mdata = MuData({"morphology": adata})
    mmd = train(mdata, "mmd_vae", key_added="X_mmd")
    made = cr.tl.simulate(mdata, mmd, n_obs=5, mod="morphology")
    assert made.obsm["X_mmd"].shape == (5, 2)
    adata.obsm["features"] = adata.X
    made = cr.tl.simulate(adata, train(adata, inputs="features", key_added="X_own"), n_obs=5)
    assert made.var_names.tolist() == [str(j) for j in range(8)]


def test_property_seed_and_writing(adata, model, tmp_path):
    before = set(adata.obsm), set(adata.uns)
    first, again = (cr.tl.simulate(adata, model, rng=rng) for rng in (3, 3))
    np.testing.assert_array_equal(first.X, again.X)
    assert (first.X != cr.tl.simulate(adata, model, rng=4).X).any()
    assert (set(adata.obsm), set(adata.uns)) == before
    first.write_h5ad(tmp_path / "simulated.h5ad")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": None}, TypeError, "model must be a TrainedModel"),
        ({"n_obs": 0}, ValueError, "n_obs must be at least 1, got 0"),
        ({"values": "mean"}, ValueError, "values must be one of 'prior', 'data'"),
        ({"use_rep": "X_vae"}, ValueError, "use_rep='X_vae' is for values='data'"),
        ({"cells": ("plate", "first")}, ValueError, "say nothing of the prior.*Set values='data'"),
        ({"values": "data", "cells": ("plate", "third")}, ValueError, "no observation has this value"),
        ({"values": "data", "cells": "one"}, ValueError, "needs at least two cells, and cells='one' has 1"),
        ({"values": "data", "use_rep": "X_no"}, KeyError, "No 'X_no' in .obsm"),
        ({"rng": "x"}, TypeError, "rng must be"),
    ],
)
def test_error(adata, model, options, error, match):
    adata.obs["one"] = np.arange(60) == 0
    with pytest.raises(error, match=match):
        cr.tl.simulate(adata, **{"model": model, **options})


def test_error_pictures():
    cells = cr.datasets.synthetic_cells(n_obs=20, size=16)
    options = {"max_epochs": 1, "n_latent": 2, "batch_size": 10, "model_options": {"widths": (4, 8)}}
    model = cr.tl.train_vae(cells, **options, progress=False, accelerator="cpu")
    for verb in (cr.tl.simulate, cr.tl.latent_effects, cr.tl.reconstruction_metrics):
        with pytest.raises(
            ValueError, match=r"The model draws 'stain', and no profiles. Call cr.tl.(traverse|reconstruct) to see"
        ):
            verb(cells, model)
