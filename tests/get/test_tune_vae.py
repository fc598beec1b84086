import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def test_table_is_a_copy_and_best_are_arguments():
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    with pytest.raises(KeyError, match="No 'tune_vae' in .uns .*Run cr.tl.tune_vae first"):
        cr.get.tune_vae(adata)
    best = '{"lr": 0.001, "model_options": {"widths": [500, 250]}}'
    adata.uns["tune_vae"] = {"results": pd.DataFrame({"val_loss": [0.5]}), "best": best}
    table = cr.get.tune_vae(adata)
    table["val_loss"] = 0
    assert cr.get.tune_vae(adata)["val_loss"].tolist() == [0.5]
    assert cr.get.tune_vae(adata, table="best") == {"lr": 0.001, "model_options": {"widths": [500, 250]}}
    with pytest.raises(ValueError, match="table must be one of 'results', 'best'"):
        cr.get.tune_vae(adata, table="trials")
