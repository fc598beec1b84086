from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad
from mudata import MuData
from profile_models import OPTIONS as TRAINING
from scipy.stats import spearmanr

import crepr as cr

LETTERS = list("ABCDE")
PAIRS = [f"{a}|{b}" for a, b in combinations(LETTERS, 2)]
PROPERTIES = ["mean_reproducibility", "least_reproducibility", "least_distinctness", "own_reproducibility", "effect"]


def entries():
    """What both functions write: all pairs of five terms, whose R2 is the sum of the reproducibilities of their terms."""
    known = dict(zip(LETTERS, [0.5, 0.1, 0.4, 0.2, 0.3], strict=True))
    value = np.array([known[pair[0]] + known[pair[2]] for pair in PAIRS])
    rows = [
        pd.DataFrame({"combination": PAIRS, "space": space, "score": score, "value": sign * value, "zscore": -value})
        for space in ("latent", "pca")
        for score, sign in (("l2", -1), ("r2", 1))
    ]
    terms = [(pair, term, "group", 1.0) for pair in PAIRS for term in (pair[0], pair[2])]
    # neither is a single term, nor is it measured
    terms += [("A|B", "age", "direction", 2.0), ("A|B", "young", "group", -1.0), ("A|B", "DMSO", "control", -1.0)]
    params = {"groupby": "treatment", "control": "DMSO"}
    groups = pd.DataFrame({"group": [*PAIRS[::-1], "DMSO", *LETTERS]})
    groups["reproducibility"] = [*np.linspace(0, 1, 10), 0.05, *known.values()]
    groups["distinctness"] = [*range(10), 0.0, 9, 8, 7, 6, 5]
    return {
        "latent_arithmetic": {
            "params": params,
            "results": pd.concat(rows, ignore_index=True),
            "combinations": pd.DataFrame({"combination": PAIRS, "effect": np.arange(10.0)}),
            "terms": pd.DataFrame(terms, columns=["combination", "term", "kind", "coefficient"]),
        },
        "reproducibility": {"params": params, "results": groups},
    }


@pytest.fixture
def adata():
    return AnnData(uns=entries())


def run(adata, **options):
    cr.tl.predictability(adata, **{"n_perms": 199, **options})
    return cr.get.predictability(adata).set_index("property")


def test_anchor_joined_by_hand(adata):
    found = run(adata)
    table = cr.get.predictability(adata, table="combinations").set_index("combination")
    assert table.columns.tolist() == ["value", *PROPERTIES]
    assert table.index.tolist() == PAIRS
    np.testing.assert_allclose(table.loc["A|B"], [0.6, 0.3, 0.1, 8, 1, 0])
    np.testing.assert_allclose(table.loc["C|E"], [0.7, 0.35, 0.3, 5, 1 / 9, 8])
    # twice the mean, and effect and own reproducibility run against each other
    assert found.loc["mean_reproducibility", "spearman"] == pytest.approx(1)
    assert found["spearman"]["effect"] == pytest.approx(-found["spearman"]["own_reproducibility"])
    assert found["n"].tolist() == [10] * 5
    assert found["n_permuted"].tolist() == [5, 5, 5, 10, 10]
    # 120 orders of five terms
    assert found.loc["mean_reproducibility", "pval"] < 0.05
    params = adata.uns["predictability"]["params"]
    assert (params["score"], params["larger_is_better"]) == ("r2", True)


def test_reference_is_scipy_and_statsmodels(adata):
    found = run(adata)
    table = cr.get.predictability(adata, table="combinations")
    for name in PROPERTIES:
        assert found["spearman"][name] == pytest.approx(spearmanr(table[name], table["value"]).statistic)
    order = found["pval"].to_numpy().argsort()
    steps = found["pval"].to_numpy()[order] * 5 / np.arange(1, 6)
    expected = np.minimum.accumulate(steps[::-1])[::-1]
    np.testing.assert_allclose(found["pval_adj"].to_numpy()[order], expected)
    assert run(adata, correction=None).eval("pval == pval_adj").all()


def test_signs_are_those_of_the_score(adata):
    expected = run(adata)["spearman"]
    for score in ("l2", "zscore"):
        np.testing.assert_allclose(run(adata, score=score)["spearman"], -expected)
        assert not adata.uns["predictability"]["params"]["larger_is_better"]


def test_property_order_of_rows_does_not_matter(adata, rng):
    expected = run(adata)
    pd.testing.assert_frame_equal(run(adata, rng=0), expected)
    for entry in adata.uns.values():
        for name in ("results", "terms"):
            if name in entry:
                entry[name] = entry[name].sample(frac=1, random_state=rng).reset_index(drop=True)
    pd.testing.assert_series_equal(run(adata)["spearman"], expected["spearman"])


def test_levels_are_one_combination(adata):
    entry = adata.uns["latent_arithmetic"]
    for name in ("results", "combinations"):
        column = "effect" if name == "combinations" else "value"
        parts = [entry[name].assign(level=level, **{column: entry[name][column] * level}) for level in (1.0, 3.0, 8.0)]
        entry[name] = pd.concat(parts, ignore_index=True)
    run(adata)
    table = cr.get.predictability(adata, table="combinations").set_index("combination")
    np.testing.assert_allclose(table.loc["A|B", ["value", "effect"]], [1.8, 0])
    np.testing.assert_allclose(table.loc["C|E", ["value", "effect"]], [2.1, 24])


def test_warns_of_few_and_of_groups_without_a_measure(adata):
    groups = adata.uns["reproducibility"]
    groups["results"] = groups["results"][~groups["results"]["group"].isin(["E", "A|C"])]
    with pytest.warns(UserWarning, match="2 groups were not measured by cr.tl.reproducibility, .*: 'A|C', 'E'"):
        found = run(adata)
    assert found["n"].tolist() == [6, 6, 6, 9, 10]
    assert found["n_permuted"].tolist() == [4, 4, 4, 9, 10]
    arithmetic = adata.uns["latent_arithmetic"]
    arithmetic["results"] = arithmetic["results"][arithmetic["results"]["combination"].isin(["A|B", "A|D", "B|E"])]
    with (
        pytest.warns(UserWarning, match="There are 3 combinations: rank correlations of under 8 say little"),
        pytest.warns(UserWarning, match="1 groups were not measured"),
    ):
        found = run(adata)
    # two of three have all terms
    assert found["n"].tolist() == [2, 2, 2, 3, 3]
    assert found["spearman"].isna().tolist() == [True] * 3 + [False] * 2


def test_what_is_constant_has_no_correlation(adata):
    adata.uns["reproducibility"]["results"]["distinctness"] = 1.0
    found = run(adata)
    assert np.isnan(found.loc["least_distinctness", ["spearman", "pval", "pval_adj"]].astype(float)).all()
    assert found.drop(index="least_distinctness").notna().all(axis=None)


def test_of_a_model_copy_modality_and_file(tmp_path):
    adata = cr.datasets.synthetic_profiles(
        n_mechanisms=6, n_additive=6, n_antagonistic=2, n_synergistic=2, n_replicates=3, n_features=30
    )
    model = cr.tl.train_vae(adata, inputs="X", n_latent=3, **TRAINING)
    options = {"groupby": "treatment", "control": "DMSO"}
    mdata = MuData({"morphology": adata})
    cr.tl.latent_arithmetic(mdata, model, n_perms=999, n_boot=0, progress=False, **options)
    cr.tl.reproducibility(mdata, model, **options)
    copied = cr.tl.predictability(mdata, score="zscore", n_perms=9, key_added="mine", copy=True)
    assert "mine" not in adata.uns
    adata = copied["morphology"]
    terms = cr.get.latent_arithmetic(adata, table="terms")
    assert terms["kind"].value_counts().to_dict() == {"group": 20, "control": 10}
    sums = {terms["combination"][0]: {"A": 1, "B": -0.5, "old": 2}}
    options = {**options, "combinations": sums, "directions": {"old": [0, 0, 1]}, "n_perms": 99, "n_boot": 0}
    cr.tl.latent_arithmetic(adata, model, progress=False, key_added="old", **options)
    found = cr.get.latent_arithmetic(adata, table="terms", key_added="old")
    assert found["term"].tolist() == ["A", "B", "old", "DMSO"]
    assert found["kind"].tolist() == ["group", "group", "direction", "control"]
    assert found["coefficient"].tolist() == [1, -0.5, 2, 0.5]
    adata.write_h5ad(tmp_path / "found.h5ad")
    read = read_h5ad(tmp_path / "found.h5ad")
    cr.tl.predictability(read, score="zscore", n_perms=9, key_added="mine")
    for table in ("results", "combinations"):
        pd.testing.assert_frame_equal(
            *(cr.get.predictability(each, table=table, key_added="mine") for each in (read, adata)), check_dtype=False
        )


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"score": "mse"}, ValueError, "score must be one of 'r2', 'pearson'"),
        ({"score": "cosine"}, ValueError, "0 combinations have score='cosine' in space='latent'"),
        ({"space": "umap"}, ValueError, "space must be one of 'latent', 'pca', got 'umap'"),
        ({"n_perms": 0}, ValueError, "n_perms must be at least 1"),
        ({"correction": "fdr"}, ValueError, "correction must be one of"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
        ({"arithmetic_key": "gone"}, KeyError, "No 'gone' in .uns .*Run cr.tl.latent_arithmetic first, or set arithm"),
        ({"reproducibility_key": "gone"}, KeyError, "No 'gone' in .uns .*Run cr.tl.reproducibility first"),
        ({"reproducibility_key": "other"}, ValueError, "has control='DMSO', and 'other' has 'water'. Run cr.tl.reprod"),
        ({"arithmetic_key": "old"}, KeyError, r"No 'terms' in .uns\['old'\] .*Run cr.tl.latent_arithmetic again"),
        ({"key_added": "other"}, ValueError, "'other' that cr.tl.predictability did not write"),
    ],
)
def test_error(adata, options, error, match):
    adata.uns["other"] = {**adata.uns["reproducibility"], "params": {"groupby": "treatment", "control": "water"}}
    adata.uns["old"] = {name: each for name, each in adata.uns["latent_arithmetic"].items() if name != "terms"}
    with pytest.raises(error, match=match):
        run(adata, **options)
    assert "predictability" not in adata.uns
