import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_copies_of_what_is_recorded():
    entry = {
        "results": pd.DataFrame({"a": [1]}),
        "combinations": pd.DataFrame({"b": [1]}),
        "terms": pd.DataFrame({"c": [1]}),
    }
    adata = AnnData(uns={"latent_arithmetic": entry})
    for table, column in (("results", "a"), ("combinations", "b"), ("terms", "c")):
        found = get.latent_arithmetic(adata, table=table)
        found[column] = 0
        assert entry[table][column].tolist() == [1]


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.latent_arithmetic first, or set key_added"):
        get.latent_arithmetic(AnnData(), key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'combinations', 'terms', got 'pairs'"):
        get.latent_arithmetic(AnnData(), table="pairs")
