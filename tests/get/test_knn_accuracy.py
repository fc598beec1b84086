import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    confusion = pd.DataFrame([[3, 1], [0, 2]], ["T/NK", "B"], ["T_NK", "B"])
    results, macro = pd.DataFrame({"recall": [0.5]}), pd.DataFrame({"value": [0.6]})
    return AnnData(uns={"knn_accuracy": {"results": results, "macro": macro, "confusion": confusion}})


@pytest.mark.parametrize("table", ["results", "macro", "confusion"])
def test_anchor_copies_of_what_is_recorded(adata, table):
    found = get.knn_accuracy(adata, table=table)
    found.iloc[0, 0] = 0
    assert adata.uns["knn_accuracy"][table].iloc[0, 0] != 0


def test_anchor_names_with_slashes_come_back(adata):
    assert get.knn_accuracy(adata, table="confusion").columns.tolist() == ["T/NK", "B"]


def test_error(adata):
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.knn_accuracy first, or set key_added"):
        get.knn_accuracy(adata, key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'macro', 'confusion', got 'scores'"):
        get.knn_accuracy(adata, table="scores")
