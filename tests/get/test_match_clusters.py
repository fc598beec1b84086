import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    results = pd.DataFrame({"cluster": ["0", "1"], "matched": [False, True]})
    return AnnData(uns={"match_clusters": {"results": results, "unmatched": pd.DataFrame({"name": ["0"]})}})


def test_anchor_tables(adata):
    assert get.match_clusters(adata)["cluster"].tolist() == ["0", "1"]
    assert get.match_clusters(adata, which="matched")["cluster"].tolist() == ["1"]
    assert get.match_clusters(adata, which="unmatched")["name"].tolist() == ["0"]


@pytest.mark.parametrize("which", ["all", "matched", "unmatched"])
def test_property_a_copy(adata, which):
    table = get.match_clusters(adata, which=which)
    table.iloc[:, 0] = "other"
    assert "other" not in get.match_clusters(adata, which=which).iloc[:, 0].tolist()


def test_error(adata):
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.match_clusters first"):
        get.match_clusters(adata, key_added="mine")
    with pytest.raises(ValueError, match="which must be one of 'all', 'matched', 'unmatched', got 'pairs'"):
        get.match_clusters(adata, which="pairs")
