import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_by_strength():
    table = pd.DataFrame({"feature": list("abcd"), "correlation": [0.1, np.nan, -0.9, 0.5]})
    found = get.correlate(AnnData(uns={"correlate": {"results": table}}))
    assert found["feature"].tolist() == ["c", "d", "a", "b"]
    found.iloc[0, 0] = "x"
    assert table["feature"].tolist() == list("abcd")


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.correlate first, or set key_added"):
        get.correlate(AnnData(), key_added="mine")
