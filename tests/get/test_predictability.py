import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_copies_of_what_is_recorded():
    entry = {"results": pd.DataFrame({"a": [1]}), "combinations": pd.DataFrame({"b": [1]})}
    adata = AnnData(uns={"predictability": entry})
    for table, column in (("results", "a"), ("combinations", "b")):
        found = get.predictability(adata, table=table)
        found[column] = 0
        assert entry[table][column].tolist() == [1]


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.predictability first, or set key_added"):
        get.predictability(AnnData(), key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'combinations', got 'terms'"):
        get.predictability(AnnData(), table="terms")
