import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


@pytest.fixture
def adata():
    counts = pd.DataFrame([[3, 1, 0], [0, 2, 0], [0, 0, 0]], ["T/NK", "b", "never"], ["T_NK", "b", "never"])
    return AnnData(uns={"classify": {"confusion": counts}})


def test_anchor_shares_and_numbers(adata):
    ax = pl.confusion_matrix(adata)
    ax.figure.canvas.draw()
    shares = np.ma.filled(ax.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(shares, [[0.75, 0.25, 0], [0, 1, 0], [np.nan] * 3])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["T/NK", "b", "never"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true label", "label given")
    _, ax = plt.subplots()
    assert pl.confusion_matrix(adata, normalize=False, ax=ax) is ax
    assert [text.get_text() for text in ax.texts[:2]] == ["3", "1"]
    assert ax.images[0].get_clim() == (0, 3)
    assert ax.figure.axes[1].get_ylabel() == "cells"


def test_property_label_of_colours_is_not_cut(adata, faults):
    for normalize in (True, False):
        assert not faults(pl.confusion_matrix(adata, normalize=normalize).figure)


def test_property_many_labels_have_no_numbers(faults):
    names = [f"a long name of a label {i}" for i in range(30)]
    adata = AnnData(uns={"classify": {"confusion": pd.DataFrame(np.eye(30), names, names)}})
    ax = pl.confusion_matrix(adata)
    assert not ax.texts
    assert ax.figure.get_figwidth() < 9
    assert not faults(ax.figure)


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.classify first"):
        pl.confusion_matrix(adata, key_added="other")
