import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    tables = {name: pd.DataFrame({"value": [i, i + 1]}) for i, name in enumerate(["results", "map"])}
    return AnnData(uns={"compare_simulation": tables})


def test_anchor_copies(adata):
    assert get.compare_simulation(adata)["value"].tolist() == [0, 1]
    found = get.compare_simulation(adata, table="map")
    assert found["value"].tolist() == [1, 2]
    found.iloc[0, 0] = 5
    assert adata.uns["compare_simulation"]["map"]["value"].tolist() == [1, 2]


def test_error(adata):
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.compare_simulation first, or set key_added"):
        get.compare_simulation(adata, key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'map', got 'other'"):
        get.compare_simulation(adata, table="other")
