import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_of_what_is_recorded():
    adata = AnnData(uns={"cluster_metrics": {"results": pd.DataFrame({"ami": [0.5]})}})
    table = get.cluster_metrics(adata)
    table["ami"] = 0
    assert get.cluster_metrics(adata)["ami"].tolist() == [0.5]


def test_error():
    with pytest.raises(KeyError, match=r"No 'mine' in .uns .*Run cr.tl.cluster_metrics first"):
        get.cluster_metrics(AnnData(), key_added="mine")
