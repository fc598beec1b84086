import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_a_copy_of_what_is_recorded():
    adata = AnnData(uns={"compare_representations": {"results": pd.DataFrame({"value": [0.5]})}})
    table = get.compare_representations(adata)
    table["value"] = 0
    assert get.compare_representations(adata)["value"].tolist() == [0.5]


def test_error():
    with pytest.raises(
        KeyError, match=r"No 'mine' in .uns .*Run cr.tl.compare_representations first, or set key_added"
    ):
        get.compare_representations(AnnData(), key_added="mine")
