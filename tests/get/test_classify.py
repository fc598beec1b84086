import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    confusion = pd.DataFrame([[3, 1], [0, 2]], ["T/NK", "B"], ["T_NK", "B"])
    return AnnData(uns={"classify": {"labels": pd.DataFrame({"auc": [0.5]}), "confusion": confusion}})


def test_anchor_copies_of_what_is_recorded(adata):
    for table in ("labels", "confusion"):
        found = get.classify(adata, table=table)
        found.iloc[0, 0] = 0
        assert adata.uns["classify"][table].iloc[0, 0] != 0


def test_anchor_names_with_slashes_come_back(adata):
    assert get.classify(adata, table="confusion").to_dict() == {"T/NK": {"T/NK": 3, "B": 0}, "B": {"T/NK": 1, "B": 2}}
    assert adata.uns["classify"]["confusion"].columns.tolist() == ["T_NK", "B"]


def test_error(adata):
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.classify first, or set key_added"):
        get.classify(adata, key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'labels', 'macro'"):
        get.classify(adata, table="scores")
    with pytest.raises(KeyError, match="No 'sweep' in what is recorded .*Run cr.tl.classify with param_grid"):
        get.classify(adata, table="sweep")
