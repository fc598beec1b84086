import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    results, macro = pd.DataFrame({"z": [0.5]}), pd.DataFrame({"z": [0.6]})
    return AnnData(uns={"label_distances": {"results": results, "macro": macro}})


@pytest.mark.parametrize("table", ["results", "macro"])
def test_anchor_copies_of_what_is_recorded(adata, table):
    found = get.label_distances(adata, table=table)
    found.iloc[0, 0] = 0
    assert adata.uns["label_distances"][table].iloc[0, 0] != 0


def test_error(adata):
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.label_distances first, or set key_added"):
        get.label_distances(adata, key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'macro', got 'scores'"):
        get.label_distances(adata, table="scores")
