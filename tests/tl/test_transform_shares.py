"""The direct test of invariance, on models that are and are not invariant."""

import numpy as np
import pytest
import torch

import crepr as cr
from crepr.tl._transform_shares import MOST, TRANSFORMS, _draw


@pytest.fixture(scope="module")
def adata():
    adata = cr.datasets.synthetic_cells(n_obs=60, size=32)
    cr.pp.intensity(adata, progress=False)
    cr.pp.pose(adata, "membrane", progress=False)
    return adata


def shares(data, model, **options):
    options = {"n_cells": 20, "n_draws": 3, "n_perms": 0, "nuisance": ["area"], **options}
    cr.tl.invariance(data, use_rep=model.params["use_rep"], model=model, **options)
    return cr.get.invariance(data, table="transforms").set_index("transform")["share"]


def trained(data, model="vae", **options):
    return cr.tl.train_vae(data, model=model, n_latent=4, max_epochs=1, progress=False, **options)


def test_anchor_matrices_take_places_of_the_picture_to_the_cell():
    rng = np.random.default_rng(0)
    for transform in TRANSFORMS:
        scale = torch.linalg.det(_draw(transform, (50, 4), rng)).abs()
        assert (scale.max() / scale.min() > 1.2) == (transform in ("scaling", "all"))
        assert scale.min() >= MOST**-2 - 1e-5
        assert scale.max() <= MOST**2 + 1e-5
    turned = _draw("rotation", (100, 1), rng)
    torch.testing.assert_close(turned @ turned.mT, torch.eye(2).expand(100, 2, 2))
    assert (torch.linalg.det(_draw("mirror", (100, 1), rng)).round().unique() == torch.tensor([-1.0, 1.0])).all()


def test_anchor_embedding_of_corrected_cells_sees_no_difference(adata):
    """What encoders see is the same, whatever the network; the pose is measured anew from what was resampled."""
    model = cr.tl.train_mevae(
        adata,
        invariant_to=["rotation", "polarity", "size"],
        inputs="corrected",
        n_latent=4,
        max_epochs=1,
        progress=False,
    )
    corrected, plain = shares(adata, model), shares(adata, trained(adata))
    assert (corrected < 0.1).all()
    assert (plain > 2 * corrected)[["rotation", "scaling", "all"]].all()


def test_property_seed(adata):
    model = trained(adata)
    first = shares(adata, model, rng=1)
    np.testing.assert_array_equal(first, shares(adata, model, rng=1))
    assert not np.array_equal(first, shares(adata, model, rng=2))


@pytest.mark.parametrize("options", [{"hide_neighbours": True}, {"model": "conditional_vae", "condition": ["area"]}])
def test_models_with_masks_and_conditions(adata, options):
    assert shares(adata, trained(adata, **options)).between(0, 1).all()


def test_limits_of_each_cell_and_images(adata):
    mdata = cr.datasets.synthetic_tissue(n_obs=300)
    cr.pp.intensity(mdata, per="cell", progress=False)
    cr.pp.pose(mdata, progress=False)
    found = shares(mdata, trained(mdata, inputs="stain"), nuisance=["stain:area"])
    assert found.between(0, 1).all()


def test_error(adata):
    with pytest.raises(TypeError, match="model must be a TrainedModel"):
        cr.tl.invariance(adata, nuisance="area", use_rep="X", model="vae")
    with pytest.raises(ValueError, match="n_draws must be at least 2"):
        cr.tl.invariance(adata, nuisance="area", use_rep="X", n_draws=1)
    cr.tl.invariance(adata, nuisance="area", use_rep="X")
    with pytest.raises(KeyError, match=r"No 'transforms' .*with model for 'transforms'"):
        cr.get.invariance(adata, table="transforms")
    mdata = cr.datasets.synthetic_tissue(n_obs=300)
    model = cr.tl.train_vae(mdata, max_epochs=1, n_latent=3, progress=False)
    with pytest.raises(ValueError, match="only models of stains can be tested so"):
        cr.tl.invariance(mdata, nuisance="stain:cell_area", model=model)
