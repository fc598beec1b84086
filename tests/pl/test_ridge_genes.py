import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


@pytest.fixture
def adata():
    table = pd.DataFrame(
        {
            "gene": ["told", "sure", "weak", "constant", "best"],
            "r2": [0.2, 0.02, -0.1, np.nan, 0.5],
            "pval_adj": [1e-9, 1e-30, 0.6, np.nan, 0.0],
        }
    )
    return AnnData(uns={"ridge_genes": {"results": table}})


def names(ax):
    return [text.get_text() for text in ax.texts]


def test_anchor_genes_told_are_coloured_and_named(adata):
    ax = pl.ridge_genes(adata)
    ax.figure.canvas.draw()
    grey, coloured = ax.collections
    assert coloured.get_offsets().tolist() == [[9, 0.2], [300, 0.5]]
    np.testing.assert_allclose(grey.get_offsets(), [[30, 0.02], [-np.log10(0.6), -0.1]])
    assert [name for name in names(ax) if name] == ["best", "told"]
    assert ax.get_ylabel() == "R² on held-out cells"
    assert "adjusted p" in ax.get_xlabel()


def test_anchor_options(adata):
    _, ax = plt.subplots()
    assert pl.ridge_genes(adata, ax=ax, n_labels=1) is ax
    assert names(ax) == ["best"]
    assert names(pl.ridge_genes(adata, genes=["weak", "weak"])) == ["weak"]
    assert names(pl.ridge_genes(adata, genes="sure")) == ["sure"]
    assert names(pl.ridge_genes(adata, r2=0.9)) == []
    assert len(pl.ridge_genes(adata, r2=0.01, alpha=1e-20).collections[1].get_offsets()) == 2


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.ridge_genes first"):
        pl.ridge_genes(adata, key_added="other")
    with pytest.raises(KeyError, match="No 'constant' in the genes with an R2"):
        pl.ridge_genes(adata, genes=["constant"])
    with pytest.raises(ValueError, match="n_labels must be at least 0"):
        pl.ridge_genes(adata, n_labels=-1)
