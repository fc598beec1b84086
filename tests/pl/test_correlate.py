import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


@pytest.fixture
def adata():
    values = pd.DataFrame(
        [[0.9, 0.1, 0.8], [-0.5, np.nan, -0.5], [0.0, 0.3, 0.01], [0.05, 0.02, 0.0]], list("wxyz"), ["A", "B", "C"]
    )
    table = pd.DataFrame({"feature": np.repeat(values.index, 3), "target": np.tile(values.columns, 4)})
    table["correlation"] = values.to_numpy().ravel()
    table["pval_adj"] = np.where(table["correlation"].abs() > 0.25, 0.01, 0.8)
    return AnnData(uns={"correlate": {"results": table, "params": {"use_rep": "X_vae"}}})


def names(labels):
    return [label.get_text() for label in labels]


def test_anchor_values_and_marks(adata):
    ax = pl.correlate(adata, features=["y", "x", "w"], targets=["A", "B"])
    assert names(ax.get_xticklabels()) == ["y", "x", "w"]
    assert names(ax.get_yticklabels()) == ["A", "B"]
    values = np.ma.filled(ax.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(values, [[0, -0.5, 0.9], [0.3, np.nan, 0.1]])
    assert ax.images[0].get_clim() == (-0.9, 0.9)
    marks = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in ax.get_lines())
    assert marks == [(0, 1), (1, 0), (2, 0)]
    assert pl.correlate(adata, alpha=0.001).get_lines()[:] == []


def test_anchor_the_strongest_alike_side_by_side(adata):
    _, ax = plt.subplots()
    assert pl.correlate(adata, n_features=3, ax=ax) is ax
    assert set(names(ax.get_xticklabels())) == {"w", "x", "y"}
    targets = names(ax.get_yticklabels())
    assert abs(targets.index("A") - targets.index("C")) == 1
    assert names(pl.correlate(adata, n_features=1, n_targets=1).get_yticklabels()) == ["A"]


def test_error(adata):
    with pytest.raises(KeyError, match="No 'q' in what was correlated .*Set features to some of it"):
        pl.correlate(adata, features=["q"])
    with pytest.raises(ValueError, match="targets names none"):
        pl.correlate(adata, targets=[])
    with pytest.raises(ValueError, match="n_targets must be at least 1"):
        pl.correlate(adata, n_targets=0)
    with pytest.raises(KeyError, match="Run cr.tl.correlate first"):
        pl.correlate(adata, key_added="mine")
