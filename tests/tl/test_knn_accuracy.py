import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score
from sklearn.model_selection import LeaveOneGroupOut, LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

import crepr as cr

N = 90


@pytest.fixture
def adata():
    rng = np.random.default_rng(0)
    kind = rng.permutation(np.arange(N) % 3)
    obs = pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes(kind, ["T/NK", "a", "b"]),
            "two": np.where(kind == 0, "x", "y"),
            "well": rng.choice(["w1", "w2", "w3"], N),
        },
        index=[f"c{i}" for i in range(N)],
    )
    x = rng.normal(size=(N, 3)) * [1, 1, 5] + kind[:, None] * [1.5, 0, 0]
    return AnnData(np.ones((N, 1), np.float32), obs=obs, obsm={"X_vae": x})


def run(data, by="kind", **options):
    key = options.get("key_added")
    assert cr.tl.knn_accuracy(data, by, **options) is None
    return cr.get.knn_accuracy(data, key_added=key), cr.get.knn_accuracy(data, table="macro", key_added=key)


def value(macro, measure="balanced_accuracy", column="value"):
    return macro.set_index("measure").loc[measure, column]


def test_anchor_on_a_line():
    # the nearest of each: 1 0 3 2 3; labels a a b b a
    adata = AnnData(
        obs=pd.DataFrame({"kind": list("aabba")}, index=list("vwxyz")), obsm={"X_vae": np.c_[[0.0, 1, 5, 6, 8]]}
    )
    with pytest.warns(UserWarning, match=r"fewer than 5 cells, whose recall says little: a \(3\), b \(2\)") as caught:
        table, macro = run(adata, n_neighbors=1, n_perms=0)
    assert [warning.filename for warning in caught] == [__file__]
    assert table["label"].tolist() == ["a", "b"]
    assert table["n_cells"].tolist() == [3, 2]
    assert table["recall"].tolist() == pytest.approx([2 / 3, 1])
    assert value(macro) == pytest.approx(5 / 6)
    assert value(macro, "accuracy") == pytest.approx(4 / 5)
    assert cr.get.knn_accuracy(adata, table="confusion").to_numpy().tolist() == [[2, 1], [0, 2]]


@pytest.mark.parametrize("n_neighbors", [1, 3, 11])
@pytest.mark.parametrize("standardize", [False, True])
def test_reference_is_scikit_learn_left_one_out(adata, n_neighbors, standardize):
    table, macro = run(adata, "two", n_neighbors=n_neighbors, standardize=standardize)
    x, y = adata.obsm["X_vae"], adata.obs["two"]
    x = StandardScaler().fit_transform(x) if standardize else x
    expected = cross_val_predict(KNeighborsClassifier(n_neighbors), x, y, cv=LeaveOneOut())
    np.testing.assert_allclose(table["recall"], recall_score(y, expected, average=None))
    assert value(macro) == pytest.approx(balanced_accuracy_score(y, expected))
    assert value(macro, "accuracy") == pytest.approx((y == expected).mean())
    np.testing.assert_array_equal(cr.get.knn_accuracy(adata, table="confusion"), confusion_matrix(y, expected))


def test_reference_excluded_cells_are_a_group_left_out(adata):
    table, _ = run(adata, "two", n_neighbors=5, exclude="well")
    x, y, wells = adata.obsm["X_vae"], adata.obs["two"], adata.obs["well"]
    expected = cross_val_predict(KNeighborsClassifier(5), x, y, groups=wells, cv=LeaveOneGroupOut())
    np.testing.assert_allclose(table["recall"], recall_score(y, expected, average=None))


@pytest.mark.slow  # numba compiles it
@pytest.mark.parametrize("n_neighbors", [1, 11])
def test_property_the_search_agrees_for_few_cells(adata, n_neighbors):
    expected, macro = run(adata, n_neighbors=n_neighbors)
    found, other = run(adata, n_neighbors=n_neighbors, exact=False, key_added="search")
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(other, macro)
    assert adata.uns["knn_accuracy"]["params"]["exact"]
    assert not adata.uns["search"]["params"]["exact"]


def test_anchor_exact_whatever_the_number(adata, monkeypatch):
    calls = []
    monkeypatch.setattr("crepr.cluster._knn.EXACT", 10)
    monkeypatch.setattr("crepr.cluster._knn._approximate", lambda *args: calls.append(args))
    run(adata)
    assert not calls
    with pytest.raises(TypeError):
        run(adata, exact=False)
    assert len(calls) == 1


def test_anchor_what_is_written(adata):
    run(adata)
    entry = adata.uns["knn_accuracy"]
    assert sorted(entry) == ["confusion", "crepr_version", "function", "macro", "params", "results"]
    assert entry["results"].columns.tolist() == ["label", "n_cells", "recall", "recall_chance"]
    assert entry["macro"].columns.tolist() == ["measure", "value", "chance", "chance_sd"]
    assert entry["confusion"].columns.tolist() == ["T_NK", "a", "b"]
    assert entry["params"]["n_neighbors"] == 11
    assert entry["params"]["exclude"] is None
    assert cr.get.knn_accuracy(adata, table="confusion").columns.tolist() == ["T/NK", "a", "b"]


def test_property_chance(adata):
    table, macro = run(adata, n_perms=100)
    assert value(macro, column="chance") == pytest.approx(1 / 3, abs=0.03)
    assert value(macro) > value(macro, column="chance") + 3 * value(macro, column="chance_sd")
    assert table["recall_chance"].mean() == pytest.approx(value(macro, column="chance"))
    adata.obs["noise"] = adata.obs["kind"].to_numpy()[np.random.default_rng(3).permutation(N)]
    _, noise = run(adata, "noise", n_perms=100)
    assert abs(value(noise) - value(noise, column="chance")) < 3 * value(noise, column="chance_sd")


def test_property_seeds_order_and_scale(adata):
    expected, macro = run(adata, rng=4)
    for rng in (np.random.default_rng(1), adata.uns["knn_accuracy"]["params"]["seed"]):
        _, found = run(adata, rng=rng)
        assert found.equals(macro) == isinstance(rng, int)
    other = adata[np.random.default_rng(1).permutation(N)].copy()
    other.obsm["X_vae"] = other.obsm["X_vae"] * 1e3 + 1e4
    other.obs["kind"] = other.obs["kind"].cat.reorder_categories(["b", "T/NK", "a"]).cat.add_categories("unused")
    found = run(other, n_perms=0)[0].set_index("label")
    assert found.index.tolist() == ["b", "T/NK", "a"]
    np.testing.assert_allclose(found.loc[expected["label"], "recall"], expected["recall"])
    scaled = run(other, standardize=True, n_perms=0)[0].set_index("label")["recall"]
    assert not np.allclose(scaled, found["recall"])


def test_property_copy_view_and_foreign_keys(adata):
    copy = cr.tl.knn_accuracy(adata, "kind", copy=True)
    assert not adata.uns
    assert "knn_accuracy" in copy.uns
    copy.uns["mine"] = 1
    with pytest.raises(ValueError, match="'mine' that cr.tl.knn_accuracy did not write. Set key_added"):
        run(copy, key_added="mine")
    run(adata[:60])
    assert not adata.uns


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, suffix, tmp_path):
    rna, stain = AnnData(obs=adata.obs.copy()), AnnData(obs=adata.obs[["well"]].copy(), obsm=dict(adata.obsm))
    data, by = (adata, "kind") if suffix == "h5ad" else (MuData({"rna": rna, "stain": stain}), "rna:kind")
    expected = run(data, by, exclude="well")
    path = tmp_path / f"a.{suffix}"
    data.write(path)
    read = anndata.read_h5ad(path) if suffix == "h5ad" else mudata.read_h5mu(path)
    for name, table in zip(("results", "macro"), expected, strict=True):
        pd.testing.assert_frame_equal(
            cr.get.knn_accuracy(read, table=name), table, check_dtype=False, check_names=False
        )
    run(read, by, exclude="well")


def test_property_modalities(adata):
    mdata = MuData({"stain": adata})
    run(mdata)
    assert "knn_accuracy" in mdata["stain"].uns
    other = MuData({"rna": AnnData(obs=adata.obs[:80].copy()), "stain": AnnData(obsm=adata.obsm, obs=adata.obs[[]])})
    with pytest.raises(ValueError, match="must hold the same cells"):
        run(other, "rna:kind")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"by": "type"}, KeyError, "No 'type' in .obs .*Set groupby"),
        ({"by": "one"}, ValueError, "groupby='one' must have at least two labels, got 'x'"),
        ({"by": "holes"}, ValueError, "groupby='holes' is missing for 1 of 90 cells"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 90 cells"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be at least 1"),
        ({"n_neighbors": 90}, ValueError, "n_neighbors=90 is more than the 89 others of each cell. Set fewer"),
        ({"n_neighbors": 5.0}, TypeError, "n_neighbors must be an integer"),
        ({"exclude": "plate"}, KeyError, "No 'plate' in .obs .*Set exclude"),
        ({"exclude": "one"}, ValueError, "n_neighbors=11 is more than the 0 others with another 'one' for each cell"),
        ({"exclude": "well", "exact": False}, ValueError, "exclude='well' needs the search that compares all cells, got exact=False"),
        ({"exclude": "holes"}, ValueError, "exclude='holes' is missing for 1 of 90 cells"),
        ({"n_perms": -1}, ValueError, "n_perms must be at least 0"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"device": "gpu"}, ValueError, "device must be"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"key_added": 5}, TypeError, "key_added must be a str"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    adata.obs["one"] = "x"
    adata.obs["holes"] = pd.Categorical([None, *adata.obs["well"][1:]])
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 7, np.nan, adata.obsm["X_vae"])
    with pytest.raises(error, match=match):
        run(adata, **options)
    assert not adata.uns
