import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    tables = {name: pd.DataFrame({"value": [i, i + 1]}) for i, name in enumerate(["results", "features"])}
    return AnnData(uns={"reconstruction_metrics": tables})


def test_anchor_copies(adata):
    assert get.reconstruction_metrics(adata)["value"].tolist() == [0, 1]
    found = get.reconstruction_metrics(adata, table="features")
    assert found["value"].tolist() == [1, 2]
    found.iloc[0, 0] = 5
    assert adata.uns["reconstruction_metrics"]["features"]["value"].tolist() == [1, 2]


def test_error(adata):
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.reconstruction_metrics first, or set key_added"):
        get.reconstruction_metrics(adata, key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'features', got 'other'"):
        get.reconstruction_metrics(adata, table="other")
