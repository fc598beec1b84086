import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


@pytest.fixture
def adata():
    tables = {name: pd.DataFrame({"value": [i, i + 1]}) for i, name in enumerate(["results", "groups"])}
    return AnnData(uns={"latent_effects": tables})


def test_anchor_copies(adata):
    assert get.latent_effects(adata)["value"].tolist() == [0, 1]
    found = get.latent_effects(adata, table="groups")
    assert found["value"].tolist() == [1, 2]
    found.iloc[0, 0] = 5
    assert adata.uns["latent_effects"]["groups"]["value"].tolist() == [1, 2]


def test_error(adata):
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.latent_effects first, or set key_added"):
        get.latent_effects(adata, key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'groups', got 'other'"):
        get.latent_effects(adata, table="other")
    del adata.uns["latent_effects"]["groups"]
    with pytest.raises(KeyError, match=r"No 'groups' in .uns\['latent_effects'\].*with groupby"):
        get.latent_effects(adata, table="groups")
