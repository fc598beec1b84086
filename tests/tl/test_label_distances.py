from itertools import combinations

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st
from mudata import MuData
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler

import crepr as cr

N, REP = 160, "X_inpainting_conv3"
ALL_PAIRS = list(combinations([f"l{i}" for i in range(6)], 2))


def make(seed=0):
    """16 images of 2 to 18 cells, of three labels and two lines; a label shifts the first feature."""
    rng = np.random.default_rng(seed)
    image = rng.permutation(np.r_[np.repeat(np.arange(16), 2), rng.integers(0, 16, N - 32)])
    label = np.arange(16) % 3
    obs = pd.DataFrame(
        {
            "label": np.array(["T/NK", "b", "c"])[label[image]],
            "image": [f"im{i}" for i in image],
            "line": np.where(image % 5 < 2, "HeLa", "U2OS"),
        },
        index=[f"c{i}" for i in range(N)],
    )
    return AnnData(obs=obs, obsm={REP: rng.normal(size=(N, 4)) * [1, 1, 5, 1] + label[image, None] * [2, 0, 0, 0]})


@pytest.fixture
def adata():
    return make()


def run(data, by="label", image_key="image", **options):
    assert cr.tl.label_distances(data, by, image_key=image_key, **options) is None
    key = options.get("key_added")
    return cr.get.label_distances(data, key_added=key), cr.get.label_distances(data, table="macro", key_added=key)


def by_hand(adata, control):
    """All pairs of images, one at a time."""
    x = StandardScaler().fit_transform(adata.obsm[REP])
    images = adata.obs.groupby("image", observed=True).indices
    info = adata.obs.drop_duplicates("image").set_index("image")
    rows = [
        (info.label[a], info.label[b], info.line[a] == info.line[b], cdist(x[images[a]], x[images[b]]).mean())
        for a in images
        for b in images
        if a < b
    ]
    table = pd.DataFrame(rows, columns=["a", "b", "same_line", "distance"])
    if control != "any":
        table = table[table["same_line"] == (control == "same")]
    found = {}
    for label in info.label.unique():
        near = table.query("a == @label and b == @label")["distance"]
        pairs = table.query("(a == @label) != (b == @label)")
        other = pairs["a"].where(pairs["a"] != label, pairs["b"])
        far, mean = pairs["distance"], pairs["distance"].groupby(other).mean().mean()
        sd = np.sqrt(np.cov(far, aweights=1 / other.map(other.value_counts())))
        change = near.mean() - mean
        found[label] = [len(near), len(far), near.mean(), mean, sd, change / sd, change / mean]
    return pd.DataFrame(found).T


MEASURED = ["n_pairs_same", "n_pairs_other", "mean_same", "mean_other", "sd_other", "z", "relative"]


def test_anchor_on_a_line():
    # images at 0 and 2, and at 10 and 14: within 2 and 4, across 10, 14, 8 and 12
    obs = pd.DataFrame({"label": list("aabbb"), "image": list("vwxyy")}, index=list("12345"))
    adata = AnnData(obs=obs, obsm={REP: np.c_[[0.0, 2, 10, 14, 14]]})
    table, macro = run(adata, standardize=False)
    assert table["label"].tolist() == ["a", "b"]
    assert table["n_images"].tolist() == [2, 2]
    np.testing.assert_allclose(table["mean_same"], [2, 4])
    np.testing.assert_allclose(table["mean_other"], [11, 11])
    sd = np.std([10, 14, 8, 12], ddof=1)
    np.testing.assert_allclose(table["z"], [-9 / sd, -7 / sd])
    np.testing.assert_allclose(table["relative"], [-9 / 11, -7 / 11])
    assert macro["control"].tolist() == ["any"]
    assert macro["n_labels"].tolist() == [2]
    assert macro["relative"].item() == pytest.approx(-8 / 11)


def test_anchor_other_labels_count_equally():
    # images of a at 0 and 2, of b at 10 and 14, of c at 20, 22 and 30
    obs = pd.DataFrame({"label": list("aabbcccc"), "image": list("stuvwxyy")}, index=list("12345678"))
    adata = AnnData(obs=obs, obsm={REP: np.c_[[0.0, 2, 10, 14, 20, 22, 30, 30]]})
    table, _ = run(adata, standardize=False)
    a = table.set_index("label").loc["a"]
    # to b 10, 14, 8, 12, on average 11; to c 20, 22, 30, 18, 20, 28, on average 23
    assert a["n_pairs_other"] == 10
    assert a["mean_other"] == pytest.approx(17)
    # squares of what they are off 17: 49, 9, 81, 25 of weight 1/8, and 9, 25, 169, 1, 9, 121 of weight 1/12
    variance = (164 / 8 + 334 / 12) / (1 - 4 / 8**2 - 6 / 12**2)
    assert a["sd_other"] == pytest.approx(np.sqrt(variance))
    assert a["z"] == pytest.approx((2 - 17) / np.sqrt(variance))
    assert a["relative"] == pytest.approx(-15 / 17)


def test_property_some_other_labels(adata):
    adata.obs["label"] = [f"l{int(name[2:]) % 6}" for name in adata.obs["image"]]
    full, _ = run(adata)
    assert run(adata, n_others=5, key_added="all")[0].equals(full)
    assert run(adata, n_others=50, key_added="more")[0].equals(full)
    some, _ = run(adata, n_others=2, key_added="some")
    same = ["label", "n_pairs_same", "mean_same"]
    pd.testing.assert_frame_equal(some[same], full[same])
    assert (some["n_pairs_other"] < full["n_pairs_other"]).all()
    # which labels, by hand: the mean of the means to two of the others
    alone = {name: adata[adata.obs["label"].isin(name)].copy() for name in ALL_PAIRS}
    scaler = StandardScaler().fit(adata.obsm[REP])
    means = {}
    for name, part in alone.items():
        part.obsm[REP] = scaler.transform(part.obsm[REP])
        means[name] = run(part, standardize=False)[0]["mean_other"].iloc[0]
    for label, mean in zip(some["label"], some["mean_other"], strict=True):
        own = [value for name, value in means.items() if label in name]
        assert min(abs((a + b) / 2 - mean) for a, b in combinations(own, 2)) < 1e-9


@pytest.mark.parametrize("control", [None, "line"])
def test_reference_is_pair_by_pair(adata, control):
    table, macro = run(adata, control=control)
    kinds = ["any"] if control is None else ["any", "same", "different"]
    assert table["control"].unique().tolist() == macro["control"].tolist() == kinds
    for kind in kinds:
        mine = table[table["control"] == kind].set_index("label")
        expected = by_hand(adata, kind).loc[mine.index]
        np.testing.assert_allclose(mine[MEASURED], expected)
        np.testing.assert_allclose(macro.set_index("control").loc[kind, "z"], expected[5].mean())


def test_property_drawn_pairs(adata):
    full, _ = run(adata)
    drawn, _ = run(adata, n_pairs=4, control="line", key_added="few")
    first = drawn[drawn["control"] == "any"]
    assert first["n_pairs_same"].tolist() == [4, 4, 4]
    assert first["n_pairs_other"].tolist() == [8, 8, 8]
    np.testing.assert_allclose(first["mean_other"], full["mean_other"], rtol=0.3)
    # control adds rows and changes none
    alone, _ = run(adata, n_pairs=4, key_added="alone")
    pd.testing.assert_frame_equal(alone, first)
    other, _ = run(adata, n_pairs=4, rng=np.random.default_rng(7), key_added="other")
    assert not other.equals(alone)
    again, _ = run(adata, n_pairs=4, rng=adata.uns["other"]["params"]["seed"], key_added="again")
    pd.testing.assert_frame_equal(again, other)


@given(st.integers(0, 2**32 - 1))
def test_property_order_and_scale(seed):
    adata = make()
    expected, _ = run(adata, n_pairs=5, control="line")
    other = adata[np.random.default_rng(seed).permutation(N)].copy()
    other.obsm[REP] = other.obsm[REP] * 10 + 100
    found, _ = run(other, n_pairs=5, control="line")
    pd.testing.assert_frame_equal(found, expected, rtol=1e-7)


def test_property_noise_has_no_score(adata):
    adata.obsm[REP] = np.random.default_rng(1).normal(size=(N, 4))
    _, macro = run(adata)
    assert abs(macro["relative"].item()) < 0.05
    assert run(make())[1]["relative"].item() < -0.1


def test_anchor_labels_with_one_image_are_named(adata):
    adata.obs["label"] = np.where(adata.obs["image"] == "im3", "alone", adata.obs["label"])
    match = "Labels of 'label' with one image, whose scores are NaN: 'alone'. Set image_key to a finer column, or leave"
    with pytest.warns(UserWarning, match=match) as caught:
        table, macro = run(adata)
    assert [warning.filename for warning in caught] == [__file__]
    row = table.set_index("label").loc["alone"]
    assert row["n_pairs_same"] == 0
    assert row[["mean_same", "z", "relative"]].isna().all()
    assert row["mean_other"] > 0
    assert macro["n_labels"].item() == 3


def test_anchor_kinds_without_pairs_are_named(adata):
    adata.obs["line"] = adata.obs["image"]
    with pytest.warns(
        UserWarning, match=r"no pairs of images .*'T/NK \(same\)', 'b \(same\)', 'c \(same\)'. Leave control"
    ):
        table, macro = run(adata, control="line")
    assert macro["n_labels"].tolist() == [3, 0, 3]
    assert table.query("control == 'same'")["z"].isna().all()


def test_anchor_images_of_one_cell_are_told(adata):
    adata.obs["own"] = adata.obs_names
    with pytest.warns(
        UserWarning, match="Each image of image_key='own' has one cell, .* set image_key to the col"
    ) as caught:
        run(adata, image_key="own", n_pairs=5)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("by", ["boolean", "unused", "integer"])
def test_property_types_of_columns(adata, by):
    code = adata.obs["label"] == "b"
    adata.obs["plain"] = np.where(code, "b", "a")
    expected, macro = run(adata, "plain", control="line")
    adata.obs["boolean"] = pd.array(code, dtype="boolean")
    adata.obs["integer"] = pd.array(code, dtype="Int64")
    adata.obs["unused"] = pd.Categorical(adata.obs["plain"], categories=["z", "a", "y", "b"])
    adata.obs["image"] = pd.Categorical(adata.obs["image"]).add_categories("im99")
    adata.obs["line"] = pd.array(adata.obs["line"] == "U2OS", dtype="boolean")
    found, other = run(adata, by, control="line", key_added="other")
    assert (
        found["label"].tolist()
        == {"boolean": ["False", "True"] * 3, "integer": ["0", "1"] * 3, "unused": ["a", "b"] * 3}[by]
    )
    pd.testing.assert_frame_equal(found.drop(columns="label"), expected.drop(columns="label"))
    pd.testing.assert_frame_equal(other, macro)


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_property_survives_writing(adata, suffix, tmp_path):
    expected, macro = run(adata, control="line")
    path = tmp_path / f"a.{suffix}"
    getattr(adata, f"write_{suffix}")(path)
    read = getattr(anndata, f"read_{suffix}")(path)
    for name, table in (("results", expected), ("macro", macro)):
        pd.testing.assert_frame_equal(cr.get.label_distances(read, table=name), table, check_dtype=False)
    assert read.uns["label_distances"]["params"]["control"] == "line"


def test_property_modalities_copy_and_foreign_keys(adata):
    expected, _ = run(adata)
    copy = cr.tl.label_distances(adata, "label", image_key="image", key_added="mine", copy=True)
    assert "mine" not in adata.uns
    assert "mine" in copy.uns
    adata.uns["taken"] = 1
    with pytest.raises(ValueError, match="'taken' that cr.tl.label_distances did not write"):
        run(adata, key_added="taken")
    mdata = MuData(
        {"rna": AnnData(obs=adata.obs[["label"]]), "stain": AnnData(obs=adata.obs[["image"]], obsm=adata.obsm)}
    )
    found, _ = run(mdata, "rna:label", "stain:image")
    assert "label_distances" in mdata.uns
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"by": "type"}, KeyError, "No 'type' in .obs .*Set groupby"),
        ({"image_key": "well"}, KeyError, "No 'well' in .obs .*Set image_key"),
        ({"control": "plate"}, KeyError, "No 'plate' in .obs .*Set control"),
        ({"by": "one"}, ValueError, "groupby='one' must have at least two labels, got 'x'"),
        ({"by": "mixed"}, ValueError, r"groupby='mixed' must be the same .* not in 2 of 16 images of 'image' \('im[^,]*, 'im[^,]*\)"),
        ({"control": "mixed"}, ValueError, "control='mixed' must be the same for all cells of an image"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 160 cells"),
        ({"by": "image"}, ValueError, "Each label of groupby='image' has one image of image_key='image', .* Set image_key to a finer"),
        ({"n_pairs": 0}, ValueError, "n_pairs must be at least 1"),
        ({"n_others": 0}, ValueError, "n_others must be at least 1"),
        ({"n_others": 2.5}, TypeError, "n_others must be an integer"),
        ({"n_pairs": 5.0}, TypeError, "n_pairs must be an integer"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"device": "gpu"}, ValueError, "device must be"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"key_added": 5}, TypeError, "key_added must be a str"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    adata.obs["one"] = "x"
    first = [np.flatnonzero(adata.obs["image"] == name)[0] for name in ("im1", "im4")]
    adata.obs["mixed"] = [f"{label}{i in first}" for i, label in enumerate(adata.obs["label"])]
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 7, np.nan, adata.obsm[REP])
    with pytest.raises(error, match=match):
        run(adata, **options)
    assert not adata.uns
