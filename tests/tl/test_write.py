import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr.tl._write import claim_key, numbered, storable, write


@pytest.fixture
def adata():
    adata = AnnData(obs=pd.DataFrame({"theirs": [1, 2]}, index=["a", "b"]), obsm={"X_theirs": np.ones((2, 1))})
    adata.uns["entry"] = 3
    return adata


def test_anchor_what_is_written_is_claimed_by_its_function(adata):
    table = pd.DataFrame({"T/NK": [0.0, 1.0]}, index=adata.obs_names)
    write(adata, "ours", "key", obs=numbered(np.array([1, 0])), obsm=table, params={"a": None})
    assert adata.obs["key"].tolist() == ["1", "0"]
    assert adata.obsm["key"].columns.tolist() == ["T_NK"]
    assert table.columns.tolist() == ["T/NK"]
    assert (adata.uns["key"]["function"], adata.uns["key"]["params"]) == ("ours", {"a": None})
    claim_key(adata, "ours", "key", obs=True, obsm=True)
    claim_key(adata, "ours", "theirs", obsm=True)
    assert storable(table).columns.tolist() == ["T_NK"]


@pytest.mark.parametrize(
    ("key", "options", "match"),
    [
        ("entry", {}, ".uns has an entry 'entry' that cr.tl.ours did not write. Set key_added to another name"),
        ("theirs", {"obs": True}, ".obs has a column 'theirs'"),
        ("X_theirs", {"obsm": True}, ".obsm has an entry 'X_theirs'"),
        ("a/b", {}, "key_added must be a name without slashes"),
    ],
)
def test_error(adata, key, options, match):
    with pytest.raises(ValueError, match=match):
        claim_key(adata, "ours", key, **options)
