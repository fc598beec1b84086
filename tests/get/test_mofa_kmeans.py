import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def test_table_is_a_copy():
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    with pytest.raises(KeyError, match="No 'mofa_kmeans' in .uns .*Run cr.tl.mofa_kmeans first, or set key_added"):
        cr.get.mofa_kmeans(adata)
    adata.uns["joint"] = {"results": pd.DataFrame({"silhouette": [0.5]})}
    table = cr.get.mofa_kmeans(adata, key_added="joint")
    table["silhouette"] = 0
    assert adata.uns["joint"]["results"]["silhouette"].tolist() == [0.5]
