import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_of_what_is_recorded():
    adata = AnnData(uns={"invariance": {"results": pd.DataFrame({"spearman": [0.5]})}})
    table = get.invariance(adata)
    table["spearman"] = 0
    assert get.invariance(adata)["spearman"].tolist() == [0.5]


def test_error():
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.invariance first"):
        get.invariance(AnnData(), key_added="mine")
