import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def test_table_is_a_copy():
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    with pytest.raises(KeyError, match="No 'permdisp' in .uns .*Run cr.tl.permdisp first, or set key_added"):
        cr.get.permdisp(adata)
    adata.uns["by_type"] = {"results": pd.DataFrame({"pval": [0.5]})}
    table = cr.get.permdisp(adata, key_added="by_type")
    table["pval"] = 0
    assert adata.uns["by_type"]["results"]["pval"].tolist() == [0.5]
