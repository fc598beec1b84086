import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.sparse import csr_matrix
from scipy.stats import false_discovery_control
from sklearn.feature_selection import f_regression
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import crepr as cr

N, GENES = 120, [f"g{i}" for i in range(8)]
COLUMNS = [
    "gene", "r2", "r2_sd", "pearson", "pearson_sd", "n_folds", "alpha", "best_latent", "correlation", "pval", "pval_adj", "mean",
    "fraction",
]  # fmt: skip


@pytest.fixture
def adata(rng):
    latent = rng.normal(size=(N, 4)).astype(np.float32)
    values = latent @ rng.normal(size=(4, 8)) * np.linspace(2, 0, 8) + rng.normal(size=(N, 8))
    obs = pd.DataFrame({"slide": rng.choice(["s", "t", "u"], N)}, index=[f"c{i}" for i in range(N)])
    adata = AnnData(csr_matrix(np.maximum(values, 0).astype(np.float32)), obs=obs, obsm={"X_vae": latent})
    adata.var_names = GENES
    adata.obsm["spatial"] = rng.uniform(0, 100, (N, 2))
    return adata


@pytest.fixture
def mdata(adata):
    stain = AnnData(obs=adata.obs[[]].copy(), obsm=dict(adata.obsm))
    return MuData({"rna": AnnData(adata.X, obs=adata.obs, var=adata.var), "stain": stain})


def table(data, **options):
    cr.tl.ridge_genes(data, **{"progress": False, **options})
    return cr.get.ridge_genes(data, key_added=options.get("key_added"))


def test_reference_published_settings(adata):
    found = table(adata, rng=137)
    assert found.columns.tolist() == COLUMNS
    assert found["gene"].tolist() == GENES
    x, y = adata.obsm["X_vae"].astype(float), adata.X.toarray().astype(float)
    train, test = train_test_split(np.arange(N), test_size=0.2, random_state=137)
    scaler = StandardScaler().fit(x[train])
    predicted = Ridge(1.0).fit(scaler.transform(x[train]), y[train]).predict(scaler.transform(x[test]))
    np.testing.assert_allclose(found["r2"], r2_score(y[test], predicted, multioutput="raw_values"), atol=1e-6)
    pval = np.stack([f_regression(x, values)[1] for values in y.T])
    np.testing.assert_allclose(found["pval"], pval.min(1), rtol=1e-5)
    assert found["best_latent"].tolist() == [str(i) for i in pval.argmin(1)]
    adjusted = false_discovery_control(pval.ravel()).reshape(pval.shape)
    np.testing.assert_allclose(found["pval_adj"], adjusted.min(1), rtol=1e-5)
    within = table(adata, scope="gene", predict=0)["pval_adj"]
    np.testing.assert_allclose(within, false_discovery_control(pval, axis=1).min(1), rtol=1e-5)
    np.testing.assert_allclose(table(adata, correction=None)["pval_adj"], found["pval"], rtol=1e-9)
    np.testing.assert_allclose(found["mean"], y.mean(0))
    np.testing.assert_allclose(found["fraction"], (y > 0).mean(0))
    assert found["r2_sd"].isna().all()


def test_anchor_what_is_written(adata):
    before = adata.copy()
    assert cr.tl.ridge_genes(adata, cv=3, predict=["g5", "g0", "g5"], progress=False) is None
    assert list(adata.uns) == ["ridge_genes"]
    assert sorted(adata.obsm) == ["X_vae", "ridge_genes", "spatial"]
    assert adata.obsm["ridge_genes"].columns.tolist() == ["g5", "g0"]
    assert adata.obsm["ridge_genes"].notna().to_numpy().all()
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    pd.testing.assert_frame_equal(adata.var, before.var)
    np.testing.assert_array_equal(adata.obsm["X_vae"], before.obsm["X_vae"])
    assert (adata.X != before.X).nnz == 0
    entry = adata.uns["ridge_genes"]
    assert entry["folds"].to_dict("list") == {"fold": [0, 1, 2], "n_train": [80] * 3, "n_test": [40] * 3}
    assert entry["params"]["alpha"].tolist() == [1.0]
    assert {name: entry["params"][name] for name in ("use_rep", "response", "cv", "n_folds", "scope", "seed")} == {
        "use_rep": "X_vae", "response": None, "cv": 3, "n_folds": 3, "scope": "all", "seed": 0,
    }  # fmt: skip


def test_property_predictions_are_of_cells_held_out(adata):
    found = table(adata, cv=4, predict=8)
    y, predicted = adata.to_df(), adata.obsm["ridge_genes"]
    assert predicted.columns.tolist() == found.nlargest(8, "r2")["gene"].tolist()
    # a fold's own cells do not move its predictions
    other = adata.copy()
    fold = cr.stats._folds.make_folds(N, 4)[0]
    values = other.X.toarray()
    values[fold.test] = 100 + np.arange(30)[:, None]
    other.X = values
    table(other, cv=4, predict=GENES)
    pd.testing.assert_frame_equal(
        other.obsm["ridge_genes"].iloc[fold.test], predicted[GENES].iloc[fold.test], atol=1e-4
    )
    r2 = {gene: r2_score(y[gene].iloc[fold.test], predicted[gene].iloc[fold.test]) for gene in GENES}
    assert r2["g0"] > 0.5 > r2["g7"]
    table(adata)
    assert adata.obsm["ridge_genes"].notna().all(axis=1).sum() == N / 5


def test_property_penalties(adata):
    fixed = {alpha: table(adata, cv=3, alpha=alpha)["r2"] for alpha in (0.1, 1000.0)}
    assert (table(adata, cv=3, alpha=1000.0)["alpha"] == 1000).all()
    found = table(adata, cv=3, alpha=[1000.0, 0.1])
    assert adata.uns["ridge_genes"]["params"]["alpha"].tolist() == [0.1, 1000.0]
    assert found["alpha"].iloc[0] == 0.1
    assert found["alpha"].iloc[-1] == 1000
    assert found["r2"].iloc[0] == fixed[0.1].iloc[0]
    assert found["r2"].iloc[-1] > fixed[0.1].iloc[-1]


@pytest.mark.parametrize(
    "options",
    [
        {"cv": "groups", "groups": "half"},
        {"cv": 3, "block_size": 34, "buffer": 15},
        {"cv": "split", "groups": "slide"},
        {"cv": "spatial", "block_size": 60, "buffer": 5},
    ],
)
def test_property_penalties_where_few_units_are_left(adata, options):
    adata.obs["half"] = np.where(np.arange(N) < 60, "a", "b")
    found = table(adata, alpha=[0.1, 1000.0], **options)
    assert found["alpha"].iloc[0] == 0.1
    assert found["r2"].notna().all()


def test_property_permutations(adata):
    found = table(adata, cv=3, n_perms=99)
    assert found.columns.tolist() == [*COLUMNS, "r2_null", "r2_pval", "r2_pval_adj"]
    assert found["r2_pval"].iloc[0] == 0.01
    assert (found["r2_null"] < found["r2"].iloc[0]).all()
    np.testing.assert_allclose(found["r2_pval_adj"], false_discovery_control(found["r2_pval"]))
    again, other = (table(adata, cv=3, n_perms=99, rng=rng) for rng in (0, 1))
    pd.testing.assert_frame_equal(again, found)
    assert (other["r2_null"] != found["r2_null"]).all()
    drawn = [table(adata, rng=np.random.default_rng(3)) for _ in range(2)]
    pd.testing.assert_frame_equal(*drawn)
    pd.testing.assert_frame_equal(table(adata, rng=adata.uns["ridge_genes"]["params"]["seed"]), drawn[0])


def test_property_permutations_within_groups(adata, rng):
    # representation and genes depend on the slide alone
    shift = 3 * (adata.obs["slide"] == "s").to_numpy()[:, None]
    adata.obsm["X_vae"] = rng.normal(size=(N, 2)) + shift
    adata.X = rng.normal(size=(N, 8)) + shift
    within = table(adata, cv=3, block_size=30, buffer=0, groups="slide", n_perms=99)
    assert (table(adata, cv=3, n_perms=99)["r2_pval"] == 0.01).all()
    assert within["r2_pval"].mean() > 0.2


def test_property_sparse_dense_and_layer_are_alike(adata):
    expected = table(adata, cv=3, n_perms=5)
    adata.layers["dense"], adata.layers["csc"] = adata.X.toarray(), adata.X.tocsc()
    for layer in ("dense", "csc"):
        pd.testing.assert_frame_equal(table(adata, cv=3, n_perms=5, layer=layer), expected, rtol=1e-6)


def test_property_order_of_cells_does_not_matter_to_tests(adata, rng):
    expected = table(adata, predict=0)
    found = table(adata[rng.permutation(N)].copy(), predict=0)
    for name in ("correlation", "pval", "pval_adj", "mean"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    assert found["best_latent"].tolist() == expected["best_latent"].tolist()


def test_property_columns_with_names_and_tables(adata):
    expected = table(adata)["best_latent"]
    adata.obsm["X_named"] = pd.DataFrame(adata.obsm["X_vae"], adata.obs_names, ["A", "B", "C", "D"])
    named = table(adata, use_rep="X_named")["best_latent"]
    assert named.tolist() == ["ABCD"[int(i)] for i in expected]
    assert table(adata, use_rep="X")["best_latent"].tolist() == GENES


def test_property_the_best_of_columns_whose_p_are_all_zero(rng):
    x = rng.normal(size=(4000, 3))
    x[:, :2] += 10 * x[:, 2:]
    adata = AnnData(x[:, 2:] + 0.1 * rng.normal(size=(4000, 1)), obsm={"X_vae": x})
    found = table(adata).iloc[0]
    assert found["pval"] == 0
    assert found["best_latent"] == "2"


def test_property_modalities_and_own_tables(adata, mdata):
    expected = table(adata, cv=3, groups="slide")
    found = table(mdata, cv=3, groups="rna:slide")
    pd.testing.assert_frame_equal(found, expected)
    assert "ridge_genes" in mdata.uns
    assert mdata.uns["ridge_genes"]["params"]["response"] == "rna"
    np.testing.assert_array_equal(mdata.obsm["ridge_genes"], adata.obsm["ridge_genes"])
    response = mdata["rna"].copy()
    pd.testing.assert_frame_equal(table(mdata, cv=3, groups="rna:slide", response=response, key_added="own"), expected)
    assert "own" in mdata["stain"].uns
    assert "own" in mdata["stain"].obsm
    assert "own" not in mdata.uns
    assert not mdata["rna"].uns
    assert not response.uns
    alone = mdata["stain"].copy()
    pd.testing.assert_frame_equal(table(alone, response=response), table(adata))


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, mdata, suffix, tmp_path):
    adata.var_names = mdata["rna"].var_names = ["HLA-A/B", *GENES[1:]]
    data, path = (adata if suffix == "h5ad" else mdata), tmp_path / f"a.{suffix}"
    options = {"cv": 3, "alpha": [1, 10], "n_perms": 3}
    expected = table(data, predict=["HLA-A/B", "g1"], **options)
    table(data, predict=0, key_added="none", **options)
    data.write(path)
    read = anndata.read_h5ad(path) if suffix == "h5ad" else mudata.read_h5mu(path)
    pd.testing.assert_frame_equal(cr.get.ridge_genes(read), expected, check_dtype=False, check_names=False)
    assert read.uns["ridge_genes"]["params"]["layer"] is None
    assert read.uns["ridge_genes"]["params"]["alpha"].tolist() == [1, 10]
    pd.testing.assert_frame_equal(
        pd.DataFrame(read.obsm["ridge_genes"]), pd.DataFrame(data.obsm["ridge_genes"]), check_names=False
    )
    fig = cr.pl.ridge_gene_maps(read)
    assert fig.axes[0].get_title() == "HLA-A/B, observed"
    table(read, **options)


def test_property_copy_views_and_reruns(adata):
    copy = cr.tl.ridge_genes(adata, copy=True, key_added="mine")
    assert not adata.uns
    assert "mine" not in adata.obsm
    assert list(copy.uns) == ["mine"]
    table(copy, key_added="mine", predict=["g1"])
    assert copy.obsm["mine"].columns.tolist() == ["g1"]
    cr.tl.classify(copy, "slide", classifier=_quick(), key_added="mine2", progress=False)
    for key, where in (("mine2", ".uns has an entry"), ("spatial", ".obsm has an entry"), ("X_vae", ".obsm has")):
        with pytest.raises(ValueError, match=f"{where}.* that cr.tl.ridge_genes did not write. Set key_added"):
            table(copy, key_added=key)
    view = adata[:80]
    table(view)
    assert "ridge_genes" not in adata.uns


def _quick():
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def test_warning_constant_genes(adata):
    values = adata.X.toarray()
    values[:, 2], values[:, 5] = 0, 0
    values[7, 5] = 2
    adata.X = values
    with pytest.warns(UserWarning, match=r"2 of 8 genes are constant in .* some folds.*\('g2', 'g5'\)") as caught:
        found = table(adata, cv=3, n_perms=5, predict=GENES).set_index("gene")
    assert [warning.filename for warning in caught] == [__file__]
    assert found["n_folds"].tolist() == [3, 3, 0, 3, 3, 1, 3, 3]
    assert (
        found.loc["g2", ["r2", "pearson", "correlation", "pval", "pval_adj", "r2_null", "r2_pval", "r2_pval_adj"]]
        .isna()
        .all()
    )
    assert found.loc["g2", "best_latent"] == ""
    assert np.isfinite(found.loc["g5", "r2"])
    assert found.drop(index=["g2", "g5"])[["r2", "pval_adj", "r2_pval_adj"]].notna().to_numpy().all()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"alpha": 0}, ValueError, "alpha must be a finite number above 0"),
        ({"alpha": [-1, 1]}, ValueError, "alpha must be a finite number above 0"),
        ({"alpha": []}, ValueError, "alpha must be a number or a sequence"),
        ({"alpha": "auto"}, ValueError, "alpha must be a number or a sequence"),
        ({"n_perms": -1}, ValueError, "n_perms must be at least 0"),
        ({"correction": "bh"}, ValueError, "correction must be one of"),
        ({"scope": "latent"}, ValueError, "scope must be one of 'all', 'gene'"),
        ({"predict": ["g1", "x"]}, KeyError, "No 'x' in the genes of response .*Set predict"),
        ({"predict": "g1"}, TypeError, "predict must be an integer or a sequence of genes"),
        ({"predict": -1}, ValueError, "predict must be at least 0"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 120 cells"),
        ({"layer": "log"}, KeyError, "No 'log' in .layers of response"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"device": "gpu"}, ValueError, "device must be"),
        ({"key_added": "a/b"}, ValueError, "key_added must be a name without slashes"),
        ({"cv": 121}, ValueError, "There are 120 cells, fewer than the 121"),
        ({"cv": "spatial"}, ValueError, "No crops are registered"),
        ({"cv": "spatial", "spatial_key": "where"}, KeyError, "No 'where' in .obsm"),
        ({"cv": "groups"}, ValueError, "Set groups"),
        ({"buffer": 3}, ValueError, "buffer=3 keeps blocks apart"),
        ({"cv": 3, "block_size": 101, "buffer": 0}, ValueError, "There are 1 blocks"),
        ({"response": AnnData(np.ones((3, 2)))}, ValueError, "response has 3, the representation 120, and 0 are in both"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 7, np.nan, adata.obsm["X_vae"])
    before = sorted(adata.obsm)
    with pytest.raises(error, match=match):
        table(adata, **options)
    assert not adata.uns
    assert sorted(adata.obsm) == before


def test_error_values_and_names(adata):
    adata.layers["holes"] = np.where(np.arange(8) == 3, np.nan, adata.X.toarray())
    with pytest.raises(ValueError, match=r"in 120 of 120 cells and 1 of 8 genes \('g3'\)"):
        table(adata, layer="holes")
    adata.var_names = ["g0", *GENES[:7]]
    with pytest.raises(ValueError, match="names of the genes of response must be unique. Call .var_names_make_unique"):
        table(adata)
    assert not adata.uns
