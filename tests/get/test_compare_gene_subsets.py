import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    tables = {"results": pd.DataFrame({"value": [1.0, 2.0]}), "summary": pd.DataFrame({"value": [0.5]})}
    return AnnData(uns={"compare_gene_subsets": tables})


def test_anchor_a_copy_of_what_is_recorded(adata):
    table = get.compare_gene_subsets(adata)
    table["value"] = 0
    assert get.compare_gene_subsets(adata)["value"].tolist() == [0.5]
    assert get.compare_gene_subsets(adata, table="results")["value"].tolist() == [1, 2]


def test_error(adata):
    with pytest.raises(ValueError, match="table must be one of 'summary', 'results', got 'draws'"):
        get.compare_gene_subsets(adata, table="draws")
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.compare_gene_subsets first"):
        get.compare_gene_subsets(adata, key_added="mine")
