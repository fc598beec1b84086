import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.sparse import csr_matrix

from crepr import _access


@pytest.fixture
def adata():
    adata = AnnData(np.ones((4, 2), np.float32), obs=pd.DataFrame({"type": list("abab")}, index=list("wxyz")))
    adata.obsm["X_vae"] = np.arange(8).reshape(4, 2)
    return adata


@pytest.fixture
def mdata(adata):
    return MuData({"rna": adata, "stain": AnnData(obs=pd.DataFrame(index=list("wxyz")))})


def test_modality(adata, mdata):
    assert _access.modality(adata) is adata
    assert _access.modality(mdata, having="X_vae") is mdata["rna"]
    assert _access.modality(mdata, "stain") is mdata["stain"]


def test_modality_error(adata, mdata):
    with pytest.raises(TypeError, match="AnnData or a MuData, got list"):
        _access.modality([])
    with pytest.raises(ValueError, match="mod='rna' needs a MuData"):
        _access.modality(adata, "rna")
    with pytest.raises(KeyError, match=r"No 'atac' in data.mod \(there are: 'rna', 'stain'\)"):
        _access.modality(mdata, "atac")
    with pytest.raises(ValueError, match="several modalities: 'rna', 'stain'"):
        _access.modality(mdata)
    with pytest.raises(KeyError, match="No modality has 'crops'.*Run it"):
        _access.modality(mdata, having="crops", hint="Run it.")


def test_representation(adata, mdata):
    for data in (adata, mdata):
        found = _access.representation(data, "X_vae")
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, adata.obsm["X_vae"])
    mdata.obsm["X_joint"] = np.ones((4, 3), np.float32)
    assert _access.representation(mdata, "X_joint").dtype == np.float32


def test_representation_error(adata):
    with pytest.raises(KeyError, match=r"No 'X_pca' in data.obsm \(there are: 'X_vae'\). Run cr.tl.train_vae"):
        _access.representation(adata, "X_pca")
    adata.obsm["X_vae"] = np.array([[0.0], [np.nan], [np.inf], [1.0]])
    with pytest.raises(ValueError, match=r"NaN or infinite values in 2 of 4 cells \('x', 'y'\)"):
        _access.representation(adata, "X_vae")


@pytest.mark.parametrize("groupby", ["type", "rna:type"])
def test_groups(mdata, groupby):
    assert list(_access.groups(mdata, groupby)) == list("abab")


def test_groups_error(adata):
    with pytest.raises(KeyError, match="No 'kind' in .obs"):
        _access.groups(adata, "kind")
    adata.obs["type"] = ["a", None, "b", None]
    with pytest.raises(ValueError, match="groupby='type' is missing for 2 of 4 cells"):
        _access.groups(adata, "type")
    with pytest.raises(ValueError, match="library_key='type' is missing for 2 of 4 cells"):
        _access.groups(adata, "type", option="library_key")
    with pytest.raises(KeyError, match="Set library_key to one of them"):
        _access.groups(adata, "kind", option="library_key")


def test_same_cells_error(mdata):
    _access.same_cells(mdata, ["rna", "stain"])
    small = MuData({"rna": mdata["rna"], "stain": mdata["stain"][:3].copy()})
    with pytest.raises(ValueError, match="mu.pp.intersect_obs"):
        _access.same_cells(small, ["rna", "stain"])


@pytest.mark.parametrize("cells", [["z", "w"], [3, 0], [-1, 0], np.array([3, 0], np.int8)])
def test_cell_positions(adata, cells):
    assert _access.cell_positions(adata, cells).tolist() == [3, 0]


def test_cell_positions_of_masks_and_defaults(adata):
    assert _access.cell_positions(adata, np.array([True, False, False, True])).tolist() == [0, 3]
    assert _access.cell_positions(adata, None).tolist() == [0, 1, 2, 3]
    assert _access.cell_positions(adata, None, default=2).tolist() == [0, 1]


def test_cell_positions_error(adata):
    with pytest.raises(KeyError, match="1 of 2 cells are not in obs_names: 'v'"):
        _access.cell_positions(adata, ["w", "v"])
    with pytest.raises(IndexError, match="outside 0 to 3: 4"):
        _access.cell_positions(adata, [4])
    with pytest.raises(ValueError, match=r"mask of shape \(2,\)"):
        _access.cell_positions(adata, np.array([True, False]))
    adata.obs_names = list("wwxy")
    with pytest.raises(ValueError, match=r"obs_names must be unique; 1 are repeated \('w'\)"):
        _access.cell_positions(adata, ["x"])


def test_representation_of_x(adata, mdata):
    np.testing.assert_array_equal(_access.representation(mdata, "X", mod="rna"), np.ones((4, 2)))
    adata.X = csr_matrix(adata.X)
    np.testing.assert_array_equal(_access.representation(adata, "X"), np.ones((4, 2)))
    with pytest.raises(TypeError, match=r"\.X must be a 2-D array of numbers"):
        _access.representation(mdata, "X", mod="stain")


def test_grouped(adata, mdata):
    target, x, labels = _access.grouped(mdata, "type", "X_vae")
    assert target is mdata["rna"]
    assert x.shape == (4, 2)
    assert list(labels) == list("abab")
    # what is made of two modalities belongs to both
    mdata["stain"].obsm["X_stain"] = np.ones((4, 3))
    assert _access.grouped(mdata, "rna:type", "X_stain")[0] is mdata
    mdata.obs["batch"] = list("xxyy")
    assert list(_access.grouped(mdata, "batch", "X_vae")[2]) == list("xxyy")
    small = MuData({"rna": adata, "stain": mdata["stain"][:3].copy()})
    with pytest.raises(ValueError, match="mu.pp.intersect_obs"):
        _access.grouped(small, "rna:type", "X_stain")


def test_same_cells_with(adata, mdata):
    rna, stain = mdata["rna"], mdata["stain"]
    assert _access.same_cells_with(mdata, rna, "X_vae") is rna
    assert _access.same_cells_with(mdata, stain, "X_vae") is rna
    assert _access.same_cells_with(mdata, stain, "spatial") is stain
    mdata.obsm["X_vae"] = rna.obsm["X_vae"]
    assert _access.same_cells_with(mdata, stain, "X_vae") is mdata
    assert _access.same_cells_with(mdata, rna, "X_vae") is rna
    # other cells, or the same in another order
    for cells in (stain[:3].copy(), stain[::-1].copy()):
        assert _access.same_cells_with(mdata, cells, "X_vae") is cells


def test_find_column(adata, mdata):
    stain = mdata["stain"]
    stain.obs["size"] = range(4)
    for owner, name, found in [
        (stain, "type", (mdata["rna"], "type")),
        (stain, "rna:type", (mdata["rna"], "type")),
        (mdata["rna"], "rna:type", (mdata["rna"], "type")),
        (mdata, "size", (stain, "size")),
    ]:
        holder, own = _access.find_column(mdata, owner, name, option="color")
        assert holder is found[0]
        assert own == found[1]
    mdata.obs["type"] = list("cdcd")
    assert _access.find_column(mdata, mdata["rna"], "type", option="color")[0] is mdata["rna"]
    assert list(_access.cell_column(mdata, stain, "type", option="color")) == list("cdcd")
    for data, name in ((mdata, "stain:type"), (mdata, "kind"), (adata, ":type"), (adata, "rna:type")):
        assert _access.find_column(data, data, name, option="color") is None
    stain.obs["mark"] = mdata["rna"].obs["mark"] = 1
    assert _access.find_column(mdata, stain, "mark", option="color")[0] is stain
    with pytest.raises(ValueError, match="color='mark' is in several modalities; write 'rna:mark'"):
        _access.find_column(mdata, mdata, "mark", option="color")
    with pytest.raises(
        KeyError, match=r"No 'kind' in .obs \(there are: 'size', 'mark', 'type', .*'stain:size'.*\). Set color to one"
    ):
        _access.cell_column(mdata, stain, "kind", option="color")


@pytest.mark.parametrize("name", [["kind"], 2, np.float32(0.5), None])
def test_error_name_of_a_column_is_no_text(adata, mdata, name):
    for data in (adata, mdata):
        with pytest.raises(TypeError, match="exclude must be the name of a column of .obs, got"):
            _access.column(data, name, option="exclude")


def test_error_key_of_obsm_is_no_text(adata):
    with pytest.raises(TypeError, match=r"A key of .obsm must be a str, got array\(\[1, 2\]\)"):
        _access.same_cells_with(adata, adata, np.array([1, 2]))


def test_error_representation_of_no_cells_or_of_too_large_values(adata):
    with pytest.raises(ValueError, match="There are no cells"):
        _access.representation(adata[[]].copy(), "X_vae")
    for scale, dtype in ((1e30, np.float32), (1e300, np.float64)):
        adata.obsm["X_vae"] = np.full((adata.n_obs, 2), scale, dtype)
        with pytest.raises(ValueError, match=r"X_vae'\] holds values of up to 1e\+30*, and sums of squares above"):
            _access.representation(adata, "X_vae")


def test_representation_of_half_precision_is_of_double_precision(adata):
    adata.obsm["X_vae"] = np.full((adata.n_obs, 2), 300, np.float16)
    assert _access.representation(adata, "X_vae").dtype == np.float64


def test_error_representation_is_no_text(adata, mdata):
    for data in (adata, mdata):
        with pytest.raises(TypeError, match="use_rep must be a key of .obsm or 'X', got"):
            _access.representation(data, np.array([1, 2]))


def test_error_copy_of_a_backed_object(adata, tmp_path):
    adata.write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    assert _access.copied(adata) is not adata
    with pytest.raises(ValueError, match="copy=True needs data in memory.*Call data.to_memory"):
        _access.copied(backed)
    with pytest.raises(TypeError, match="data must be an AnnData or a MuData, got DataFrame"):
        _access.copied(adata.obs)


def test_copy_of_repeated_names(adata):
    adata.var_names = ["same"] * adata.n_vars
    assert _access.copied(adata).var_names.tolist() == ["same"] * adata.n_vars


def test_error_groups_that_are_no_names(adata):
    adata.obs["pair"] = pd.Series([(i % 2,) for i in range(adata.n_obs)], adata.obs_names)
    with pytest.raises(TypeError, match=r"groupby='pair' must hold names or numbers, got \(0,\) among them"):
        _access.groups(adata, "pair")
