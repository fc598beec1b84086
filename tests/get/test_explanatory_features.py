import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_by_rank():
    table = pd.DataFrame({"feature": ["a", "b", "c"], "rank": [3, 1, 2]})
    adata = AnnData(uns={"explanatory_features": {"results": table}})
    found = get.explanatory_features(adata)
    assert found["feature"].tolist() == ["b", "c", "a"]
    found.iloc[0, 0] = "x"
    assert table["feature"].tolist() == ["a", "b", "c"]


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.explanatory_features first, or set key_added"):
        get.explanatory_features(AnnData(), key_added="mine")
