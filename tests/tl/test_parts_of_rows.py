import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr.tl._parts_of_rows import parts_of_rows

PARTS = ["train", "validation", "test"]


@pytest.fixture
def adata():
    flags = np.array([True, False, False])
    obs = {
        "flags": flags,
        "split": pd.Categorical(PARTS),
        "text": PARTS,
        "other": ["train", "held", "test"],
        "holes": ["train", None, "test"],
    }
    return AnnData(np.zeros((3, 1)), obs=pd.DataFrame(obs, index=list("abc")))  # fmt: skip


def parts(adata, name, **options):
    return parts_of_rows(adata, adata, name, **{"option": "training", "flagged": "train", "others": "test", **options})


def test_anchor(adata):
    assert parts(adata, "split").tolist() == parts(adata, "text").tolist() == PARTS
    assert parts(adata, "flags").tolist() == ["train", "test", "test"]
    assert parts(adata, "flags", flagged="validation", others="train").tolist() == ["validation", "train", "train"]
    assert parts(adata[:1].copy(), "split").tolist() == ["train"]


@pytest.mark.parametrize("name", ["other", "holes"])
def test_error(adata, name):
    with pytest.raises(TypeError, match=f"training='{name}' must be a column of booleans"):
        parts(adata, name)
    with pytest.raises(KeyError, match=r"No 'part' in \.obs"):
        parts(adata, "part")
