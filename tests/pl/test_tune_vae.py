import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_rgba

import crepr as cr
from crepr.pl._style import VERMILION


@pytest.fixture
def adata():
    table = pd.DataFrame(
        {
            "trial": [0, 1, 2],
            "lr": [1e-4, 1e-2, 1e-3],
            "widths": ["[500, 250]", "[250]", "[250]"],
            "blocks": ["norm", "plain", "norm"],
            "val_loss": [3.0, np.nan, 2.0],
            "train_loss": [3.0, np.nan, 2.0],
            "epoch": [1, -1, 1],
            "n_epochs": [2, 0, 2],
            "best": [False, False, True],
        }
    )
    space = {
        "lr": {"low": 1e-5, "high": 1e-2},
        "widths": np.array(["[250]", "[500, 250]"]),
        "blocks": np.array(['"norm"', '"plain"']),
    }
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    adata.uns["tune_vae"] = {"params": {"space": space}, "results": table}
    return adata


def test_anchor_panels(adata):
    fig = cr.pl.tune_vae(adata)
    fig.canvas.draw()
    rate, widths, blocks = fig.axes
    others, best = rate.collections
    # the trial that failed has no point
    np.testing.assert_allclose(others.get_offsets(), [[1e-4, 3]])
    np.testing.assert_allclose(best.get_offsets(), [[1e-3, 2]])
    assert tuple(best.get_facecolor()[0]) == to_rgba(VERMILION)
    assert rate.get_xscale() == "log"
    assert [label.get_text() for label in widths.get_xticklabels()] == ["250", "500, 250"]
    assert round(widths.collections[0].get_offsets()[0, 0]) == 1
    assert [label.get_text() for label in blocks.get_xticklabels()] == ["norm", "plain"]
    assert [ax.get_xlabel() for ax in fig.axes] == ["learning rate", "units of hidden layers", "blocks"]
    assert rate.get_ylabel() == "validation loss"


def test_property_long_choices_stand_apart(adata, faults):
    widths = ["[250]", "[500, 250]", "[1000, 500, 250]"]
    adata.uns["tune_vae"]["params"]["space"]["widths"] = np.array(widths)
    assert not faults(cr.pl.tune_vae(adata))


def test_columns_and_logarithm(adata):
    fig = cr.pl.tune_vae(adata, ncols=2, log=True)
    assert len(fig.axes) == 3
    assert {ax.get_yscale() for ax in fig.axes} == {"log"}


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.tune_vae first"):
        cr.pl.tune_vae(adata, key_added="other")
    with pytest.raises(ValueError, match="ncols must be at least 1"):
        cr.pl.tune_vae(adata, ncols=0)
