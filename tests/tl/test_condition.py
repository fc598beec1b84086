import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import crepr as cr
from crepr.tl._condition import condition_values, plan_condition

N = 12


@pytest.fixture
def cells(rng):
    columns = {
        "area": rng.uniform(50, 90, N),
        "angle": np.linspace(0, 165, N),
        "polarity": np.linspace(0, 330, N),
        "count": np.arange(N),
        "batch": pd.Categorical(["a", "b", "c"] * 4, ["c", "b", "a", "unused"]),
        "text": ["u", "v"] * 6,
        "flag": [True, False, False] * 4,
        "nullable": pd.array([1, 2, 4] * 4, dtype="Int64"),
    }
    return ad.AnnData(obs=pd.DataFrame(columns, index=[f"c{i}" for i in range(N)]))


def told(adata, condition):
    plan = plan_condition(adata, adata, condition)
    assert json.loads(json.dumps(plan)) == plan
    return condition_values(adata, adata, plan)


def test_anchor_number():
    adata = ad.AnnData(obs=pd.DataFrame({"n": [1.0, 3.0]}, index=["a", "b"]))
    assert told(adata, "n").tolist() == [[-1], [1]]


def test_anchor_directions(cells):
    found = told(cells, ["angle", "polarity"])
    # 45 degrees of an axis are 90 of its double; 90 of an angle are 90
    np.testing.assert_allclose(found[3], [1, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(told(cells, {"angle": "angle"})[3], [np.sqrt(0.5)] * 2, rtol=1e-6)
    # an axis is the same half a turn on, an angle a whole one
    cells.obs["angle"] += 180
    cells.obs["polarity"] += 360
    np.testing.assert_allclose(told(cells, ["angle", "polarity"]), found, atol=1e-5)


def test_reference_scikit_learn(cells):
    for column in ("area", "count", "nullable"):
        expected = StandardScaler().fit_transform(cells.obs[[column]].astype(float))
        np.testing.assert_allclose(told(cells, column), expected, rtol=1e-5)
    for column in ("batch", "text", "flag"):
        expected = OneHotEncoder(sparse_output=False).fit_transform(cells.obs[[column]].astype(str))
        np.testing.assert_array_equal(told(cells, column), expected)


def test_property_cells_in_any_order_and_part(cells, rng):
    plan = plan_condition(cells, cells, ["area", "batch", "angle"])
    values = condition_values(cells, cells, plan)
    assert (values.dtype, values.shape) == (np.float32, (N, 1 + 3 + 2))
    some = rng.permutation(N)[:5]
    part = cells[some].copy()
    np.testing.assert_array_equal(condition_values(part, part, plan), values[some])


def test_property_directions_under_a_prefix():
    adata = cr.datasets.synthetic_cells(n_obs=8, size=24)
    cr.pp.pose(adata, prefix="cell_", progress=False)
    kinds = [entry["kind"] for entry in plan_condition(adata, adata, ["cell_angle", "cell_polarity", "cell_area"])]
    assert kinds == ["axis", "angle", "number"]


def test_property_columns_of_a_mudata(cells):
    rna = cells.copy()
    rna.obs = pd.DataFrame({"depth": np.arange(float(N)), "area": np.ones(N)}, index=cells.obs_names)
    mdata = MuData({"rna": rna, "stain": cells})
    mdata.obs["donor"] = ["x", "y"] * 6
    stain = mdata["stain"]
    for column in ("area", "stain:area", "depth", "rna:depth", "donor"):
        plan = plan_condition(mdata, stain, column)
        assert condition_values(mdata, stain, plan).shape == (N, 2 if column == "donor" else 1)
    assert plan_condition(mdata, stain, "stain:angle")[0]["kind"] == "axis"
    # a column of the cells' own modality comes first
    assert plan_condition(mdata, stain, "area")[0]["mean"] > 50
    small = MuData({"rna": rna[:6].copy(), "stain": cells})
    with pytest.raises(ValueError, match=r"mu\.pp\.intersect_obs"):
        plan_condition(small, small["stain"], "rna:depth")


@pytest.mark.parametrize("values", [[np.nan, *range(1, N)], [np.inf, *range(1, N)]])
def test_error_not_finite(cells, values):
    cells.obs["bad"] = values
    with pytest.raises(
        ValueError, match=r"condition='bad' is NaN or infinite in 1 of 12 cells \('c0'\). Leave these cells"
    ):
        told(cells, "bad")


@pytest.mark.parametrize("values", [[None, *"abcdefghijk"], pd.array([None, *range(1, N)], dtype="Float64")])
def test_error_missing(cells, values):
    cells.obs["bad"] = values
    with pytest.raises(ValueError, match=r"condition='bad' is NaN or infinite in 1 of 12 cells \('c0'\)"):
        told(cells, "bad")


@pytest.mark.parametrize(
    ("condition", "error", "match"),
    [
        ("foo", KeyError, "No 'foo' in .obs .*Set condition to one of them"),
        ([], TypeError, r"condition must be a column of .obs, or a list of some, got \[\]"),
        ("", TypeError, "condition must be a column of .obs, or a list of some, got ''"),
        (3, TypeError, "condition must be a column of .obs, or a list of some, got 3"),
        (["area", "area"], ValueError, r"condition must name each column once, got \['area', 'area'\]"),
        ({"area": "size"}, ValueError, "condition: kind of 'area' must be one of 'number', .*got 'size'"),
        ({"text": "number"}, TypeError, "condition='text' is to be a number, but its type is str.* Make it 'category'"),
        ({"flag": "angle"}, TypeError, "condition='flag' is to be a angle, but its type is bool"),
    ],
)
def test_error(cells, condition, error, match):
    with pytest.raises(error, match=match):
        told(cells, condition)


@pytest.mark.parametrize("value", [1, "x", True])
def test_error_one_value(cells, value):
    cells.obs["one"] = value
    with pytest.raises(ValueError, match=rf"condition='one' has one value \({value!r}\) in all 12 cells.*Leave it out"):
        told(cells, "one")


def test_error_category_that_training_did_not_see(cells):
    plan = plan_condition(cells, cells, "text")
    cells.obs["text"] = ["u", "w"] * 6
    with pytest.raises(
        ValueError, match=r"condition='text' holds 'w', which .* it knows 'u', 'v'. Leave these cells out"
    ):
        condition_values(cells, cells, plan)


def test_property_only_decoding_needs_the_condition(mdata, train):
    mdata.obs["donor"] = ["x", "y"] * 20
    model = train(mdata, inputs="stain", model="conditional_vae", condition="donor")
    latents = mdata["stain"].obsm["X_vae"]
    cr.tl.reconstruct(mdata, model)
    assert cr.tl.traverse(mdata, model, n_walks=1, n_steps=2)["outputs"]["stain"].shape == (1, 2, 2, 16, 16)
    del mdata.obs["donor"]
    cr.tl.embed(mdata, model, progress=False)
    np.testing.assert_array_equal(mdata["stain"].obsm["X_vae"], latents)
    for use in (cr.tl.reconstruct, cr.tl.traverse):
        with pytest.raises(KeyError, match="No 'donor' in .obs"):
            use(mdata, model)
