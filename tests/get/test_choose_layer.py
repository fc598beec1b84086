import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_of_what_is_recorded():
    adata = AnnData(uns={"choose_layer": {"results": pd.DataFrame({"value": [0.5]})}})
    found = get.choose_layer(adata)
    found.iloc[0, 0] = 0
    assert adata.uns["choose_layer"]["results"].iloc[0, 0] == 0.5


def test_error():
    with pytest.raises(KeyError, match=r"No 'choose_layer' in .uns .*Run cr.tl.choose_layer first, or set key_added"):
        get.choose_layer(AnnData())
