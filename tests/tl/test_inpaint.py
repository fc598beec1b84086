import numpy as np
import pandas as pd
import pytest
import torch

import crepr as cr


@pytest.fixture(scope="module")
def trained():
    adata = cr.datasets.synthetic_cells(n_obs=24, size=32)
    adata.obs["image"] = pd.Categorical([f"field {i % 3}" for i in range(24)])
    model = cr.tl.train_inpainting(
        adata, markers="membrane", proteins="protein", image_key="image", width=0.05, max_epochs=1, progress=False
    )
    return adata, model


def test_anchor_pictures_are_those_of_the_cells_and_the_prediction_the_networks(trained):
    adata, model = trained
    sources, targets = ["cell_01", "cell_05", "cell_01"], ["cell_02", "cell_02", "cell_09"]
    shown = cr.tl.inpaint(adata, model, sources=sources, targets=targets, batch_size=2, progress=False)
    whole = cr.tl.inpaint(adata, model, sources=targets, targets=targets, progress=False)["source"]
    np.testing.assert_array_equal(shown["truth"], whole[:, :1])
    np.testing.assert_array_equal(shown["markers"], whole[:, 1:])
    with torch.no_grad():
        drawn = model.network({name: torch.from_numpy(shown[name]) for name in ("source", "markers")}).outputs[
            "protein"
        ]
    np.testing.assert_allclose(shown["prediction"], drawn.clip(0, 1), rtol=1e-4, atol=1e-5)


def test_no_pairs_no_pictures(trained):
    adata, model = trained
    shown = cr.tl.inpaint(adata, model, sources=[], targets=[], progress=False)
    assert shown["prediction"].shape == (0, 1, 32, 32)


def test_error(trained):
    adata, model = trained
    with pytest.raises(ValueError, match="sources are 1 cells and targets 2"):
        cr.tl.inpaint(adata, model, sources=["cell_01"], targets=["cell_01", "cell_02"])
    with pytest.raises(KeyError, match="cell_99"):
        cr.tl.inpaint(adata, model, sources=["cell_99"], targets=["cell_01"])
    with pytest.raises(TypeError, match="model must be a TrainedModel"):
        cr.tl.inpaint(adata, "model", sources=["cell_01"], targets=["cell_01"])
    autoencoder = cr.tl.train_inpainting(
        adata.copy(), markers="membrane", proteins="protein", image_key="image", model="autoencoder", width=0.05, max_epochs=1,
        progress=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match="model is 'autoencoder', which has no pairs"):
        cr.tl.inpaint(adata, autoencoder, sources=["cell_01"], targets=["cell_01"])
