import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def test_tables():
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    with pytest.raises(KeyError, match="Run cr.tl.optimize_multiplex_leiden first"):
        cr.get.optimize_multiplex_leiden(adata)
    tables = {"comparison": pd.DataFrame({"n_clusters": [1]}), "results": pd.DataFrame({"n_clusters": [2, 3]})}
    adata.uns["mine"] = tables
    for name, table in tables.items():
        pd.testing.assert_frame_equal(cr.get.optimize_multiplex_leiden(adata, table=name, key_added="mine"), table)
    with pytest.raises(ValueError, match="table must be one of 'comparison', 'results', got 'best'"):
        cr.get.optimize_multiplex_leiden(adata, table="best")
