import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


def entry(labels, recall):
    table = pd.DataFrame({"label": labels, "recall": recall, "balanced_accuracy": recall, "auc": recall})
    macro = pd.DataFrame({"measure": ["recall", "balanced_accuracy", "auc", "accuracy"], "value": [0.7, 0.8, 0.9, 0.6]})
    return {"labels": table, "macro": macro}


@pytest.fixture
def adata():
    return AnnData(uns={"classify": entry(["a", "b"], [0.5, np.nan]), "other": entry(["b", "c"], [0.6, 1.0])})


@pytest.mark.parametrize(
    ("measure", "mean", "lowest"), [("recall", 0.7, 0), ("balanced_accuracy", 0.8, 0.5), ("auc", 0.9, 0.5)]
)
def test_anchor_rows_columns_and_scale(adata, measure, mean, lowest):
    ax = pl.classify(adata, measure=measure)
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "mean of labels"]
    values = np.ma.filled(ax.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(values, [[0.5], [np.nan], [mean]])
    assert ax.images[0].get_clim() == (lowest, 1)
    assert len(ax.figure.axes) == 2


def test_anchor_several_with_names(adata):
    _, ax = plt.subplots()
    assert pl.classify(adata, {"classify": "looks", "other": "genes"}, measure="recall", ax=ax) is ax
    assert [label.get_text() for label in ax.get_xticklabels()] == ["looks", "genes"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c", "mean of labels"]
    values = np.ma.filled(ax.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(values, [[0.5, np.nan], [np.nan, 0.6], [np.nan, 1], [0.7, 0.7]])
    assert len(pl.classify(adata, ["other", "classify"]).get_xticks()) == 2
    assert len(pl.classify(adata, "other").get_xticks()) == 1


def test_error(adata):
    with pytest.raises(ValueError, match="measure must be one of 'recall', 'balanced_accuracy', 'auc', got 'f1'"):
        pl.classify(adata, measure="f1")
    with pytest.raises(KeyError, match="No 'mine' in .uns"):
        pl.classify(adata, "mine")
