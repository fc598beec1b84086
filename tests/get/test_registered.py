import anndata as ad
import numpy as np
import pandas as pd
import pytest
from molecules import add_crops, make_adata

import crepr as cr
from crepr.get._registered import registered


@pytest.fixture
def adata():
    adata = make_adata()
    add_crops(adata)
    return adata


def test_anchor_the_record_as_it_is(adata):
    assert registered(adata, "crops") is adata.uns["crops"]
    assert registered(adata, "masks") == {}


def test_property_what_a_file_makes_of_it_is_right(tmp_path):
    adata = make_adata()
    adata.obsm["spatial"] = np.full((4, 2), 20.0)
    cr.pp.crops(adata, np.ones((3, 2, 40, 40), "u1"), size=8, axes="zcyx", z=1)
    cr.pp.intensity(adata, per="crop", progress=False)
    adata.write_h5ad(tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad")
    assert set(registered(read, "crops")) == set(registered(adata, "crops"))
    assert cr.get.crops(read).shape == (4, 2, 8, 8)


@pytest.mark.parametrize("entry", ["x", None, 5, [1]])
def test_error_no_dict(adata, entry):
    adata.uns["crops"] = entry
    with pytest.raises(
        ValueError, match=r"\.uns\['crops'\] must be a dict, as cr\.pp\.crops writes it.*run cr\.pp\.crops again"
    ):
        registered(adata, "crops")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 10**12), ("size", "8"), ("size", 0), ("size", True), ("channels", "DAPI"), ("channels", [3]), ("channels", None),
        ("border", "wrap"), ("border", ["pad"]), ("z", -1), ("z", "min"), ("images", {}), ("images", pd.DataFrame()),
        ("affine", {"0": np.eye(2)}), ("affine", 3), ("affine", {"0": np.full((3, 3), np.nan)}), ("coordinate_system", {}),
        ("intensity", {"per": "image"}), ("intensity", {"per": "dataset", "limits": [1, 2]}), ("params", 3), ("genes", []),
    ],
)  # fmt: skip
def test_error_entries(adata, name, value):
    adata.uns["crops"] = {**adata.uns["crops"], name: value}
    with pytest.raises(ValueError, match=rf"\.uns\['crops'\]\['{name}'\] must be .*, as cr\.pp\.crops writes it, got "):
        registered(adata, "crops")


@pytest.mark.parametrize("name", ["shape", "channels", "files"])
@pytest.mark.parametrize("text", ["", "{", "3", '["a", 1]', "[[]]", "[-1]"])
def test_error_table_of_images(adata, name, text):
    adata.uns["crops"]["images"][name] = text
    with pytest.raises(ValueError, match=r"\.uns\['crops'\]\['images'\] must be a table with the columns"):
        registered(adata, "crops")
