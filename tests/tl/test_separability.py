import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from anndata import AnnData
from mudata import MuData
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multicomp import pairwise_tukeyhsd
from statsmodels.stats.multitest import multipletests

import crepr as cr

N = 60


@pytest.fixture
def adata(rng):
    kind = rng.permutation(np.repeat(["a", "b", "c"], [30, 20, 10]))
    x = rng.normal(size=(N, 3)) + np.array([0.0, 2, 0.5]) * (kind == "b")[:, None]
    obs = pd.DataFrame({
        "kind": pd.Categorical(kind), "area": rng.normal(50, 5, N) + 2 * (kind == "c"),
        "batch": rng.choice(["s", "t", "u"], N), "plate": pd.Categorical(rng.integers(0, 3, N)), "control": rng.random(N) < 0.5,
    }, index=[f"c{i}" for i in range(N)])  # fmt: skip
    return AnnData(obs=obs, obsm={"X_vae": x})


def run(data, groupby="kind", table="results", **options):
    cr.tl.separability(data, groupby, **options)
    return cr.get.separability(data, table=table, key_added=options.get("key_added"))


def test_anchor_what_is_written(adata):
    found = run(adata)
    assert found.columns.tolist() == [
        "feature", "group", "reference", "n_group", "n_reference", "difference", "hedges_g", "statistic", "pval",
    ]  # fmt: skip
    assert found["feature"].tolist() == ["0", "0", "0", "1", "1", "1", "2", "2", "2"]
    assert found["group"].tolist() == ["a", "a", "b"] * 3
    assert found["reference"].tolist() == ["b", "c", "c"] * 3
    assert found.loc[2, ["n_group", "n_reference"]].tolist() == [20, 10]
    features = cr.get.separability(adata, table="features")
    assert features["pval_adj"].idxmin() == features["hedges_g_mean"].idxmax() == 1
    assert (features["df_group"] == 2).all()
    assert (features["df_residual"] == N - 3).all()
    assert adata.uns["separability"]["params"]["covariates"].tolist() == []


def test_reference_is_statsmodels(adata):
    found, features = run(adata), cr.get.separability(adata, table="features")
    for place in range(3):
        y = adata.obsm["X_vae"][:, place]
        pairs, of_feature = found[found["feature"] == str(place)], features.iloc[place]
        expected = pairwise_tukeyhsd(y, adata.obs["kind"].astype(str).to_numpy())
        np.testing.assert_allclose(pairs["difference"], -expected.meandiffs)
        np.testing.assert_allclose(pairs["pval"], expected.pvalues, rtol=1e-4)
        assert of_feature["pval_mean"] == pytest.approx(expected.pvalues.mean(), rel=1e-4)
        assert of_feature["hedges_g_mean"] == pytest.approx(pairs["hedges_g"].abs().mean())
        a, b = (y[adata.obs["kind"] == name] for name in "ab")
        pooled = np.sqrt((29 * a.var(ddof=1) + 19 * b.var(ddof=1)) / 48)
        assert pairs["hedges_g"].iloc[0] == pytest.approx((1 - 3 / 191) * (a.mean() - b.mean()) / pooled)
    np.testing.assert_allclose(features["pval_adj"], multipletests(features["pval"], method="fdr_bh")[1])
    pd.testing.assert_series_equal(
        run(adata, table="features", correction=None)["pval_adj"], features["pval"], check_names=False
    )


@pytest.mark.parametrize(
    ("covariates", "formula"),
    [
        ("area", "area"),
        (["area", "batch"], "area + C(batch)"),
        (["plate", "control"], "C(plate) + C(control)"),
    ],
)
def test_reference_is_statsmodels_with_covariates(adata, covariates, formula):
    features = run(adata, table="features", covariates=covariates)
    for place in range(3):
        frame = adata.obs.assign(y=adata.obsm["X_vae"][:, place])
        expected = anova_lm(smf.ols(f"y ~ C(kind) + {formula}", frame).fit(), typ=2)
        assert features["statistic"].iloc[place] == pytest.approx(expected.loc["C(kind)", "F"])
        assert features["pval"].iloc[place] == pytest.approx(expected.loc["C(kind)", "PR(>F)"])


def test_property_features(adata):
    expected = run(adata)
    found = run(adata, features=["2", "area", "1"])
    assert found["feature"].unique().tolist() == ["2", "area", "1"]
    for name in ("1", "2"):
        pd.testing.assert_frame_equal(
            found[found["feature"] == name].reset_index(drop=True),
            expected[expected["feature"] == name].reset_index(drop=True),
        )
    alone = run(adata, features="area", use_rep=None)
    pd.testing.assert_frame_equal(alone, found[found["feature"] == "area"].reset_index(drop=True))
    adata.obsm["X_named"] = pd.DataFrame(adata.obsm["X_vae"], adata.obs_names, ["x", "T/NK", "area"])
    named = run(adata, use_rep="X_named", features=["T/NK", "area"])
    assert named["feature"].unique().tolist() == ["T/NK", "area"]
    # columns of the representation come first
    np.testing.assert_allclose(named["difference"][3:], expected["difference"][6:])


def test_property_order_of_cells(adata, rng):
    expected = run(adata, covariates="batch")
    found = run(adata[rng.permutation(N)].copy(), covariates="batch")
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, suffix, tmp_path):
    mdata = MuData({"rna": AnnData(obs=adata.obs), "stain": AnnData(obs=adata.obs[[]], obsm=dict(adata.obsm))})
    data, prefix = (adata, "") if suffix == "h5ad" else (mdata, "rna:")
    options = {"features": ["1", f"{prefix}area"], "covariates": f"{prefix}batch"}
    expected = run(data, f"{prefix}kind", **options)
    data.write(tmp_path / f"a.{suffix}")
    read = (anndata.read_h5ad if suffix == "h5ad" else mudata.read_h5mu)(tmp_path / f"a.{suffix}")
    pd.testing.assert_frame_equal(cr.get.separability(read), expected, check_dtype=False)
    cr.pl.separability(read)
    run(read, f"{prefix}kind", **options)


def test_property_where_it_is_written(adata):
    mdata = MuData({"rna": AnnData(obs=adata.obs), "stain": adata})
    run(mdata, "stain:kind", covariates="stain:area", mod="stain")
    assert list(mdata["stain"].uns) == ["separability"]
    copy = cr.tl.separability(mdata, "kind", covariates="rna:area", key_added="other", copy=True)
    assert list(copy.uns) == ["other"]
    assert not mdata.uns
    run(mdata, "rna:kind", features=["rna:area"], use_rep=None)
    assert list(mdata.uns) == ["separability"]
    run(mdata, "kind", features="area", use_rep=None, mod="rna")
    assert list(mdata["rna"].uns) == ["separability"]


def test_warning_constant_features(adata):
    adata.obsm["X_vae"][:, 1] = 0.1
    with pytest.warns(UserWarning, match="1 of 3 features are constant and not tested: '1'") as caught:
        features = run(adata, table="features")
    assert [warning.filename for warning in caught] == [__file__]
    assert features["pval"].isna().tolist() == features["hedges_g_mean"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"features": "width"}, KeyError, "No 'width' in .obs .*Set features to one of them"),
        ({"features": "batch"}, TypeError, "features='batch' must be a column of numbers, got dtype"),
        ({"features": [1]}, TypeError, r"features must be a name or a list of names, got \[1\]"),
        ({"features": "bad"}, ValueError, "features='bad' holds NaN or infinite values in 1 of 60 cells"),
        ({"use_rep": None}, ValueError, "use_rep=None needs features"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"covariates": "slide"}, KeyError, "No 'slide' in .obs .*Set covariates to one of them"),
        ({"covariates": "kind"}, ValueError, "covariates are not independent of the groups .*Leave it out"),
        ({"correction": "none"}, ValueError, "correction must be one of None, 'bonferroni'"),
        ({"small_groups": "merge"}, ValueError, "small_groups must be one of"),
        ({"key_added": "mine"}, ValueError, ".uns has an entry 'mine' that cr.tl.separability did not write"),
    ],
)
def test_error(adata, options, error, match):
    adata.obs["bad"] = np.where(np.arange(N) == 0, np.inf, 1)
    adata.uns["mine"] = 1
    with pytest.raises(error, match=match):
        cr.tl.separability(adata, "kind", **options)
    assert list(adata.uns) == ["mine"]
