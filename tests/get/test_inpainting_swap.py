import pandas as pd
import pytest

import crepr as cr


def test_tables_are_copies():
    adata = cr.datasets.synthetic_cells(n_obs=10, size=16)
    tables = {"results": pd.DataFrame({"follows": [1.0]}), "macro": pd.DataFrame({"follows": [0.9]})}
    adata.uns["inpainting_swap"] = {name: table.copy() for name, table in tables.items()}
    for name, table in tables.items():
        found = cr.get.inpainting_swap(adata, table=name)
        pd.testing.assert_frame_equal(found, table)
        found.loc[0, "follows"] = 0
    pd.testing.assert_frame_equal(cr.get.inpainting_swap(adata), tables["results"])


def test_error():
    adata = cr.datasets.synthetic_cells(n_obs=10, size=16)
    with pytest.raises(KeyError, match="inpainting_swap"):
        cr.get.inpainting_swap(adata)
    with pytest.raises(ValueError, match="table must be"):
        cr.get.inpainting_swap(adata, table="pairs")
