import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

import crepr as cr
from crepr.stats import _resampled_arithmetic
from crepr.tl import _arithmetic_spaces

MEANS = {
    "DMSO": [0, 0, 0, 0],
    "A": [1, 0, 0, 0],
    "B": [0, 2, 0, 0],
    "C": [0, 0, 1, 0],
    "A|B": [1, 2, 2, 0],
    "A|B|C": [1, 2, 1, 0],
}
DIRECTIONS = {"age": "age", "aged": [0, 0, 0, 2]}
OPTIONS = {"groupby": "treatment", "control": "DMSO", "n_perms": 99, "n_boot": 0, "progress": False}


@pytest.fixture
def adata():
    """Wells whose noise adds up to nothing in each group of eight."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.3, (len(MEANS), 4, 4))
    x = np.repeat(np.array(list(MEANS.values()), float), 8, axis=0)
    x += np.concatenate([noise, -noise], axis=1).reshape(-1, 4)
    obs = pd.DataFrame(
        {
            "treatment": pd.Categorical(np.repeat(list(MEANS), 8), list(MEANS)),
            "plate": np.tile(["p", "q"], 24),
            "cells": np.tile([10.0, 20, 30, 40], 12),
            "age": np.tile([20.0, 30, 40, 50, 20, 30, 40, 50], 6),
        },
        index=[f"well {i:02d}" for i in range(48)],
    )
    return ad.AnnData(x, obs=obs, var=pd.DataFrame(index=list("wxyz")))


@pytest.fixture
def model(adata):
    """A model whose latents are half of the features, as they are."""
    trained = cr.tl.train_vae(
        adata, inputs="X", n_latent=4, model_options={"widths": [8]}, max_epochs=1, progress=False
    )
    return linear(trained)


def linear(model, curve=lambda x: x):
    def encode(view, *, cells, **options):
        return view.inputs["X"].read(cells).numpy() / 2, None

    model.encode = encode
    model.decode = lambda z, **options: {"X": curve(2 * np.asarray(z, float))}
    return model


def run(adata, model, **options):
    cr.tl.latent_arithmetic(adata, model, **{**OPTIONS, **options})
    return cr.get.latent_arithmetic(adata)


def values(table, space, score="l2", column="value"):
    rows = table[(table["space"] == space) & (table["score"] == score)]
    names = rows["combination"] + (" " + rows["level"].astype(str) if "level" in rows else "")
    return dict(zip(names, rows[column], strict=True))


def test_anchor_scores(adata, model):
    table = run(adata, model)
    assert len(table) == 2 * 6 * 4
    for space, squared, cosine in (
        ("latent", 4, 5 / np.sqrt(5 * 9)),
        ("pca", 4, 5 / np.sqrt(5 * 9)),
        ("input", 4, 5 / np.sqrt(5 * 9)),
        ("strongest single", 5, 4 / np.sqrt(4 * 9)),
        ("mean of singles", 0.25 + 1 + 4, 2.5 / np.sqrt(1.25 * 9)),
        ("control", 9, np.nan),
    ):
        assert values(table, space)["A|B"] == pytest.approx(np.sqrt(squared), abs=1e-5)
        assert values(table, space, "r2")["A|B"] == pytest.approx(1 - squared / 9, abs=1e-5)
        assert values(table, space, "cosine")["A|B"] == pytest.approx(cosine, abs=1e-5, nan_ok=True)
    # three terms, two times without control
    assert values(table, "latent")["A|B|C"] == pytest.approx(0, abs=1e-5)
    assert values(table, "latent", "pearson")["A|B|C"] == pytest.approx(1)
    found = cr.get.latent_arithmetic(adata, table="combinations").set_index("combination")
    assert found["terms"].tolist() == ["A + B - DMSO", "A + B + C - 2 DMSO"]
    assert found["strongest_single"].tolist() == ["B", "B"]
    assert found["n_obs"].tolist() == [8, 8]
    np.testing.assert_allclose(found["effect"], [3, np.sqrt(6)], rtol=1e-5)
    # B + C is nearer to A|B than A + B is
    assert found[["n_other_sums", "n_nearer"]].to_numpy().tolist() == [[2, 1], [0, 0]]
    # sums are tested, R2 as L2
    tested = table.dropna(subset="pval")
    assert set(tested["space"]) == {"latent", "pca", "input"}
    assert set(tested["score"]) == {"l2", "pearson", "cosine"}
    assert table.loc[table["space"].isin(tested["space"]), "null_mean"].notna().all()
    assert table["ci_low"].isna().all()


def test_reference_is_a_loop(adata, model):
    linear(model, np.tanh)
    table = run(adata, model, n_perms=60, rng=3)
    # wells are in the order of their names, and those of combinations take no part
    x, labels = adata.X.astype(np.float32).astype(float), adata.obs["treatment"].to_numpy(object)
    names = ["DMSO", "A", "B", "C"]
    rows = np.concatenate([np.flatnonzero(labels == name) for name in names])
    truth = x[labels == "A|B"].mean(0)

    def distance(filling):
        means = {name: x[filling[8 * i : 8 * i + 8]].mean(0) for i, name in enumerate(names)}
        return np.linalg.norm(np.tanh(means["A"] + means["B"] - means["DMSO"]) - truth)

    rng = np.random.default_rng((3, 0))
    null = np.array([distance(rng.permutation(rows)) for _ in range(60)])
    found = distance(rows)
    for column, expected in {
        "value": found,
        "null_mean": null.mean(),
        "null_sd": null.std(ddof=1),
        "null_low": np.quantile(null, 0.025),
        "zscore": (found - null.mean()) / null.std(ddof=1),
        "pval": ((null <= found).sum() + 1) / 61,
    }.items():
        assert values(table, "latent", column=column)["A|B"] == pytest.approx(expected, rel=1e-4), column
    pair = [values(table, "latent", column="pval")[name] for name in ("A|B", "A|B|C")]
    adjusted = [values(table, "latent", column="pval_adj")[name] for name in ("A|B", "A|B|C")]
    assert adjusted == pytest.approx([min(2 * p, max(pair)) if p == min(pair) else p for p in pair])


def test_reference_strata_and_interval(adata, model):
    table = run(adata, model, strata="plate", n_boot=1000, rng=1)
    assert (
        values(table, "latent", column="null_sd")["A|B"] != values(run(adata, model), "latent", column="null_sd")["A|B"]
    )
    x, labels = adata.X, adata.obs["treatment"]
    rng = np.random.default_rng(0)

    def drawn():
        means = {name: x[rng.choice(np.flatnonzero(labels == name), 8)].mean(0) for name in MEANS}
        return ((means["A"] + means["B"] - means["DMSO"] - means["A|B"]) ** 2).sum()

    high, low = np.quantile([drawn() for _ in range(2000)], [0.975, 0.025])
    for space in ("latent", "input"):
        ends = [values(table, space, column=column)["A|B"] for column in ("ci_low", "ci_high")]
        np.testing.assert_allclose(ends, np.sqrt([8 - high, 8 - low]), atol=0.08)
        ends = [values(table, space, "r2", column)["A|B"] for column in ("ci_low", "ci_high")]
        assert ends[0] < 1 - 4 / 9 < ends[1] < 1
    # the truth is drawn, too
    assert values(table, "control", column="ci_low")["A|B"] < 3


def test_property_order_and_blocks_do_not_matter(adata, model, monkeypatch):
    linear(model, np.tanh)
    whole = run(adata, model, n_boot=20, strata="plate")
    again = run(adata[np.random.default_rng(0).permutation(48)].copy(), model, n_boot=20, strata="plate")
    pd.testing.assert_frame_equal(again, whole)
    adata.X = csr_matrix(adata.X)
    monkeypatch.setattr(_arithmetic_spaces, "BLOCK", 50)
    monkeypatch.setattr(_resampled_arithmetic, "BLOCK", 300)
    pd.testing.assert_frame_equal(run(adata, model, n_boot=20, strata="plate"), whole)
    other = run(adata, model, n_boot=20, strata="plate", rng=1)
    assert (other["null_mean"] != whole["null_mean"]).any()


def test_property_chance_is_the_same_in_all_spaces(adata, model):
    # what is linear and loses nothing is the input space
    table = run(adata, model, n_boot=30)
    for score in ("l2", "pearson", "cosine"):
        for column in ("value", "ci_low", "null_mean", "pval"):
            for space in ("latent", "pca"):
                ours, theirs = (values(table, name, score, column) for name in (space, "input"))
                np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["list", "lists", "mapping", "table"])
def test_combinations_given(adata, model, kind):
    terms = {"A|B": {"A": 1, "B": 1}}
    given = {
        "list": ["B|A"],
        "lists": {"A|B": ["A", "B"]},
        "mapping": terms,
        "table": pd.DataFrame({"A": [1.0], "B": [1.0], "C": [np.nan]}, index=["A|B"]),
    }[kind]
    table = run(adata, model, combinations=given)
    assert list(values(table, "latent").values()) == pytest.approx([2], abs=1e-5)
    assert table["combination"].unique().tolist() == ["B|A" if kind == "list" else "A|B"]


def test_coefficients_and_control_as_given(adata, model):
    table = run(adata, model, combinations={"A|B": {"A": 1, "B": 0.5}, "A|B|C": {"A": 1, "DMSO": 0}, "C": {"B": -2}})
    assert values(table, "latent")["A|B"] == pytest.approx(np.sqrt(1 + 4), abs=1e-5)
    assert values(table, "latent")["C"] == pytest.approx(np.sqrt(16 + 1), abs=1e-5)
    found = cr.get.latent_arithmetic(adata, table="combinations")
    assert found["terms"].tolist() == ["A + 0.5 B - 0.5 DMSO", "A", "-2 B + 3 DMSO"]
    # nothing is added in the last one
    assert found["strongest_single"].tolist() == ["B", "A", ""]
    assert "C" not in values(table, "strongest single")


def test_order_of_names(adata, model):
    labels = adata.obs["treatment"].astype(str).to_numpy()
    labels[np.flatnonzero(labels == "A|B")[::2]] = "B | A"
    adata.obs["treatment"] = labels
    run(adata, model)
    found = cr.get.latent_arithmetic(adata, table="combinations")
    assert dict(zip(found["combination"], found["n_obs"], strict=True)) == {"A|B": 8, "A|B|C": 8}
    run(adata, model, ignore_order=False)
    found = cr.get.latent_arithmetic(adata, table="combinations")
    assert dict(zip(found["combination"], found["n_obs"], strict=True)) == {"A|B": 4, "A|B|C": 8, "B | A": 4}


def test_directions(adata, model):
    # a year adds 0.1 to the last feature
    adata.X[:, 3] = 0.1 * adata.obs["age"]
    old = adata[adata.obs["treatment"] == "A"].copy()
    old.obs_names = "old " + old.obs_names
    old.X[:, 3] += 4
    old.obs["treatment"] = "A old"
    adata = ad.concat([adata, old])
    options = {"combinations": {"A old": {"A": 1, "age": 40}}, "directions": {"age": "age"}}
    table = run(adata, model, **options)
    for space in ("latent", "pca", "input"):
        assert values(table, space)["A old"] == pytest.approx(0, abs=1e-4)
    assert values(table, "strongest single")["A old"] == pytest.approx(4, abs=1e-5)
    # half of the features, as latents are
    table = run(adata, model, combinations={"A old": ["A", "aged"]}, directions={"aged": [0, 0, 0, 2]})
    assert values(table, "latent")["A old"] == pytest.approx(0, abs=1e-4)
    assert set(table["space"]) == {"latent", "strongest single", "mean of singles", "control"}
    # labels of no group but control could be permuted
    table = run(adata, model, combinations={"A old": {"age": 40}}, directions={"age": "age"})
    assert table["pval"].isna().all()
    assert values(table, "latent")["A old"] == pytest.approx(1, abs=1e-4)
    adata.obs["same"] = 1.0
    with pytest.raises(ValueError, match=r"directions\['plain'\]='same' varies within none"):
        run(adata, model, combinations={"A old": ["A", "plain"]}, directions={"plain": "same"})


def test_match(adata, model):
    adata.obs["dose"] = np.where(adata.obs["treatment"] == "DMSO", 0.0, np.tile([1.0, 1, 10, 10], 12))
    adata.X[(adata.obs["dose"] == 10) & (adata.obs["treatment"] == "A|B")] += [0, 0, 0, 3]
    lost = (adata.obs["treatment"] == "C") & (adata.obs["dose"] == 10)
    adata = adata[~lost].copy()
    with (
        pytest.warns(UserWarning, match=r"1 of 4 combinations are skipped: 'A\|B\|C at 10.0 \(no C\)'"),
        pytest.warns(UserWarning, match=r"Groups under 5 rows: 'A at 1.0 \(4\)'"),
    ):
        table = run(adata, model, match="dose")
    x, labels, dose = adata.X, adata.obs["treatment"].to_numpy(), adata.obs["dose"].to_numpy()

    def mean(name, level):
        return x[(labels == name) & (dose == level)].mean(0)

    for level in (1.0, 10.0):
        expected = np.linalg.norm(mean("A", level) + mean("B", level) - mean("DMSO", 0) - mean("A|B", level))
        assert values(table, "latent")[f"A|B {level}"] == pytest.approx(expected, rel=1e-5)
    params = adata.uns["latent_arithmetic"]["params"]
    assert params["n_skipped"] == 1
    assert params["n_combinations"] == 3
    assert list(params["skipped"]) == ["A|B|C at 10.0"]


def test_truth_training_and_weights(adata, model):
    adata.obs["held"] = np.arange(48) % 2 == 0
    adata.obs["seen"] = ~adata.obs["treatment"].isin(["A|B", "C"]).to_numpy()
    table = run(adata, model, truth_on="held", training="seen", weights="cells")
    x, labels, shares = adata.X, adata.obs["treatment"].to_numpy(), adata.obs["cells"].to_numpy()

    def mean(name, rows=slice(None)):
        mine = labels[rows] == name
        return np.average(x[rows][mine], axis=0, weights=shares[rows][mine])

    expected = np.linalg.norm(mean("A") + mean("B") - mean("DMSO") - mean("A|B", slice(0, None, 2)))
    assert values(table, "latent")["A|B"] == pytest.approx(expected, rel=1e-5)
    found = cr.get.latent_arithmetic(adata, table="combinations").set_index("combination")
    assert found["n_obs"].tolist() == [4, 4]
    assert found["unseen"].tolist() == [True, False]
    assert found["terms_unseen"].tolist() == [False, False]
    run(adata, model, training="seen", combinations={"A|B": ["C"]})
    assert cr.get.latent_arithmetic(adata, table="combinations")["terms_unseen"].tolist() == [True]


def test_what_adds_up(adata, model):
    def called(**options):
        run(adata, model, **options)
        found = cr.get.latent_arithmetic(adata, table="combinations")
        assert found["adds_up"].dtype == bool
        return dict(zip(found["combination"], found["adds_up"], strict=True))

    # R2 is 5/9 and 1, p 0.06 and 0.02
    both, one = {"A|B": True, "A|B|C": True}, {"A|B": False, "A|B|C": True}
    assert called(alpha=0.1) == called(least_r2=0.5) == one
    assert called(alpha=0.1, least_r2=0.5) == both
    # the interval reaches below 0.5
    assert called(alpha=0.1, least_r2=0.5, n_boot=200) == one
    assert adata.uns["latent_arithmetic"]["params"]["least_r2"] == 0.5
    with pytest.warns(UserWarning, match="n_perms=99 is too few"):
        assert not any(called(alpha=0.001).values())


def test_warns_of_what_is_doubtful(adata, model):
    adata = adata[adata.obs["treatment"] != "C"].copy()
    with pytest.warns(UserWarning, match=r"1 of 2 combinations are skipped: 'A\|B\|C \(no C\)'"):
        table = run(adata, model)
    assert table["combination"].unique().tolist() == ["A|B"]
    with pytest.warns(
        UserWarning, match="n_perms=9 is too few for 1 combinations: .* below 0.1, and alpha=0.05. Raise n_perms to 20"
    ):
        run(adata, model, n_perms=9, combinations=["A|B"])
    adata.obs["one"] = adata.obs["treatment"] == "A|B"
    few = adata[(adata.obs["treatment"] != "A") | (np.arange(adata.n_obs) % 4 == 0)].copy()
    with pytest.warns(UserWarning, match=r"Groups under 5 rows: 'A \(2\)'"):
        run(few, model, combinations=["A|B"])


def test_mudata_copy_and_file(adata, model, tmp_path):
    other = ad.AnnData(np.ones((48, 2)), obs=adata.obs[["plate"]].copy())
    del adata.obs["plate"]
    mdata = md.MuData({"morphology": adata, "rna": other})
    options = {**OPTIONS, "mod": "morphology"}
    copied = cr.tl.latent_arithmetic(mdata, model, **options, copy=True)
    assert "latent_arithmetic" in copied["morphology"].uns
    assert "latent_arithmetic" not in mdata["morphology"].uns
    cr.tl.latent_arithmetic(mdata, model, **options, strata="rna:plate", key_added="mine", directions=DIRECTIONS)
    mdata.write(tmp_path / "data.h5mu")
    read = md.read(tmp_path / "data.h5mu")
    pd.testing.assert_frame_equal(
        cr.get.latent_arithmetic(read, key_added="mine"),
        cr.get.latent_arithmetic(mdata, key_added="mine"),
        check_dtype=False,
    )


def test_condition(adata):
    options = {"inputs": "X", "n_latent": 2, "model_options": {"widths": [8]}, "max_epochs": 1, "progress": False}
    model = cr.tl.train_vae(adata, model="conditional_vae", condition=["plate"], **options)
    table = run(adata, model, n_boot=5)
    assert table.loc[table["score"] == "l2", "value"].notna().all()


ERRORS = {
    "control": ({"control": "water"}, KeyError, "No 'water' in groupby='treatment' .there are: 'DMSO', 'A', 'B'"),
    "column": ({"groupby": "drug"}, KeyError, "No 'drug' in .obs"),
    "missing": ({"groupby": "holes"}, ValueError, "groupby='holes' is missing for 1 of 48 cells"),
    "separator": ({"separator": "+"}, ValueError, "No group has separator='\\+' in its name"),
    "no separator": ({"separator": ""}, TypeError, "separator must be text"),
    "unknown": ({"combinations": ["A|D"]}, KeyError, "'A|D', which is no combination"),
    "unknown truth": ({"combinations": {"D": ["A"]}}, KeyError, "No 'D' in the groups"),
    "itself": ({"combinations": {"A": ["A", "B"]}}, ValueError, "must name terms other than 'DMSO' and itself"),
    "text": ({"combinations": "A|B"}, TypeError, "combinations must be 'auto', a list"),
    "terms": ({"combinations": {"A|B": "A"}}, TypeError, "must be a list of terms"),
    "coefficient": ({"combinations": {"A|B": {"A": "1"}}}, TypeError, "must be a number"),
    "none": (
        {"combinations": {"A|B": ["D", "A"]}},
        ValueError,
        r"None of 1 combinations can be predicted: 'A\|B \(no D\)'",
    ),
    "nothing shown": ({"truth_on": "never"}, ValueError, r"None of 2 .*no row of truth_on"),
    "no flags": ({"truth_on": "age"}, TypeError, "truth_on='age' must be a column of booleans"),
    "weights": ({"weights": "zero"}, ValueError, "weights='zero' must be above 0; 1 of 48"),
    "direction": ({"directions": {"A": "age"}}, ValueError, "directions names 'A', which is a group"),
    "vector": ({"directions": {"old": [1, 2]}}, ValueError, r"or 4 numbers, one for each latent, got shape \(2,\)"),
    "slash": ({"directions": {"log/dose": "age"}}, ValueError, "directions: a name must be a name without slashes"),
    "directions": ({"directions": "age"}, TypeError, "directions must be a mapping"),
    "n_perms": ({"n_perms": 0}, ValueError, "n_perms must be at least 1"),
    "least_r2": ({"least_r2": 1.5}, ValueError, "least_r2 must be at most 1"),
    "no training": ({"training": "never"}, ValueError, "training='never' marks no row as trained on"),
    "training": ({"training": "treatment"}, TypeError, "training='treatment' must be a column of booleans"),
    "correction": ({"correction": "fdr"}, ValueError, "correction must be one of"),
    "model": ({"model": "here"}, TypeError, "model must be a TrainedModel"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error(adata, model, case):
    options, error, match = ERRORS[case]
    adata.obs = adata.obs.assign(never=False, zero=np.arange(48.0), holes=[None, *adata.obs["treatment"][1:]])
    with pytest.raises(error, match=match):
        run(adata, **{"model": model, **options})
    assert "latent_arithmetic" not in adata.uns


def test_error_nan_features_pictures_and_keys(adata, model):
    adata.uns["mine"] = {}
    with pytest.raises(ValueError, match="'mine' that cr.tl.latent_arithmetic did not write"):
        run(adata, model, key_added="mine")
    with pytest.raises(KeyError, match="1 of the 4 features of the model are not in 'X': 'w'"):
        run(adata[:, 1:].copy(), model)
    adata.X[3, 1] = np.nan
    with pytest.raises(ValueError, match="'X' holds NaN or infinite values in 1 of 48 cells .'well 03'"):
        run(adata, model)
    cells = cr.datasets.synthetic_cells(n_obs=20)
    pictures = cr.tl.train_vae(cells, max_epochs=1, n_latent=2, model_options={"widths": [2]}, progress=False)
    with pytest.raises(ValueError, match="The model draws 'stain', and no profiles. A mean of pictures"):
        run(cells, pictures)
