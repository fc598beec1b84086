import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_of_what_is_recorded():
    adata = AnnData(uns={"mixture_score": {"results": pd.DataFrame({"value": [0.5]})}})
    found = get.mixture_score(adata)
    found.iloc[0, 0] = 0
    assert adata.uns["mixture_score"]["results"].iloc[0, 0] == 0.5


def test_error():
    with pytest.raises(KeyError, match=r"No 'mixture_score' in .uns .*Run cr.tl.mixture_score first, or set key_added"):
        get.mixture_score(AnnData())
