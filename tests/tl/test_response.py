import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.sparse import csc_array, csc_matrix, csr_array, csr_matrix

import crepr as cr
from crepr.tl._response import find_response


def cells(n=6, values=None, names="abc"):
    values = np.linspace(0, 1, 3 * n).reshape(n, 3) if values is None else values
    adata = AnnData(values, obs=pd.DataFrame(index=[f"c{i}" for i in range(n)]))
    adata.var_names = list(names)
    return adata


@pytest.fixture
def mdata():
    stain = AnnData(obs=cells().obs, obsm={"X_vae": np.ones((6, 2))})
    return MuData({"stain": stain, "rna": cells()})


def test_anchor_where_genes_are_and_where_results_go(mdata):
    stain, rna = mdata["stain"], mdata["rna"]
    for response in (None, "rna", rna):
        found, name, target, values = find_response(mdata, stain, response, None)
        assert (found, name, target) == (rna, "rna", mdata)
        np.testing.assert_array_equal(values, rna.X)
    own = cells()
    assert find_response(mdata, stain, own, None)[:3] == (own, None, stain)
    assert find_response(rna, rna, None, None)[:3] == (rna, None, rna)
    assert find_response(stain, stain, own, None)[:3] == (own, None, stain)
    assert find_response(mdata, rna, "rna", None)[:3] == (rna, "rna", rna)
    mdata.obsm["X_both"] = np.ones((6, 2))
    assert find_response(mdata, mdata, "rna", None)[2] is mdata


@pytest.mark.parametrize("form", [np.asarray, csr_matrix, csc_matrix, csr_array, csc_array])
def test_property_forms(form):
    adata = cells()
    expected = adata.X.copy()
    adata.layers["log"] = form(expected)
    found = find_response(adata, adata, None, "log")[3]
    assert isinstance(found, np.ndarray if form is np.asarray else csr_matrix)
    np.testing.assert_array_equal(np.asarray(found.todense()) if form is not np.asarray else found, expected)


@pytest.mark.parametrize("form", [np.asarray, csr_matrix, csc_matrix])
def test_property_backed(form, tmp_path):
    adata = cells(values=form(np.eye(6, 3) / 2))
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
    found = find_response(backed, backed, None, None)[3]
    np.testing.assert_array_equal(found if form is np.asarray else found.toarray(), np.eye(6, 3) / 2)
    backed.file.close()


def test_warning_counts():
    adata = cells(values=csr_matrix(np.arange(18.0).reshape(6, 3)))
    adata.obsm["X_vae"] = np.random.default_rng(0).normal(size=(6, 2))
    with pytest.warns(
        UserWarning, match="of response holds whole numbers only.*largest cells.*normalize_total, sc.pp.log1p"
    ) as caught:
        cr.tl.ridge_genes(adata, cv=2)
    assert caught[0].filename == __file__
    # present or not, negative, not whole: no counts, and warnings are errors
    for values in (np.eye(6, 3), -2 * np.eye(6, 3), 1.5 * np.eye(6, 3)):
        find_response(adata, adata, cells(values=values), None)


@pytest.mark.parametrize(
    ("response", "layer", "error", "match"),
    [
        ("atac", None, KeyError, "No 'atac' in data.mod"),
        (3, None, TypeError, "response must be the name of a modality or an AnnData, got int"),
        (cells(5), None, ValueError, "same cells in the same order; response has 5, the representation 6, and 5 are in both"),
        (cells()[::-1].copy(), None, ValueError, "and 6 are in both. .*or put them in order"),
        ("stain", None, ValueError, "response has no genes: its .var is empty"),
        ("rna", "log", KeyError, "No 'log' in .layers of response"),
        (cells(values=np.full((6, 3), True)), None, TypeError, ".X of response must hold numbers, got dtype bool"),
        (cells(values=np.where(np.eye(6, 3), np.nan, 0.5)), None, ValueError, r".X of response holds NaN or infinite values in 3 of 6 cells and 3 of 3 genes \('c0', 'c1'"),
        (
            cells(values=csr_matrix(([np.inf], ([2], [1])), shape=(6, 3))), None, ValueError,
            r"NaN or infinite values in 1 of 6 cells and 1 of 3 genes \('c2'\). Remove or impute them first",
        ),
    ],
)  # fmt: skip
def test_error(mdata, response, layer, error, match):
    with pytest.raises(error, match=match):
        find_response(mdata, mdata["stain"], response, layer)


def test_error_which_modality(mdata):
    more = MuData({**mdata.mod, "atac": cells(names="def")})
    with pytest.raises(
        ValueError, match="not clear which modality has the genes .there are: 'rna', 'atac'.. Set response"
    ):
        find_response(more, more["stain"], None, None)
    with pytest.raises(ValueError, match="There is no .X of response. Set layer"):
        find_response(mdata, mdata["stain"], AnnData(obs=mdata.obs, var=pd.DataFrame(index=["a"])), None)


def test_error_further_cells(mdata):
    wide = MuData({**mdata.mod, "other": cells(9, names="def")})
    with pytest.raises(ValueError, match="must hold the same cells .*Call mu.pp.intersect_obs"):
        find_response(wide, wide["stain"], "rna", None)
