import anndata
import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import crepr as cr

N = 120
MEASURES = ["recall", "balanced_accuracy", "auc"]


@pytest.fixture
def adata(rng):
    kind = rng.permutation(np.repeat(["a", "b", "T/NK"], [60, 40, 20]))
    obs = pd.DataFrame(
        {"kind": pd.Categorical(kind), "slide": rng.choice(["s", "t"], N)}, index=[f"c{i}" for i in range(N)]
    )
    x = rng.normal(size=(N, 4)) + (kind == "b")[:, None] * [2, 0, 0, 0] + (kind == "T/NK")[:, None] * [0, 2, 0, 0]
    return AnnData(obs=obs, obsm={"X_vae": x.astype(np.float32), "spatial": rng.uniform(0, 100, (N, 2))})


def run(data, groupby="kind", **options):
    cr.tl.classify(data, groupby, **{"classifier": LogisticRegression(), "progress": False, **options})
    return cr.get.classify(data, key_added=options.get("key_added"))


def forest(**options):
    return RandomForestClassifier(10, **options)


def test_anchor_the_label_itself_is_told_and_noise_is_not(adata, rng):
    adata.obsm["X_code"] = np.column_stack([adata.obs["kind"].cat.codes * 10.0, rng.normal(size=N)])
    found = run(adata, use_rep="X_code", classifier=LogisticRegression(C=100), n_perms=3)
    assert found["label"].tolist() == ["T/NK", "a", "b"]
    assert found["n_cells"].tolist() == [20, 60, 40]
    assert (found[MEASURES] == 1).to_numpy().all()
    assert (found["auc_chance"] - 0.5).abs().max() < 0.15
    adata.obsm["X_noise"] = rng.normal(size=(N, 3))
    # a forest knows what it was fitted on by heart: these are cells that were held out
    found = run(adata, use_rep="X_noise", classifier=forest())
    assert (found["auc"] - 0.5).abs().max() < 0.2


def test_reference_is_scikit_learn(adata):
    labels = run(adata, rng=137, predictions=True)
    entry, x, y = adata.uns["classify"], adata.obsm["X_vae"], adata.obs["kind"].cat.codes.to_numpy()
    tables = []
    for k, (train, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=137).split(x, y)):
        scaler = StandardScaler().fit(x[train])
        model = LogisticRegression().fit(scaler.transform(x[train]), y[train])
        scores, given = (ask(scaler.transform(x[test])) for ask in (model.predict_proba, model.predict))
        assert (adata.obs["classify"].cat.codes.to_numpy()[test] == given).all()
        np.testing.assert_allclose(adata.obsm["classify"].to_numpy()[test], scores, atol=1e-5)
        found = entry["results"].query(f"fold == {k}").set_index("label")
        assert (found["point"] == 0).all()
        np.testing.assert_allclose(found["recall"], recall_score(y[test], given, average=None))
        expected = [balanced_accuracy_score(y[test] == label, given == label) for label in range(3)]
        np.testing.assert_allclose(found["balanced_accuracy"], expected)
        np.testing.assert_allclose(
            found["auc"], [roc_auc_score(y[test] == label, scores[:, label]) for label in range(3)]
        )
        tables.append(found)
    stacked = np.stack([table[MEASURES] for table in tables])
    np.testing.assert_allclose(labels[MEASURES], stacked.mean(0))
    np.testing.assert_allclose(labels[[f"{name}_sd" for name in MEASURES]], stacked.std(0, ddof=1))
    macro = cr.get.classify(adata, table="macro").set_index("measure")
    np.testing.assert_allclose(macro.loc[MEASURES, "value"], stacked.mean((0, 1)))
    np.testing.assert_allclose(macro.loc[MEASURES, "sd"], stacked.mean(1).std(0, ddof=1))
    confusion = cr.get.classify(adata, table="confusion")
    expected = pd.crosstab(adata.obs["kind"], adata.obs["classify"])
    assert confusion.columns.tolist() == confusion.index.tolist() == ["T/NK", "a", "b"]
    np.testing.assert_array_equal(confusion, expected)
    assert macro.loc["accuracy", "value"] == pytest.approx(np.trace(expected) / N)


def test_anchor_what_is_written(adata):
    before = adata.copy()
    assert cr.tl.classify(adata, "kind", classifier=LogisticRegression(), n_perms=0, progress=False) is None
    assert list(adata.uns) == ["classify"]
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    assert sorted(adata.obsm) == ["X_vae", "spatial"]
    entry = adata.uns["classify"]
    assert sorted(entry) == [
        "confusion", "crepr_version", "folds", "function", "labels", "macro", "params", "results",
    ]  # fmt: skip
    assert entry["labels"].columns.tolist() == ["label", "n_cells", *MEASURES, *(f"{name}_sd" for name in MEASURES)]
    assert entry["macro"]["measure"].tolist() == [*MEASURES, "accuracy"]
    assert entry["macro"].columns.tolist() == ["measure", "value", "sd"]
    assert entry["results"].columns.tolist() == ["point", "fold", "label", "n_cells", *MEASURES]
    assert entry["folds"]["n_test"].tolist() == [24] * 5
    assert entry["params"]["classifier"] == "LogisticRegression(random_state=0)"
    assert (entry["params"]["cv"], entry["params"]["n_folds"], entry["params"]["seed"]) == (5, 5, 0)
    with pytest.raises(KeyError, match="No 'sweep' in what is recorded .*with param_grid"):
        cr.get.classify(adata, table="sweep")


def test_property_grid(adata, tmp_path):
    grid = {"n_estimators": [2, 5], "max_depth": [None, 2], "max_features": ["sqrt", 0.8]}
    labels = run(adata, classifier=forest(), param_grid=grid, cv=3, n_perms=0)
    sweep = cr.get.classify(adata, table="sweep")
    assert len(sweep) == 8
    assert sweep["best"].sum() == 1
    best = sweep.loc[sweep["best"], "point"].item()
    assert sweep["balanced_accuracy"].idxmax() == best
    assert set(sweep["n_estimators"]) == {2, 5}
    assert set(sweep["max_depth"]) == {"None", "2"}
    results = adata.uns["classify"]["results"]
    assert len(results) == 8 * 3 * 3
    means = results.groupby(["point", "label"])[MEASURES].mean()
    np.testing.assert_allclose(means.loc[best], labels.set_index("label")[MEASURES].sort_index())
    np.testing.assert_allclose(means.groupby("point").mean(), sweep[MEASURES])
    # folds are those of a single point
    row = sweep.iloc[best]
    depth = None if row["max_depth"] == "None" else 2
    features = row["max_features"] if row["max_features"] == "sqrt" else 0.8
    alone = run(
        adata, cv=3, n_perms=0, key_added="alone",
        classifier=RandomForestClassifier(int(row["n_estimators"]), max_depth=depth, max_features=features),
    )  # fmt: skip
    pd.testing.assert_frame_equal(alone, labels)
    adata.write_h5ad(tmp_path / "a.h5ad")
    read = anndata.read_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(cr.get.classify(read, table="sweep"), sweep, check_dtype=False)


def test_property_seeds_and_jobs(adata):
    options = {"classifier": RandomForestClassifier(3), "cv": 2, "rng": 4}
    expected = run(adata, **options)
    for more in ({"n_jobs": 2}, {"rng": np.random.default_rng(1)}, {"rng": np.random.default_rng(1)}):
        found = run(adata, **{**options, **more})
        assert found.equals(expected) == ("rng" not in more)
    pd.testing.assert_frame_equal(run(adata, **options | {"rng": adata.uns["classify"]["params"]["seed"]}), found)
    # its own chance is kept, that of steps is set
    fixed = [run(adata, **options | {"classifier": forest(random_state=7), "n_perms": 0}) for _ in range(2)]
    pd.testing.assert_frame_equal(*fixed)
    steps = make_pipeline(PCA(2), RandomForestClassifier(3))
    pd.testing.assert_frame_equal(*(run(adata, **options | {"classifier": steps}) for _ in range(2)))
    assert steps[-1].random_state is None


def test_property_order_and_names_of_labels_do_not_matter(adata):
    expected = run(adata, n_perms=0).set_index("label")
    adata.obs["kind"] = adata.obs["kind"].cat.reorder_categories(["b", "T/NK", "a"]).cat.add_categories("unused")
    found = run(adata, n_perms=0).set_index("label")
    assert found.index.tolist() == ["b", "T/NK", "a"]
    # the same cells are held out whatever their labels are called
    np.testing.assert_allclose(found.loc[expected.index, MEASURES], expected[MEASURES], atol=0.1)
    adata.obs["code"] = adata.obs["kind"].cat.codes.astype(float) / 3
    numbers = run(adata, "code", n_perms=0)
    assert numbers["label"].tolist() == [str(value) for value in sorted(set(adata.obs["code"]))]
    np.testing.assert_allclose(numbers[MEASURES], found[MEASURES], atol=1e-6)


@pytest.mark.parametrize("cv", [3, "split", "groups", "spatial"])
def test_property_ways_to_hold_out(adata, cv):
    options = {"groups": {"groups": "slide"}, "spatial": {"block_size": 20, "buffer": 4}}.get(cv, {})
    found = run(adata, cv=cv, predictions=True, **options)
    folds = cr.get.classify(adata, table="folds")
    assert len(folds) == {3: 3, "split": 1, "groups": 2, "spatial": 5}[cv]
    held = adata.obs["classify"].notna().to_numpy()
    assert held.sum() == folds["n_test"].sum() == cr.get.classify(adata, table="confusion").to_numpy().sum()
    np.testing.assert_array_equal(adata.obsm["classify"].notna().to_numpy().all(1), held)
    assert (found["auc"] > 0.6).all()
    if cv == "spatial":
        assert (folds["n_train"] + folds["n_test"] < N).all()


def test_property_scales_do_not_matter_with_z_scores(adata):
    expected = run(adata)
    adata.obsm["X_other"] = np.column_stack([1e4 * adata.obsm["X_vae"] + 1e5, np.full(N, 0.1, np.float32)])
    found = run(adata, use_rep="X_other")
    np.testing.assert_allclose(found[MEASURES], expected[MEASURES], atol=0.01)
    raw = run(adata, use_rep="X_other", standardize=False, classifier=forest())
    assert (raw["auc"] > 0.6).all()


def test_property_labels_missing_from_cells_that_are_fitted(adata):
    # those of T/NK are all on one slide, and never fitted when it is predicted
    adata.obs["slide"] = np.where((adata.obs["kind"] == "T/NK") | (np.arange(N) % 3 == 0), "s", "t")
    for classifier in (RidgeClassifier(), LogisticRegression()):
        found = run(adata, cv="groups", groups="slide", classifier=classifier, predictions=True).set_index("label")
        assert found.loc["T/NK", MEASURES].tolist() == [0, 0.5, 0.5]
        results = adata.uns["classify"]["results"]
        assert results.loc[results["n_cells"] == 0, MEASURES].isna().to_numpy().all()
        assert np.isfinite(adata.obsm["classify"]).to_numpy().all()


def test_property_two_labels(adata):
    adata.obs["two"] = np.where(adata.obs["kind"] == "b", "b", "other")
    for classifier in (RidgeClassifier(), LogisticRegression()):
        found = run(adata, "two", classifier=classifier)
        assert found["balanced_accuracy"].iloc[0] == pytest.approx(found["balanced_accuracy"].iloc[1])
        assert found["auc"].iloc[0] == pytest.approx(found["auc"].iloc[1])


@pytest.mark.parametrize("suffix", ["h5ad", "h5mu"])
def test_property_survives_writing(adata, suffix, tmp_path):
    stain = AnnData(obs=adata.obs[[]].copy(), obsm=dict(adata.obsm))
    mdata = MuData({"rna": AnnData(obs=adata.obs), "stain": stain})
    data, by, path = (adata, "kind", "a.h5ad") if suffix == "h5ad" else (mdata, "rna:kind", "a.h5mu")
    expected = run(data, by, predictions=True)
    assert data.obs["classify"].cat.categories.tolist() == ["T/NK", "a", "b"]
    data.write(tmp_path / path)
    read = anndata.read_h5ad(tmp_path / path) if suffix == "h5ad" else mudata.read_h5mu(tmp_path / path)
    pd.testing.assert_frame_equal(cr.get.classify(read), expected, check_dtype=False, check_names=False)
    for table in ("macro", "results", "confusion", "folds"):
        pd.testing.assert_frame_equal(
            cr.get.classify(read, table=table), cr.get.classify(data, table=table), check_dtype=False, check_names=False,
            check_column_type=False, check_index_type=False,
        )  # fmt: skip
    assert read.obs["classify"].astype(str).tolist() == data.obs["classify"].astype(str).tolist()
    assert list(pd.DataFrame(read.obsm["classify"])) == ["T_NK", "a", "b"]
    assert read.uns["classify"]["params"]["groups"] is None
    cr.pl.classify(read)
    cr.pl.confusion_matrix(read)
    run(read, by, predictions=True)


def test_property_copy_reruns_and_foreign_keys(adata):
    copy = cr.tl.classify(adata, "kind", classifier=forest(), predictions=True, progress=False, copy=True)
    assert not adata.uns
    assert "classify" not in adata.obs
    assert "classify" in copy.obs
    # predictions of an earlier run are not those of the next
    run(copy)
    assert "classify" not in copy.obs
    assert "classify" not in copy.obsm
    # a column that came since is the user's
    copy.obs["classify"] = 1
    with pytest.raises(ValueError, match=r".obs has a column 'classify' that cr.tl.classify did not write"):
        run(copy)
    assert (copy.obs["classify"] == 1).all()
    copy.obs["mine"] = 1
    for key in ("mine", "slide", "spatial"):
        for predictions in (False, True):
            with pytest.raises(ValueError, match=f"{key!r} that cr.tl.classify did not write. Set key_added"):
                run(copy, predictions=predictions, key_added=key)
    cr.tl.permanova(copy, "kind", n_perms=99, progress=False)
    with pytest.raises(ValueError, match=".uns has an entry 'permanova' that cr.tl.classify did not write"):
        run(copy, key_added="permanova")
    view = adata[adata.obs["kind"] != "b"]
    run(view, predictions=True)
    assert "classify" not in adata.obs


def test_warning_small_labels(adata):
    adata.obs["kind"] = adata.obs["kind"].astype(str)
    adata.obs.loc[["c0", "c1", "c2"], "kind"] = ["rare", "rare", "rarer"]
    with pytest.warns(
        UserWarning, match=r"Labels of 'kind' with fewer cells than the 5 needed are left out: rare \(2\), rarer \(1\)"
    ) as caught:
        found = run(adata, predictions=True)
    assert [warning.filename for warning in caught] == [__file__]
    assert found["label"].tolist() == ["T/NK", "a", "b"]
    assert adata.obs["classify"].isna().to_numpy()[:3].all()
    assert adata.obs["classify"].notna().to_numpy()[3:].all()
    assert adata.obsm["classify"].isna().to_numpy()[:3].all()
    with pytest.raises(ValueError, match=r"2 labels of 'kind' have fewer cells than the 5 needed: 'rare \(2\)'"):
        run(adata, small_groups="error")
    with pytest.warns(UserWarning, match=r"left out: rarer \(1\)"):
        assert "rare" in run(adata, cv=2)["label"].tolist()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "type"}, KeyError, "No 'type' in .obs .*Set groupby"),
        ({"groupby": "one"}, ValueError, "must have at least two labels of at least 5 cells, got 1 .'x'"),
        ({"groupby": "holes"}, ValueError, "groupby='holes' is missing for 1 of 120 cells"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 120 cells"),
        ({"classifier": LinearRegression()}, TypeError, "classifier must be a classifier of scikit-learn.*LinearRegression"),
        ({"classifier": LogisticRegression}, TypeError, "classifier must be a classifier of scikit-learn"),
        ({"classifier": "forest"}, TypeError, "classifier must be a classifier of scikit-learn"),
        ({"param_grid": {"depth": [3]}}, KeyError, "No 'depth' in the options of the classifier"),
        ({"param_grid": {"C": 3}}, TypeError, r"param_grid\['C'\] must be a sequence of values, got 3"),
        ({"param_grid": "C"}, TypeError, "param_grid must be a dict of options, got 'C'"),
        ({"param_grid": {"C": []}}, TypeError, "must be a sequence of values"),
        ({"param_grid": {"C": [-1]}}, ValueError, "The 'C' parameter of LogisticRegression"),
        ({"n_perms": -1}, ValueError, "n_perms must be at least 0"),
        ({"small_groups": "drop"}, ValueError, "small_groups must be one of"),
        ({"cv": 1}, ValueError, "cv must be at least 2"),
        ({"cv": None}, TypeError, "cv must be an integer, 'split', 'spatial' or 'groups'"),
        ({"cv": 61}, ValueError, "must have at least two labels of at least 61 cells, got 0"),
        ({"cv": "groups"}, ValueError, "Set groups"),
        ({"cv": "spatial"}, ValueError, "No crops are registered"),
        ({"cv": "spatial", "spatial_key": "where"}, KeyError, "No 'where' in .obsm"),
        ({"buffer": 3}, ValueError, "buffer=3 keeps blocks apart"),
        ({"cv": 2, "block_size": 101, "buffer": 0}, ValueError, "There are 1 blocks"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"key_added": 5}, TypeError, "key_added must be a str"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    adata.obs["one"] = "x"
    adata.obs["holes"] = pd.Categorical([None, *adata.obs["slide"][1:]])
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 7, np.nan, adata.obsm["X_vae"])
    before = adata.copy()
    with pytest.raises(error, match=match):
        run(adata, predictions=True, **options)
    assert not adata.uns
    assert sorted(adata.obsm) == sorted(before.obsm)
    assert adata.obs.equals(before.obs)
