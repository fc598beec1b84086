import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_copies_of_what_is_recorded():
    adata = AnnData(uns={"separability": {"results": pd.DataFrame({"a": [1]}), "features": pd.DataFrame({"b": [1]})}})
    for table, column in (("results", "a"), ("features", "b")):
        found = get.separability(adata, table=table)
        found[column] = 0
        assert adata.uns["separability"][table][column].tolist() == [1]


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.separability first, or set key_added"):
        get.separability(AnnData(), key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'features', got 'pairs'"):
        get.separability(AnnData(), table="pairs")
