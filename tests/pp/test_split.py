import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

import crepr as cr

seeds = st.integers(0, 2**32 - 1)
PARTS = ["train", "validation", "test"]


def wells(n=100, **columns):
    obs = pd.DataFrame(
        {name: pd.Categorical(values) for name, values in columns.items()}, index=[f"w{i}" for i in range(n)]
    )
    return ad.AnnData(np.zeros((n, 1), np.float32), obs=obs)


def counts(adata, key="split"):
    return adata.obs[key].value_counts().reindex(PARTS, fill_value=0).tolist()


def test_anchor_sizes():
    adata = wells(100)
    assert cr.pp.split(adata) is None
    assert adata.obs["split"].cat.categories.tolist() == PARTS
    assert counts(adata) == [80, 10, 10]
    entry = adata.uns["split"]
    assert entry["results"].to_dict("list") == {
        "part": PARTS,
        "n_obs": [80, 10, 10],
        "n_groups": [80, 10, 10],
        "share": [0.8, 0.1, 0.1],
    }
    assert entry["params"]["seed"] == 0
    cr.pp.split(adata, shares=(0.5, 0, 0.5))
    assert counts(adata) == [50, 0, 50]
    assert adata.obs["split"].cat.categories.tolist() == ["train", "test"]


def test_reference_published_sizes():
    # Chow et al. 2022 divide 10,368 profiles by scikit-learn, stratified by plate map
    maps = np.random.default_rng(0).integers(0, 27, 10_368)
    adata = wells(10_368, plate_map=maps)
    train, rest = train_test_split(np.arange(10_368), test_size=0.2, random_state=0, stratify=maps)
    validation, test = train_test_split(rest, test_size=0.5, random_state=0, stratify=maps[rest])
    cr.pp.split(adata, stratify="plate_map")
    assert counts(adata) == [len(train), len(validation), len(test)] == [8294, 1037, 1037]
    table = adata.uns["split"]["strata"]
    found = table.pivot_table(index="stratum", columns="part", values="n_obs")[PARTS]
    found.index = found.index.astype(int)
    ours = found.sort_index().to_numpy()
    theirs = np.stack([np.bincount(maps[rows]) for rows in (train, validation, test)], axis=1)
    quota = np.bincount(maps)[:, None] * [0.8, 0.1, 0.1]
    assert (np.abs(ours - quota) < 1).all()
    assert np.abs(ours - theirs).max() <= 2


@settings(max_examples=50)
@given(
    seeds, st.integers(3, 120), st.integers(1, 30), st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.7, 0, 0.3)])
)
@pytest.mark.filterwarnings("ignore:Shares of observations")
def test_property_shares_within_strata_and_in_all(seed, n, n_strata, shares):
    rng = np.random.default_rng(seed)
    strata = rng.integers(0, n_strata, n)
    adata = wells(n, stratum=strata)
    cr.pp.split(adata, stratify="stratum", shares=shares, rng=seed)
    found = pd.crosstab(strata, adata.obs["split"].to_numpy()).reindex(columns=PARTS, fill_value=0).to_numpy()
    quota = np.bincount(strata, minlength=n_strata)[np.unique(strata), None] * np.array(shares)
    # one may be moved into a part that would be empty
    moved = 1 if n * min(share for share in shares if share) < 3 else 0
    assert (np.abs(found - quota) < 1 + moved + 1e-9).all()
    assert (np.abs(found.sum(0) - n * np.array(shares)) < 2 + moved).all()
    assert (found.sum(0) > 0).tolist() == [share > 0 for share in shares]
    assert adata.uns["split"]["strata"]["n_obs"].sum() == n


@settings(max_examples=50)
@given(seeds, st.integers(3, 60), st.booleans())
@pytest.mark.filterwarnings("ignore:Shares of observations")
def test_property_groups_stay_together(seed, n_groups, stratified):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.r_[np.arange(n_groups), rng.integers(0, n_groups, 150) ** 2 // n_groups])
    adata = wells(len(groups), compound=groups, moa=groups % 4)
    cr.pp.split(adata, groupby="compound", stratify="moa" if stratified else None, rng=seed)
    assert not adata.obs[["compound", "split"]].drop_duplicates()["compound"].duplicated().any()
    results = adata.uns["split"]["results"]
    assert results["n_groups"].min() >= 1
    assert results["n_groups"].sum() == n_groups
    assert results["n_obs"].tolist() == counts(adata)
    largest = np.bincount(groups).max()
    assert (np.abs(results["n_obs"] - len(groups) * np.array([0.8, 0.1, 0.1])) <= largest + 1).all()


def test_property_many_small_strata_fill_all_parts():
    # three replicates of each compound: none has a well for each part
    adata = wells(300, compound=np.repeat(np.arange(100), 3))
    cr.pp.split(adata, stratify="compound")
    assert np.abs(np.array(counts(adata)) - [240, 30, 30]).max() <= 1


def test_property_seeds():
    adata = wells(200, compound=np.arange(200) // 4)
    for options in ({}, {"groupby": "compound"}):
        draws = [cr.pp.split(adata, rng=rng, copy=True, **options).obs["split"] for rng in (0, 0, 1)]
        assert (draws[0] == draws[1]).all()
        assert not (draws[0] == draws[2]).all()
        assert counts(cr.pp.split(adata, rng=np.random.default_rng(3), copy=True, **options)) == [160, 20, 20]


def test_real_profiles(real_data):
    """BBBC021: over half of the wells are DMSO, one group that goes to training; compounds are not divided."""
    table = pd.read_csv(real_data / "bbbc021" / "BBBC021_feature_selected_mad_robustize.csv")
    adata = wells(len(table), compound=table["Metadata_Compound"], moa=table["Metadata_moa"])
    cr.pp.split(adata, groupby="compound")
    assert set(adata.obs.loc[adata.obs["compound"] == "DMSO", "split"]) == {"train"}
    np.testing.assert_allclose(adata.uns["split"]["results"]["share"], [0.8, 0.1, 0.1], atol=0.02)


def test_mudata_and_writing(tmp_path):
    adata = wells(50, plate=np.arange(50) % 5)
    other = wells(50)
    other.var_names = ["gene"]
    mdata = md.MuData({"cp": adata, "rna": other})
    cr.pp.split(mdata, groupby="cp:plate", shares=(0.6, 0.2, 0.2))
    assert counts(mdata) == [30, 10, 10]
    cr.pp.split(mdata, mod="rna", key_added="part")
    assert counts(mdata["rna"], "part") == [40, 5, 5]
    mdata.write(tmp_path / "a.h5mu")
    read = md.read_h5mu(tmp_path / "a.h5mu")
    assert counts(read) == [30, 10, 10]
    # again, over its own
    cr.pp.split(read, rng=1)


def test_warning_of_shares_that_came_out_otherwise():
    adata = wells(40, plate=np.arange(40) % 4)
    with pytest.warns(UserWarning, match="train 0.500, validation 0.250, test 0.250, as what is divided is few"):
        cr.pp.split(adata, groupby="plate")
    assert counts(adata) == [20, 10, 10]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"shares": (0.8, 0.1)}, TypeError, "shares must be three numbers"),
        ({"shares": "all"}, TypeError, "shares must be three numbers"),
        ({"shares": 0.8}, TypeError, "shares must be three numbers"),
        ({"shares": (0.8, 0.1, "a")}, TypeError, "shares must be a number"),
        ({"shares": (0.8, 0.1, 0.2)}, ValueError, r"shares must sum to 1.*with the sum 1\.1"),
        ({"shares": (0, 0.5, 0.5)}, ValueError, "some for training"),
        ({"shares": (1.2, -0.1, -0.1)}, ValueError, "at least 0"),
        ({"groupby": "no"}, KeyError, r"No 'no' in \.obs"),
        ({"stratify": "no"}, KeyError, r"No 'no' in \.obs.*Set stratify"),
        ({"groupby": "half"}, ValueError, "There are 2 groups in groupby='half', and 3 parts"),
        ({"groupby": "missing"}, ValueError, "groupby='missing' is missing for 1 of 20"),
        ({"stratify": "missing"}, ValueError, "stratify='missing' is missing for 1 of 20"),
        (
            {"groupby": "plate", "stratify": "half"},
            ValueError,
            "stratify='half' varies within 5 of 5 groups of groupby='plate'",
        ),
        ({"key_added": "plate"}, ValueError, r"\.obs has a column 'plate' that cr.pp.split did not write"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
        ({"mod": "rna"}, ValueError, "needs a MuData"),
    ],
)
def test_error(options, error, match):
    adata = wells(20, half=np.arange(20) // 10, plate=np.arange(20) % 5, missing=["a"] * 19 + [None])
    with pytest.raises(error, match=match):
        cr.pp.split(adata, **options)
    assert "split" not in adata.obs


def test_error_no_observations():
    with pytest.raises(ValueError, match="0 observations"):
        cr.pp.split(wells(0))
    with pytest.raises(ValueError, match="There are 2 observations, and 3 parts"):
        cr.pp.split(wells(2))
