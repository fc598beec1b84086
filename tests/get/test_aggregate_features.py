import pandas as pd
import pytest
from anndata import AnnData

from crepr import get


def test_anchor_copies_of_what_is_recorded():
    results = pd.DataFrame({"feature": ["a", "b", "c"], "order": [2, 0, 1]})
    adata = AnnData(uns={"X_aggregated": {"results": results, "cells": pd.DataFrame({"cell": ["x"]})}})
    found = get.aggregate_features(adata)
    assert found["feature"].tolist() == ["b", "c", "a"]
    cells = get.aggregate_features(adata, table="cells")
    cells["cell"] = "y"
    assert adata.uns["X_aggregated"]["cells"]["cell"].tolist() == ["x"]


def test_error():
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.aggregate_features first, or set key_added"):
        get.aggregate_features(AnnData(), key_added="mine")
    with pytest.raises(ValueError, match="table must be one of 'results', 'cells', got 'tree'"):
        get.aggregate_features(AnnData(), table="tree")
