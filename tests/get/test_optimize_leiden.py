import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def test_table_is_a_copy():
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    with pytest.raises(KeyError, match="No 'leiden_optimized' in .uns .*Run cr.tl.optimize_leiden first"):
        cr.get.optimize_leiden(adata)
    adata.uns["leiden_optimized"] = {"results": pd.DataFrame({"silhouette": [0.5]})}
    table = cr.get.optimize_leiden(adata)
    table["silhouette"] = 0
    assert cr.get.optimize_leiden(adata)["silhouette"].tolist() == [0.5]
