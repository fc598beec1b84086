import warnings

import joblib
import mudata
import numpy as np
import pandas as pd
import pytest
import skbio
from anndata import AnnData
from mudata import MuData
from scipy.spatial.distance import pdist, squareform
from scipy.stats import false_discovery_control

import crepr as cr

SIZES = {"a": 14, "b": 10, "c": 20}


@pytest.fixture
def adata(rng):
    groups = rng.permutation(np.repeat(list(SIZES), list(SIZES.values())))
    adata = AnnData(obs=pd.DataFrame({"kind": groups, "plate": rng.choice(["p", "q"], 44)}, index=map(str, range(44))))
    adata.obsm["X_vae"] = rng.normal(size=(44, 5)) + 5 * (groups == "b")[:, None]
    adata.obsm["X_vae"][groups == "c"] *= 4
    return adata


def table(data, **options):
    cr.tl.permanova(data, "kind", n_perms=199, **options)
    return cr.get.permanova(data)


def test_anchor_location_and_dispersion_are_told_apart(adata):
    found = table(adata).set_index(["group", "reference"])
    assert found["difference"].to_dict() == {("a", "b"): "location", ("a", "c"): "dispersion", ("b", "c"): "both"}
    assert found.loc[("a", "b"), ["n_group", "n_reference", "n_perms"]].tolist() == [14, 10, 199]
    assert found.loc[("a", "c"), "dispersion_reference"] > 2 * found.loc[("a", "c"), "dispersion_group"]
    assert adata.uns["permanova"]["groups"].set_index("group")["n_cells"].to_dict() == SIZES


def test_reference_is_scikit_bio_pair_by_pair(adata):
    found = table(adata)
    x = adata.obsm["X_vae"]
    z = (x - x.mean(0)) / x.std(0)
    for row in found.itertuples():
        pair = adata.obs["kind"].isin([row.group, row.reference]).to_numpy()
        matrix = skbio.DistanceMatrix(squareform(pdist(z[pair])))
        expected = skbio.stats.distance.permanova(matrix, adata.obs["kind"][pair].to_numpy(), permutations=1, seed=0)
        assert row.statistic == pytest.approx(expected["test statistic"], rel=1e-6)
    np.testing.assert_allclose(found["pval_adj"], false_discovery_control(found["pval"]))
    np.testing.assert_allclose(found["permdisp_pval_adj"], false_discovery_control(found["permdisp_pval"]))


def test_anchor_all_groups_at_once(adata):
    found = table(adata, pairwise=False)
    assert len(found) == 1
    assert found.loc[0, ["n_groups", "n_cells"]].tolist() == [3, 44]
    groups = adata.uns["permanova"]["groups"].set_index("group")
    assert groups["dispersion"].idxmax() == "c"
    x = adata.obsm["X_vae"]
    matrix = skbio.DistanceMatrix(squareform(pdist((x - x.mean(0)) / x.std(0))))
    expected = skbio.stats.distance.permanova(matrix, adata.obs["kind"].to_numpy(), permutations=1, seed=0)
    assert found.loc[0, "statistic"] == pytest.approx(expected["test statistic"], rel=1e-6)


def test_property_a_pair_is_the_same_whatever_else_is_tested(adata):
    options = {"standardize": False, "correction": None}
    expected = table(adata, **options).set_index(["group", "reference"]).loc[("a", "c")]
    found = table(adata[adata.obs["kind"] != "b"].copy(), **options).set_index(["group", "reference"]).loc[("a", "c")]
    pd.testing.assert_series_equal(found, expected)
    several = table(adata, n_jobs=2, progress=False, **options)
    pd.testing.assert_series_equal(several.set_index(["group", "reference"]).loc[("a", "c")], expected)
    assert (several["pval"] == several["pval_adj"]).all()


@pytest.mark.filterwarnings("ignore")
def test_property_dask(adata):
    distributed = pytest.importorskip("distributed")
    expected = table(adata)
    with distributed.Client(processes=False, dashboard_address=":0"), joblib.parallel_config("dask"):
        pd.testing.assert_frame_equal(table(adata, n_jobs=-1), expected)


def test_property_seeds(adata):
    adata.obsm["X_vae"] = np.random.default_rng(1).normal(size=(44, 5))
    first, again, other = (table(adata, rng=seed)["pval"].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert (
        table(adata, rng=np.random.default_rng(3))["pval"].tolist()
        == table(adata, rng=np.random.default_rng(3))["pval"].tolist()
    )


def test_property_without_dispersion(adata):
    expected = table(adata)
    found = table(adata, permdisp=False)
    assert not [name for name in found if "disp" in name or name == "difference"]
    pd.testing.assert_frame_equal(found, expected[found.columns])
    cr.tl.permdisp(adata, "kind", n_perms=199)
    alone = cr.get.permdisp(adata)
    np.testing.assert_array_equal(alone["statistic"], expected["permdisp_statistic"])
    np.testing.assert_array_equal(alone["pval_adj"], expected["permdisp_pval_adj"])


def test_property_strata(adata):
    # labels and values depend on the plate alone
    adata.obs["kind"] = np.where(np.arange(44) % 2, "a", "b")
    adata.obs["plate"] = np.where(np.arange(44) % 2 ^ (np.arange(44) < 9), "p", "q")
    adata.obsm["X_vae"] = (
        np.random.default_rng(0).normal(size=(44, 3)) + 3 * (adata.obs["plate"] == "p").to_numpy()[:, None]
    )
    assert table(adata).loc[0, "pval"] < 0.05 < table(adata, strata="plate").loc[0, "pval"]


@pytest.mark.parametrize("center", ["median", "centroid"])
def test_reference_other_metric(adata, center):
    expected = table(adata, center=center)
    found = table(adata, metric="cosine", center=center)
    assert (found["statistic"] != expected["statistic"]).all()
    # the square of this metric has the same distances as z-scores of z-scores
    same = table(adata, metric="seuclidean", standardize=False, center=center, pairwise=False)
    np.testing.assert_allclose(same["statistic"], table(adata, center=center, pairwise=False)["statistic"], rtol=1e-6)


def test_property_written_and_read(adata, tmp_path):
    cr.tl.permanova(adata, "kind", n_perms=99)
    mdata = MuData(
        {"stain": adata, "rna": AnnData(obs=pd.DataFrame({"other": list("xy") * 22}, index=adata.obs_names))}
    )
    cr.tl.permanova(mdata, "rna:other", n_perms=99, key_added="by_rna")
    assert "by_rna" in mdata.uns
    mdata.write(tmp_path / "data.h5mu")
    read = mudata.read(tmp_path / "data.h5mu")
    for options in ({}, {"key_added": "by_rna"}):
        pd.testing.assert_frame_equal(
            cr.get.permanova(read, **options), cr.get.permanova(mdata, **options), check_dtype=False
        )
    assert read.mod["stain"].uns["permanova"]["params"]["groupby"] == "kind"


def test_property_copy_and_nothing_else_is_touched(adata):
    before = adata.copy()
    changed = cr.tl.permanova(adata, "kind", n_perms=99, copy=True)
    assert list(adata.uns) == []
    assert list(changed.uns) == ["permanova"]
    pd.testing.assert_frame_equal(changed.obs, before.obs)
    np.testing.assert_array_equal(changed.obsm["X_vae"], before.obsm["X_vae"])


def test_warning_groups_of_one_cell_and_few(adata):
    adata.obs.loc["0", "kind"] = "single"
    adata.obs.loc[["1", "2"], "kind"] = "pair"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = table(adata)
    text = " ".join(str(warning.message) for warning in caught)
    assert "Groups of 'kind' with one cell are left out: 'single'" in text
    assert "Groups under 5 cells: pair (2)" in text
    assert "single" not in set(found["group"]) | set(found["reference"])
    assert all(warning.filename == __file__ for warning in caught)
    with pytest.raises(ValueError, match="1 groups of 'kind' have one cell: 'single'. Merge or remove them"):
        table(adata, small_groups="error")


def test_warning_smallest_p(adata):
    small = adata[adata.obs["kind"] != "c"][:8].copy()
    small.obs["kind"] = list("aaabbbbb")
    # 8 choose 3 arrangements
    with pytest.warns(UserWarning, match=r"Groups under 5 cells: a \(3\)"):
        table(small)
    small.obs["kind"] = list("aaabbbaa")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table(small[:6].copy())
    text = " ".join(str(warning.message) for warning in caught)
    assert (
        "1 of 1 tests have too few permutations to be significant at 0.05, such as a and b, whose adjusted p is at least 0.1"
        in text
    )


def test_warning_correction(adata):
    with pytest.warns(
        UserWarning, match="3 of 3 tests have too few permutations .* adjusted p is at least 0.03. Raise n_perms"
    ):
        cr.tl.permanova(adata, "kind", n_perms=99, correction="bonferroni", progress=False, alpha=0.02)


def test_property_the_order_of_categories_does_not_matter(adata):
    adata.obsm["X_vae"] = np.random.default_rng(1).normal(size=(44, 5))
    adata.obs["kind"] = pd.Categorical(adata.obs["kind"], ["a", "b", "c", "unused"])
    expected = table(adata).set_index(["group", "reference"])
    adata.obs["kind"] = adata.obs["kind"].cat.reorder_categories(["c", "unused", "b", "a"])
    found = table(adata).set_index(["reference", "group"]).loc[expected.index]
    np.testing.assert_array_equal(found["pval"], expected["pval"])
    np.testing.assert_array_equal(found["permdisp_pval"], expected["permdisp_pval"])
    np.testing.assert_array_equal(found["dispersion_group"], expected["dispersion_reference"])


def test_property_a_column_of_the_modality_itself(adata):
    small = AnnData(obs=pd.DataFrame(index=adata.obs_names[:5]))
    mdata = MuData({"stain": adata, "rna": small})
    cr.tl.permanova(mdata, "stain:kind", n_perms=99, progress=False)
    assert "permanova" in mdata["stain"].uns


def test_property_views_and_filters_of_warnings_are_left_alone(adata):
    view, filters = adata[:40], warnings.filters.copy()
    cr.tl.permanova(view, "kind", metric="cityblock", n_perms=99, n_jobs=2, progress=False)
    assert "permanova" in view.uns
    assert "permanova" not in adata.uns
    assert warnings.filters == filters


@pytest.mark.parametrize("metric", ["jaccard", "braycurtis", "yule", "jensenshannon"])
def test_error_metric_of_amounts(adata, metric):
    with pytest.raises(ValueError, match=f"metric='{metric}' compares amounts or presence.*Set standardize=False"):
        table(adata, metric=metric)
    adata.obsm["X_vae"] = np.abs(adata.obsm["X_vae"])
    if metric in ("braycurtis", "jensenshannon"):
        assert np.isfinite(table(adata, metric=metric, standardize=False)["statistic"]).all()


def test_error_distances_that_are_not_defined(adata):
    adata.obsm["X_vae"] = np.zeros((44, 2))
    with pytest.raises(
        ValueError, match="metric='cosine' is not defined for some of these cells: .* distances are NaN"
    ):
        table(adata, metric="cosine", standardize=False)


def test_error_what_others_wrote(adata):
    adata.uns["permanova"] = {"mine": 1}
    with pytest.raises(
        ValueError, match=r".uns has an entry 'permanova' that cr.tl.permanova did not write. Set key_added"
    ):
        table(adata)
    for key, error in ((5, TypeError), ("a/b", ValueError), ("", ValueError)):
        with pytest.raises(error, match="key_added must be"):
            cr.tl.permanova(adata, "kind", key_added=key)
    assert adata.uns == {"permanova": {"mine": 1}}


def test_error_names_that_are_alike(adata):
    adata.obs["kind"] = pd.Categorical([1] * 20 + ["1"] * 20 + ["b"] * 4, [1, "1", "b"])
    with pytest.raises(ValueError, match="Some groups of 'kind' are the same when written as text"):
        table(adata)


def test_warning_n_perms_and_constant_columns(adata):
    adata.obsm["X_vae"][:, 1] = 7.1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cr.tl.permanova(adata, "kind", n_perms=9)
    text = " ".join(str(warning.message) for warning in caught)
    assert "n_perms=9 cannot give a p below 0.1" in text
    assert "1 of 5 columns of 'X_vae' are constant and count for nothing: 1" in text
    adata.obsm["X_vae"][:] = 7.1
    with pytest.raises(ValueError, match="All columns of 'X_vae' are constant"):
        table(adata)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "type"}, KeyError, "No 'type' in .obs"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"n_perms": 0}, ValueError, "n_perms must be at least 1, got 0"),
        ({"n_perms": 9.5}, TypeError, "n_perms must be an integer"),
        ({"metric": "manhattan"}, ValueError, "metric must be one of 'euclidean'.*got 'manhattan'"),
        ({"center": "mean"}, ValueError, "center must be one of 'median', 'centroid', got 'mean'"),
        ({"correction": "bh"}, ValueError, "correction must be one of None"),
        ({"alpha": 0}, ValueError, "alpha must be a finite number above 0"),
        ({"strata": "slide"}, KeyError, "No 'slide' in .obs"),
        ({"strata": "plate", "metric": "cosine"}, ValueError, "strata='plate' needs metric='euclidean'"),
        ({"small_groups": "keep"}, ValueError, "small_groups must be one of"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
        ({"device": "gpu"}, ValueError, "device must be"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        cr.tl.permanova(adata, **{"groupby": "kind", **options})
    assert list(adata.uns) == []


def test_error_data(adata):
    missing = adata.copy()
    missing.obs["kind"] = missing.obs["kind"].where(np.arange(44) > 2)
    with pytest.raises(ValueError, match="groupby='kind' is missing for 3 of 44 cells. Remove those cells"):
        table(missing)
    missing.obsm["X_vae"][3, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite values in 1 of 44 cells"):
        cr.tl.permanova(missing, "plate")
    with pytest.raises(ValueError, match="at least two groups of at least two cells, got 1"):
        table(adata[adata.obs["kind"] == "a"].copy())
