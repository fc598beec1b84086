import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def test_table_is_a_copy():
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    with pytest.raises(KeyError, match="No 'permanova' in .uns .*Run cr.tl.permanova first, or set key_added"):
        cr.get.permanova(adata)
    adata.uns["by_type"] = {"results": pd.DataFrame({"pval": [0.5]})}
    table = cr.get.permanova(adata, key_added="by_type")
    table["pval"] = 0
    assert adata.uns["by_type"]["results"]["pval"].tolist() == [0.5]
