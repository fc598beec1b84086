import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def test_table_is_a_copy():
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    with pytest.raises(KeyError, match="No 'tune_beta' in .uns .*Run cr.tl.tune_beta first"):
        cr.get.tune_beta(adata)
    adata.uns["tune_beta"] = {"results": pd.DataFrame({"hausdorff": [0.5]})}
    table = cr.get.tune_beta(adata)
    table["hausdorff"] = 0
    assert cr.get.tune_beta(adata)["hausdorff"].tolist() == [0.5]
