import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy():
    adata = AnnData(uns={"reproducibility": {"results": pd.DataFrame({"a": [1]})}})
    found = get.reproducibility(adata)
    found["a"] = 0
    assert get.reproducibility(adata)["a"].tolist() == [1]


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.reproducibility first, or set key_added"):
        get.reproducibility(AnnData(), key_added="mine")
