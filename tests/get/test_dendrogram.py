import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_copies_of_what_is_recorded():
    results = pd.DataFrame({"leaf": ["a", "b", "c"], "order": [2, 0, 1]})
    adata = AnnData(uns={"dendrogram": {"results": results, "cells": pd.DataFrame({"cell": ["x"]})}})
    assert get.dendrogram(adata)["leaf"].tolist() == ["b", "c", "a"]
    cells = get.dendrogram(adata, table="cells")
    cells["cell"] = "y"
    assert adata.uns["dendrogram"]["cells"]["cell"].tolist() == ["x"]


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.dendrogram first, or set key_added"):
        get.dendrogram(AnnData(), key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'cells', got 'tree'"):
        get.dendrogram(AnnData(), table="tree")
