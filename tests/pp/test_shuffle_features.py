import anndata as ad
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mudata import MuData
from profile_models import profiles
from scipy.sparse import csc_matrix, csr_array, csr_matrix

import crepr as cr
from crepr.pp import _profile_matrix

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture
def adata():
    return profiles()


@given(seeds)
def test_property_each_feature_keeps_its_values_and_parts_do_not_mix(seed):
    adata = profiles(n=24)
    x = adata.X.copy()
    cr.pp.shuffle_features(adata, groupby="split", rng=seed)
    found = adata.layers["shuffled"]
    for part in ("train", "test"):
        rows = (adata.obs["split"] == part).to_numpy()
        np.testing.assert_array_equal(np.sort(found[rows], axis=0), np.sort(x[rows], axis=0))
    np.testing.assert_array_equal(adata.X, x)
    assert found.dtype == np.float32


def test_anchor_features_lose_what_they_have_in_common():
    adata = profiles(n=3000)
    cr.pp.shuffle_features(adata)
    before, after = (np.corrcoef(x.T)[np.triu_indices(8, 1)] for x in (adata.X, adata.layers["shuffled"]))
    assert np.abs(before).max() > 0.8
    assert np.abs(after).max() < 0.08
    assert adata.uns["shuffled"]["params"]["where"] == ".X"


def test_property_all_orders_are_alike():
    adata = ad.AnnData(np.arange(3, dtype=np.float32)[:, None].repeat(6000, axis=1))
    cr.pp.shuffle_features(adata)
    orders, counts = np.unique(adata.layers["shuffled"], axis=1, return_counts=True)
    assert orders.shape == (3, 6)
    assert (np.abs(counts - 1000) < 150).all()


@pytest.mark.parametrize("kind", [csr_matrix, csc_matrix, csr_array])
def test_property_sparse_profiles_stay_sparse(adata, kind):
    adata.X = np.where(adata.X > 0, adata.X, 0)
    sparse = adata.copy()
    sparse.X = kind(sparse.X)
    for each in (adata, sparse):
        cr.pp.shuffle_features(each, groupby="split")
    assert type(sparse.layers["shuffled"]) is type(sparse.X)
    np.testing.assert_array_equal(sparse.layers["shuffled"].toarray(), adata.layers["shuffled"])


def test_property_blocks_do_not_matter(adata, monkeypatch):
    cr.pp.shuffle_features(adata)
    monkeypatch.setattr(_profile_matrix, "BLOCK", 120)
    cr.pp.shuffle_features(adata, key_added="again")
    np.testing.assert_array_equal(adata.layers["again"], adata.layers["shuffled"])
    cr.pp.shuffle_features(adata, rng=1)  # its own may be replaced
    assert (adata.layers["again"] != adata.layers["shuffled"]).any()


def test_other_places_and_copy(adata):
    adata.obsm["features"] = adata.to_df()
    adata.layers["counts"] = np.round(10 * adata.X).astype(int)
    mdata = MuData({"morphology": adata})
    cr.pp.shuffle_features(mdata, use_rep="features")
    found = adata.obsm["shuffled"]
    assert found.columns.equals(adata.var_names)
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(adata.X, axis=0))
    changed = cr.pp.shuffle_features(adata, layer="counts", key_added="mine", copy=True)
    assert changed.layers["mine"].dtype.kind == "i"
    assert "mine" not in adata.layers


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "no"}, KeyError, "No 'no' in .obs"),
        ({"groupby": "holes"}, ValueError, "groupby='holes' is missing for 1 of 60"),
        ({"layer": "no"}, KeyError, "No 'no' in .layers"),
        ({"key_added": "taken"}, ValueError, "layers has an entry 'taken' that cr.pp.shuffle_features did not write"),
        ({"layer": "taken", "key_added": "taken"}, ValueError, "is where the profiles are"),
        ({"layer": "nan"}, ValueError, "holds NaN"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
    ],
)
def test_error(adata, options, error, match):
    adata.layers["taken"] = adata.X
    adata.layers["nan"] = np.where(adata.X > 1, adata.X, np.nan)
    adata.obs["holes"] = np.where(np.arange(60) == 3, None, "a")
    with pytest.raises(error, match=match):
        cr.pp.shuffle_features(adata, **options)
