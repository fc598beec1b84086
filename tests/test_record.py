from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crepr import _record


@dataclass
class Options:
    lr: float
    widths: tuple[int, ...]


def test_record_survives_writing(tmp_path):
    adata = ad.AnnData(np.ones((2, 1), np.float32))
    _record.record(
        adata,
        "test",
        params={"options": Options(0.1, (1, 2)), "path": Path("a") / "b", "none": None, 3: np.float32(2), "empty": ()},
        results=pd.DataFrame({"pval": [0.5]}),
    )
    adata.write_h5ad(tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad").uns["test"]
    assert read["params"]["options"]["lr"] == 0.1
    assert list(read["params"]["options"]["widths"]) == [1, 2]
    assert read["params"]["path"] == "a/b"
    assert read["params"]["none"] is None
    assert read["params"]["3"] == 2
    assert len(read["params"]["empty"]) == 0
    assert read["results"]["pval"].iloc[0] == 0.5
    assert read["crepr_version"]


def test_record_replaces_as_a_whole():
    adata = ad.AnnData(np.ones((2, 1), np.float32))
    _record.record(adata, "test", old=1)
    _record.record(adata, "test", new=1)
    assert set(adata.uns["test"]) == {"new", "crepr_version"}


def test_plain_error():
    with pytest.raises(TypeError, match="generator cannot be stored"):
        _record.plain({"a": (i for i in range(3))})


def test_own_makes_a_view_an_object_without_a_warning():
    adata = ad.AnnData(np.ones((3, 1), np.float32), obsm={"a": np.ones((3, 1))}, uns={"spatial": {}})
    view = adata[:2]
    _record.own(view)
    assert not view.is_view
    _record.record_image(view, "library", "image", np.ones((2, 2)))
    _record.record(view, "test", params={})
    assert view.shape == (2, 1)
    assert adata.uns == {"spatial": {}}
    before = adata.obsm
    _record.own(adata)
    assert adata.obsm == before


def test_own_of_repeated_names():
    with pytest.warns(UserWarning, match="not unique"):
        adata = ad.AnnData(np.ones((3, 2), np.float32), var=pd.DataFrame(index=["a", "a"]))
    view = adata[:2]
    _record.own(view)
    assert not view.is_view
    assert view.var_names.tolist() == ["a", "a"]


def test_all_or_nothing():
    adata = ad.AnnData(np.ones((3, 2), np.float32), obsm={"X_a": np.ones((3, 1))}, uns={"there": {"a": 1}})
    adata.obs["kind"] = list("abc")
    before = adata.copy()

    def write_half():
        with _record.all_or_nothing(adata, ()):
            _record.record(adata, "there", results=3)
            _record.record(adata, "new", results=3)
            adata.obs["kind"], adata.obs["new"] = "d", 1
            adata.obsm["X_a"], adata.obsm["X_b"] = np.zeros((3, 1)), np.zeros((3, 1))
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        write_half()
    assert adata.uns == before.uns
    assert adata.obs.equals(before.obs)
    assert list(adata.obsm) == ["X_a"]
    assert (adata.obsm["X_a"] == 1).all()
    with _record.all_or_nothing(adata, ()):
        _record.record(adata, "new", results=3)
    assert adata.uns["new"]["results"] == 3
