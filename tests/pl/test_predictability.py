import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl

PROPERTIES = ["mean_reproducibility", "least_reproducibility", "least_distinctness", "own_reproducibility", "effect"]


@pytest.fixture
def adata():
    results = pd.DataFrame({"property": PROPERTIES, "spearman": [-0.5, 0.25, 1, 0, np.nan]})
    results["pval_adj"] = [0.0123, 0.5, 0.001, 1, np.nan]
    table = pd.DataFrame({"combination": ["A|B", "A|C", "B|C"], "value": [0.9, 0.5, -4]})
    table = table.assign(**{name: np.arange(3) + place for place, name in enumerate(PROPERTIES)})
    params = {"score": "r2", "space": "latent"}
    return AnnData(uns={"predictability": {"params": params, "results": results, "combinations": table}})


def marks(ax, marker):
    lines = [line for line in ax.get_lines() if line.get_marker() == marker]
    return [pair for line in lines for pair in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def test_anchor_panels(adata):
    fig = pl.predictability(adata)
    assert [ax.get_title(loc="left") for ax in fig.axes] == [
        "$\\rho$ = $-0.50$, adjusted p = 0.012",
        "$\\rho$ = $0.25$, adjusted p = 0.5",
        "$\\rho$ = $1.00$, adjusted p = 0.001",
        "$\\rho$ = $0.00$, adjusted p = 1",
        "$\\rho$: none",
    ]
    assert marks(fig.axes[1], "o") == [(1, 0.9), (2, 0.5)]
    # what is very bad is at the edge
    assert marks(fig.axes[1], "v") == [(3, -1)]
    assert fig.axes[1].get_xlabel() == "least reproducibility\nof its terms"
    assert [ax.get_ylabel() for ax in fig.axes] == ["latent, R² of the change", "", "", "latent, R² of the change", ""]


def test_anchor_other_scores_and_chosen_panels(adata):
    adata.uns["predictability"]["params"]["score"] = "zscore"
    fig = pl.predictability(adata, properties=["effect", "effect"], figsize=(4, 3))
    (ax,) = fig.axes
    assert marks(ax, "o") == [(4, 0.9), (5, 0.5), (6, -4)]
    assert not marks(ax, "v")
    assert ax.get_ylabel() == "latent, z of L2 to the truth\n(smaller is better)"
    assert fig.get_size_inches().tolist() == [4, 3]
    fig = pl.predictability(adata, properties=PROPERTIES[:2], n_columns=1)
    assert [ax.get_subplotspec().rowspan.start for ax in fig.axes] == [0, 1]
    assert len(pl.predictability(adata, properties="effect").axes) == 1


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.predictability first"):
        pl.predictability(adata, key_added="other")
    with pytest.raises(ValueError, match="properties must be one of 'mean_reproducibility', .*, got 'size'"):
        pl.predictability(adata, properties="size")
    with pytest.raises(ValueError, match="properties must be one of .*, got ''"):
        pl.predictability(adata, properties=[])
    with pytest.raises(ValueError, match="n_columns must be at least 1"):
        pl.predictability(adata, n_columns=0)
