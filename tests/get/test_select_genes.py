import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_of_what_is_recorded():
    adata = AnnData(uns={"select_genes": {"results": pd.DataFrame({"gene": ["Vim"]})}})
    table = get.select_genes(adata)
    table["gene"] = "Apob"
    assert get.select_genes(adata)["gene"].tolist() == ["Vim"]


def test_error():
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.pp.select_genes first"):
        get.select_genes(AnnData(), key_added="mine")
