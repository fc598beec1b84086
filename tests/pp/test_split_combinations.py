import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crepr as cr

PARTS = ["train", "validation", "test"]
GROUPS = ["DMSO", "A", "B", "C", "D", "A|B", "A|B|C"]
OPTIONS = {"groupby": "treatment", "control": "DMSO"}


def wells(n=20, groups=GROUPS, **columns):
    """`n` wells of each group."""
    obs = pd.DataFrame({"treatment": pd.Categorical(np.repeat(groups, n), groups), **columns})
    obs.index = [f"w{i}" for i in range(len(obs))]
    return ad.AnnData(np.zeros((len(obs), 1), np.float32), obs=obs)


def kept(adata, key="split"):
    """Groups whose wells are all kept for the test; of the others none is."""
    is_test = (adata.obs[key] == "test").groupby(adata.obs["treatment"], observed=True)
    assert (is_test.all() == is_test.any()).all()
    return set(is_test.all().index[is_test.all()])


def test_anchor():
    adata = wells()
    assert cr.pp.split_combinations(adata, **OPTIONS) is None
    assert adata.obs["split"].cat.categories.tolist() == PARTS
    assert kept(adata) == {"A|B", "A|B|C"}
    entry = adata.uns["split"]
    results = entry["results"].set_index("part")
    assert results["n_obs"].to_dict() == {"train": 90, "validation": 10, "test": 40}
    assert results.loc["test", "n_groups"] == 2
    assert results.loc["train", "n_groups"] == 5
    np.testing.assert_allclose(results["share"], [90 / 140, 10 / 140, 40 / 140])
    assert entry["params"]["held_combinations"].tolist() == ["A|B", "A|B|C"]
    assert len(entry["params"]["held_terms"]) == 0
    # again, over its own
    cr.pp.split_combinations(adata, **OPTIONS, terms=True, validation=0)
    assert adata.obs["split"].cat.categories.tolist() == ["train", "test"]
    assert kept(adata) == {"A|B", "A|B|C", "A", "B", "C"}
    assert adata.uns["split"]["results"]["n_obs"].tolist() == [40, 100]
    assert adata.uns["split"]["params"]["held_terms"].tolist() == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"combinations": ["A|B"]}, {"A|B", "B | A"}),
        ({"combinations": ["A|B"], "terms": True}, {"A|B", "B | A", "A", "B"}),
        ({"combinations": ["A|B"], "ignore_order": False}, {"A|B"}),
        ({"separator": "+"}, {"C+D"}),
        ({"combinations": {"C+D": ["C", "D"]}, "terms": True}, {"C+D", "C", "D"}),
        ({"combinations": {"C+D": {"C": 1, "age": 20, "DMSO": 1}}, "terms": True}, {"C+D", "C"}),
        ({"combinations": pd.DataFrame({"C": [1.0], "D": [0.0]}, index=["C+D"]), "terms": True}, {"C+D", "C"}),
        # a term that is a combination is one, and its own terms are its own
        ({"combinations": {"A|B|C": ["A|B", "C"], "A|B": ["A", "B"]}}, {"A|B|C", "A|B"}),
        ({"combinations": {"A|B|C": ["A|B", "C"]}}, {"A|B|C"}),
        ({"combinations": {"A|B|C": ["A|B", "C"]}, "terms": True}, {"A|B|C", "A|B", "C"}),
    ],
)
def test_anchor_which(options, expected):
    adata = wells(4, [*GROUPS, "B | A", "C+D"])
    cr.pp.split_combinations(adata, **OPTIONS, **options)
    assert kept(adata) == expected


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0, 0.5), st.booleans())
def test_property_shares(seed, n, validation, stratified):
    adata = wells(n, plate=[f"p{i % 5}" for i in range(7 * n)])
    cr.pp.split_combinations(
        adata, **OPTIONS, validation=validation, stratify="plate" if stratified else None, rng=seed
    )
    counts = adata.obs["split"].value_counts()
    assert counts["test"] == 2 * n
    assert kept(adata) == {"A|B", "A|B|C"}
    assert abs(counts.get("validation", 0) - validation * 5 * n) < 2
    assert ("validation" in counts) == (validation > 0)
    if stratified:
        rest = adata.obs[adata.obs["split"] != "test"]
        found = (rest["split"] == "validation").groupby(rest["plate"]).agg(["sum", "size"])
        assert (np.abs(found["sum"] - validation * found["size"]) < 2).all()
        assert adata.uns["split"]["strata"]["n_obs"].sum() == 7 * n


def test_property_seeds():
    one, same, other = (
        cr.pp.split_combinations(wells(), **OPTIONS, rng=rng, copy=True).obs["split"] for rng in (0, 0, 1)
    )
    assert (one == same).all()
    assert (one != other).any()


def test_mudata_and_writing(tmp_path):
    adata = wells(4)
    other = wells(4)
    del other.obs["treatment"]
    other.var_names = ["gene"]
    mdata = md.MuData({"cp": adata, "rna": other})
    cr.pp.split_combinations(mdata, groupby="cp:treatment", control="DMSO", stratify="cp:treatment")
    assert (mdata.obs["split"] == "test").sum() == 8
    cr.pp.split_combinations(mdata, **OPTIONS, mod="cp", key_added="held")
    mdata.write(tmp_path / "a.h5mu")
    read = md.read_h5mu(tmp_path / "a.h5mu")
    assert kept(read["cp"], "held") == {"A|B", "A|B|C"}
    cr.pp.split_combinations(read, **OPTIONS, mod="cp", key_added="held", terms=True)


def test_warning_of_control_alone():
    adata = wells(4, ["DMSO", "A", "B", "A|B"])
    with pytest.warns(UserWarning, match=r"Nothing but control='DMSO' is left to train on \(4 observations\)"):
        cr.pp.split_combinations(adata, **OPTIONS, terms=True)
    assert kept(adata) == {"A", "B", "A|B"}


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"separator": "+"}, ValueError, r"No group has separator='\+' in its name"),
        ({"combinations": []}, ValueError, "combinations names none"),
        ({"combinations": {}}, ValueError, "combinations names none"),
        ({"combinations": {"DMSO": ["A"]}}, ValueError, "control='DMSO', which is never kept for a test"),
        ({"combinations": ["A|D"]}, KeyError, "'A|D', which is no combination"),
        ({"combinations": "A|B"}, TypeError, "combinations must be 'auto', a list"),
        ({"control": "water"}, KeyError, "No 'water' in groupby='treatment'"),
        ({"groupby": "drug"}, KeyError, r"No 'drug' in \.obs"),
        ({"stratify": "drug"}, KeyError, r"No 'drug' in \.obs.*Set stratify"),
        ({"groupby": "missing"}, ValueError, "groupby='missing' is missing for 1 of 28"),
        ({"validation": 1}, ValueError, "validation must be a share below 1, got 1"),
        ({"validation": -0.1}, ValueError, "validation must be a finite number of at least 0"),
        ({"validation": "split"}, TypeError, "validation must be a number"),
        ({"key_added": "plate"}, ValueError, "a column 'plate' that cr.pp.split_combinations did not write"),
        ({"mod": "rna"}, ValueError, "needs a MuData"),
    ],
)
def test_error(options, error, match):
    adata = wells(4, missing=["A"] * 27 + [None], plate="p")
    with pytest.raises(error, match=match):
        cr.pp.split_combinations(adata, **{**OPTIONS, **options})
    assert "split" not in adata.obs


def test_error_nothing_left_and_another_split():
    adata = wells(1, ["DMSO", "A", "B", "A|B"])
    with pytest.raises(ValueError, match="There is 1 observation left to train on, and validation=0.1 takes one"):
        cr.pp.split_combinations(adata, **OPTIONS, terms=True)
    cr.pp.split(adata, shares=(0.5, 0.25, 0.25))
    with pytest.raises(ValueError, match="that cr.pp.split_combinations did not write. Set key_added"):
        cr.pp.split_combinations(adata, **OPTIONS)
