import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycytominer_choice import removed
from scipy.sparse import csr_matrix

import crepr as cr

OPERATIONS = {
    "variance": "frequency_threshold",
    "correlation": "correlation_threshold",
    "missing": "drop_na_columns",
    "outliers": "drop_outliers",
}


def cells(seed=0, n=100, p=40, prefix="cell_Feature"):
    """Features of every fate, float32 as those of cells are."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8))[:, rng.integers(0, 8, p)] + rng.choice([0.1, 1], p) * rng.normal(size=(n, p))
    x *= rng.choice([1, 300], p)
    x[:, rng.random(p) < 0.1] = 0
    x[(rng.random((n, p)) < 0.1) & (rng.random(p) < 0.2)] = np.nan
    names = [f"{prefix}_{i}" for i in range(p)]
    return ad.AnnData(x.astype(np.float32), var=pd.DataFrame(index=names))


def test_anchor_every_reason_once():
    rng = np.random.default_rng(0)
    keep = rng.normal(size=100)
    x = np.stack([keep, np.zeros(100), 2 * keep, rng.normal(size=100), rng.normal(size=100), 600 * keep**3], axis=1)
    x[:10, 3] = np.nan
    names = ["cell_A", "cell_B", "cell_C", "cell_D", "cell_AreaShape_Orientation", "cell_F"]
    adata = ad.AnnData(x, var=pd.DataFrame(index=names))
    steps = ["variance", "correlation", "missing", "blocklist", "outliers"]
    assert cr.pp.select_features(adata, operations=steps, corr_threshold=0.95) is None
    assert adata.var["removed_by"].tolist() == ["", "variance", "correlation", "missing", "blocklist", "outliers"]
    assert adata.var["selected"].tolist() == [True, False, False, False, False, False]
    entry = adata.uns["select_features"]
    assert entry["results"]["feature"].tolist() == names[1:]
    assert entry["results"]["removed_by"].tolist() == steps
    assert entry["params"]["n_features"] == 6
    assert entry["params"]["operations"].tolist() == steps


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.permutations(list(OPERATIONS)))
def test_reference_is_pycytominer_in_any_order(seed, steps):
    adata = cells(seed)
    cr.pp.select_features(adata, operations=steps)
    expected = removed(adata.X, [OPERATIONS[step] for step in steps])
    np.testing.assert_array_equal(~adata.var["selected"], expected)


def test_reference_published_selection(real_data):
    """Latents of mouse ileum: what pycytominer removes of them and of noisy copies."""
    latent = pd.read_csv(real_data / "mouse_ileum" / "staining_crops_model_inference_VSTE-322.csv", index_col=0)
    x = latent.to_numpy(np.float32)
    x = np.hstack([x, x + np.random.default_rng(0).normal(size=x.shape).astype(np.float32) * x.std(0) / 3])
    adata = ad.AnnData(x)
    cr.pp.select_features(adata, operations=["variance", "correlation"])
    np.testing.assert_array_equal(~adata.var["selected"], removed(x, ["frequency_threshold", "correlation_threshold"]))
    assert 0 < adata.var["selected"].sum() < x.shape[1]


@given(st.integers(0, 2**32 - 1))
def test_property_no_nan_is_left_if_none_is_allowed(seed):
    adata = cells(seed)
    cr.pp.select_features(adata, na_cutoff=0)
    assert np.isfinite(adata[:, adata.var["selected"]].X).all()


def test_property_subset_is_what_is_marked():
    adata = cells()
    marked = cr.pp.select_features(adata, copy=True)
    assert "selected" not in adata.var
    cut = cr.pp.select_features(adata, subset=True, copy=True)
    assert cut.var_names.tolist() == marked.var_names[marked.var["selected"]].tolist()
    pd.testing.assert_frame_equal(cut.uns["select_features"]["results"], marked.uns["select_features"]["results"])
    np.testing.assert_array_equal(cut.X, marked[:, marked.var["selected"]].X)


def test_property_a_subset_keeps_no_reasons_of_an_earlier_call():
    adata = cells()
    cr.pp.select_features(adata)
    cr.pp.select_features(adata, operations="missing", subset=True)
    assert adata.var["selected"].all()
    assert "removed_by" not in adata.var


def test_property_again_is_anew_and_sparse_is_dense():
    adata = cells()
    cr.pp.select_features(adata, operations="outliers", outlier_cutoff=0)
    cr.pp.select_features(adata)
    other = cells()
    other.X = csr_matrix(other.X)
    cr.pp.select_features(other)
    pd.testing.assert_frame_equal(adata.var, other.var)


def test_property_of_a_mudata_the_classical_modality_is_meant():
    mdata = md.MuData({"rna": cells(1, p=5, prefix="gene"), "classical": cells()})
    cr.pp.select_features(mdata)
    assert "selected" not in mdata["rna"].var
    cr.pp.select_features(mdata, subset=True)
    left = mdata["classical"].n_vars
    view = mdata[:50]
    with pytest.raises(ValueError, match=r"data is a view of a MuData, of which no features .*Call data.copy"):
        cr.pp.select_features(view, operations="outliers", outlier_cutoff=3, subset=True)
    assert view["classical"].n_vars == left
    assert cr.pp.select_features(view, operations="outliers", outlier_cutoff=3, subset=True, copy=True).n_obs == 50
    assert mdata.n_vars == 5 + left < 45
    with pytest.warns(UserWarning, match="No feature is left of 5"):
        cr.pp.select_features(mdata, mod="rna", operations="blocklist", blocklist="*")


@pytest.mark.parametrize("subset", [True, False])
def test_property_survives_writing(subset, tmp_path):
    adata = cells()
    cr.pp.select_features(adata, subset=subset)
    adata.write_h5ad(tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad")
    assert read.var["selected"].tolist() == adata.var["selected"].tolist()
    assert read.uns["select_features"]["results"]["feature"].tolist() == list(
        adata.uns["select_features"]["results"]["feature"]
    )
    cr.pp.select_features(read)


def test_property_nothing_removed_survives_writing(tmp_path):
    adata = ad.AnnData(np.random.default_rng(0).normal(size=(50, 2)))
    cr.pp.select_features(adata)
    adata.write_h5ad(tmp_path / "a.h5ad")
    assert not len(ad.read_h5ad(tmp_path / "a.h5ad").uns["select_features"]["results"])


def test_property_view_becomes_an_object_of_its_own():
    adata = cells()
    view = adata[:60]
    cr.pp.select_features(view)
    assert "selected" in view.var
    assert "selected" not in adata.var


def test_blocklist_that_fits_nothing_is_told():
    with pytest.warns(UserWarning, match=r"blocklist='nowhere.txt' fits none of 40 features.*path"):
        cr.pp.select_features(cells(), blocklist="nowhere.txt")
    adata = cells()
    cr.pp.select_features(adata, operations="blocklist", blocklist="*_1?")
    assert (~adata.var["selected"]).sum() == 10


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"operations": "drop"}, ValueError, "operations must be one of 'variance', 'correlation'.*got 'drop'"),
        ({"corr_threshold": 1.5}, ValueError, "corr_threshold must be a share from 0 to 1, got 1.5"),
        ({"na_cutoff": -0.1}, ValueError, "na_cutoff must be"),
        ({"freq_cut": "a"}, TypeError, "freq_cut must be a number"),
        ({"outlier_cutoff": None}, TypeError, "outlier_cutoff must be a number"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"operations": []}, ValueError, "operations is empty. Name at least one of 'variance'"),
        (
            {"outlier_cutoff": 15},
            TypeError,
            "outlier_cutoff is an option of 'outliers', which is not in operations. Add it",
        ),
        (
            {"operations": "variance", "blocklist": "*"},
            TypeError,
            "blocklist is an option of 'blocklist', which is not in",
        ),
    ],
)
def test_error_leaves_nothing_behind(options, error, match):
    adata = cells()
    with pytest.raises(error, match=match):
        cr.pp.select_features(adata, **options)
    assert not adata.uns
    assert not len(adata.var.columns)


def test_error_of_values():
    adata = cells()
    adata.X[3, 4] = np.inf
    with pytest.raises(ValueError, match=r"infinite values in 1 features \('cell_Feature_4'\). Set them to NaN"):
        cr.pp.select_features(adata)
    with pytest.raises(ValueError, match="there are 1. At least two"):
        cr.pp.select_features(cells(n=1))
    with pytest.raises(ValueError, match=r"There is no .X. Of features in a table .*AnnData\(adata.obsm"):
        cr.pp.select_features(ad.AnnData(obs=pd.DataFrame(index=["a", "b"])))
    with pytest.raises(TypeError, match="must be a 2-D array of numbers"):
        cr.pp.select_features(ad.AnnData(np.ones((3, 2), dtype=bool)))


@pytest.mark.parametrize("column", ["selected", "removed_by"])
def test_error_of_a_column_of_someone_else(column):
    adata = cells()
    adata.var[column] = "mine"
    with pytest.raises(ValueError, match=f".var has a column '{column}' that cr.pp.select_features did not write"):
        cr.pp.select_features(adata)
    with pytest.raises(ValueError, match="There are several modalities"):
        cr.pp.select_features(md.MuData({"a": cells(), "b": cells(prefix="gene")}))
