import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_of_what_is_recorded():
    adata = AnnData(uns={"ridge_genes": {"results": pd.DataFrame({"r2": [0.5]})}})
    table = get.ridge_genes(adata)
    table["r2"] = 0
    assert get.ridge_genes(adata)["r2"].tolist() == [0.5]


def test_error():
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.ridge_genes first, or set key_added"):
        get.ridge_genes(AnnData(), key_added="mine")
