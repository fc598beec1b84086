import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st
from mudata import MuData
from sklearn.preprocessing import StandardScaler

import crepr as cr

N, REP = 120, "X_inpainting_conv3"
LABELS = ["A", "B", "A|B", "other"]


def make():
    """12 images of four labels; cells of 'A|B' lie at either end."""
    rng = np.random.default_rng(0)
    image = rng.permutation(np.arange(N) % 12)
    label = image % 4
    place = np.array([0, 4, 2, 2])[label] + np.where(label == 2, rng.choice([-2, 2], N), 0)
    obs = pd.DataFrame(
        {"label": np.array(LABELS)[label], "image": [f"im{i:02}" for i in image]}, index=[f"c{i}" for i in range(N)]
    )
    return AnnData(obs=obs, obsm={REP: rng.normal(size=(N, 3)) * 0.5 + place[:, None] * [1, 0, 0]})


@pytest.fixture
def adata():
    return make()


def run(data, by="label", image_key="image", labels=("A", "B"), **options):
    assert cr.tl.mixture_score(data, by, image_key=image_key, labels=labels, **options) is None
    return cr.get.mixture_score(data, key_added=options.get("key_added"))


def test_anchor_on_a_line():
    # A at 0 and 2 in one image, 4 in another; B at 10 and 12 in two; another label at 6
    obs = pd.DataFrame({"label": list("AAABBC"), "image": list("uuvwxy")}, index=list("123456"))
    adata = AnnData(obs=obs, obsm={REP: np.c_[[0.0, 2, 4, 10, 12, 6]]})
    table = run(adata, standardize=False)
    expected = np.log([4 / 11, 2 / 9, 3 / 7, 8 / 2, 10 / 2, 4 / 5])
    np.testing.assert_allclose(adata.obs["mixture_score"], expected)
    assert table["image"].tolist() == ["u", "v", "w", "x", "y"]
    assert table["label"].tolist() == list("AABBC")
    assert table["n_cells"].tolist() == [2, 1, 1, 1, 1]
    # images of one cell come last
    np.testing.assert_array_equal(table["rank"], [1, np.nan, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(table["mean"], [expected[:2].mean(), *expected[2:]])
    np.testing.assert_allclose(table["sd"], [expected[:2].std(ddof=1), *[np.nan] * 4])


def test_reference_is_cell_by_cell(adata):
    table = run(adata)
    x, obs = StandardScaler().fit_transform(adata.obsm[REP]), adata.obs

    def distance(i, label):
        members = (obs["label"] == label) & ~((obs["label"].iloc[i] == label) & (obs["image"] == obs["image"].iloc[i]))
        return np.linalg.norm(x[i] - x[members].mean(0))

    scores = np.array([np.log(distance(i, "A") / distance(i, "B")) for i in range(N)])
    np.testing.assert_allclose(obs["mixture_score"], scores)
    expected = pd.Series(scores).groupby(obs["image"].to_numpy()).agg(["mean", "std"])
    np.testing.assert_allclose(table.set_index("image")[["mean", "sd"]].sort_index(), expected)


def test_property_ends_and_the_variable(adata):
    table = run(adata)
    means = adata.obs.groupby("label")["mixture_score"].mean()
    assert means["A"] < -0.7
    assert means["B"] > 0.7
    assert table["label"].tolist()[:3] == ["A|B"] * 3
    assert table["sd"].is_monotonic_decreasing
    assert table["rank"].tolist() == list(range(1, 13))


def test_anchor_cells_on_centroids():
    # A at 0, B at 10, and of C one on each, one between and one that is a little nearer to A
    obs = pd.DataFrame({"label": list("AAABBBCCCC"), "image": list("uuvwwxyyyy")}, index=list("0123456789"))
    adata = AnnData(obs=obs, obsm={REP: np.c_[[0.0, 0, 0, 10, 10, 10, 0, 10, 5, 4]]})
    table = run(adata, standardize=False)
    score, least = adata.obs["mixture_score"], np.log(1000)
    np.testing.assert_allclose(score, [-least] * 3 + [least] * 3 + [-least, least, 0, np.log(4 / 6)])
    assert np.isfinite(table["mean"]).all()
    # where both centroids are the same, no cell is nearer to one
    adata.obsm[REP] = np.zeros((10, 2))
    run(adata, standardize=False)
    np.testing.assert_array_equal(adata.obs["mixture_score"], 0)


def test_property_types_of_columns(adata):
    adata.obs["plain"] = adata.obs["label"].replace({"A|B": "A", "other": "B"})
    expected = run(adata, "plain")
    adata.obs["image"] = pd.Categorical(adata.obs["image"]).add_categories("im99")
    adata.obs["boolean"] = pd.array(adata.obs["plain"] == "A", dtype="boolean")
    adata.obs["unused"] = pd.Categorical(adata.obs["plain"], categories=["z", "B", "A"])
    for by, labels in (("boolean", ("True", "False")), ("unused", ("A", "B"))):
        found = run(adata, by, labels=labels)
        pd.testing.assert_frame_equal(found.drop(columns="label"), expected.drop(columns="label"))


@given(st.integers(0, 2**32 - 1))
def test_property_order_scale_and_sides(seed):
    adata = make()
    expected = run(adata)
    other = adata[np.random.default_rng(seed).permutation(N)].copy()
    other.obsm[REP] = other.obsm[REP] * 10 + 100
    pd.testing.assert_frame_equal(run(other), expected)
    np.testing.assert_allclose(other.obs["mixture_score"][adata.obs_names], adata.obs["mixture_score"])
    turned = run(other, labels=["B", "A"], key_added="turned")
    pd.testing.assert_frame_equal(turned.assign(mean=-turned["mean"]), expected)


def test_property_leaving_an_image_out_is_no_bias():
    # without it cells of noise would lie nearer to the label of their own
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(40), 5)
    obs = pd.DataFrame(
        {"label": np.array(["A", "B"])[image % 2], "image": image.astype(str)}, index=map(str, range(200))
    )
    adata = AnnData(obs=obs, obsm={REP: rng.normal(size=(200, 50)) + np.repeat(rng.normal(size=(40, 50)), 5, axis=0)})
    run(adata)
    means = adata.obs.groupby("label")["mixture_score"].mean()
    # its own centroid is made of fewer images, which lies a little farther
    assert means["A"] > -0.01
    assert means["B"] < 0.01


def test_anchor_cells_without_a_label(adata):
    adata.obs["label"] = pd.Categorical(adata.obs["label"].where(adata.obs["label"] != "other"))
    table = run(adata)
    np.testing.assert_array_equal(adata.obs["mixture_score"].isna(), adata.obs["label"].isna())
    assert len(table) == 9
    assert set(table["label"]) == {"A", "B", "A|B"}


def test_anchor_one_image_is_warned_of(adata):
    one = adata[~adata.obs["image"].isin(["im04", "im08"])].copy()
    with pytest.warns(UserWarning, match="Labels of 'label' with one image: 'A'. Its cells") as caught:
        run(one)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_property_survives_writing(adata, suffix, tmp_path):
    expected = run(adata)
    path = tmp_path / f"a.{suffix}"
    getattr(adata, f"write_{suffix}")(path)
    read = getattr(anndata, f"read_{suffix}")(path)
    pd.testing.assert_frame_equal(cr.get.mixture_score(read), expected, check_dtype=False)
    run(read)
    assert read.uns["mixture_score"]["params"]["labels"].tolist() == ["A", "B"]


def test_property_modalities_copy_and_foreign_keys(adata):
    copy = cr.tl.mixture_score(adata, "label", image_key="image", labels=("A", "B"), copy=True)
    assert "mixture_score" not in adata.obs
    assert "mixture_score" in copy.obs
    adata.obs["mine"] = 1
    with pytest.raises(ValueError, match="'mine' that cr.tl.mixture_score did not write"):
        run(adata, key_added="mine")
    mdata = MuData(
        {"rna": AnnData(obs=adata.obs[["label"]]), "stain": AnnData(obs=adata.obs[["image"]], obsm=adata.obsm)}
    )
    run(mdata, "rna:label", "stain:image")
    np.testing.assert_allclose(mdata.obs["mixture_score"], copy.obs["mixture_score"])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"by": "type"}, KeyError, "No 'type' in .obs .*Set groupby"),
        ({"image_key": "well"}, KeyError, "No 'well' in .obs .*Set image_key"),
        ({"labels": ("A", "C")}, KeyError, r"No 'C' in .obs\['label'\] .*Set labels to two of them"),
        ({"labels": ("A", "A")}, ValueError, r"labels must be two different labels of 'label', A and B, got \('A', 'A'\)"),
        ({"labels": ("A",)}, ValueError, "labels must be two"),
        ({"labels": ("A", "unused"), "by": "more"}, KeyError, r"No 'unused' in .obs\['more'\]"),
        ({"labels": "AB"}, ValueError, "labels must be two"),
        ({"labels": ("A", "single"), "by": "rare"}, ValueError, "'single' of groupby='rare' has one cell"),
        ({"by": "mixed"}, ValueError, r"groupby='mixed' must be the same .* not in 1 of 13 images"),
        ({"use_rep": "X_bad"}, ValueError, "NaN or infinite values in 1 of 120 cells"),
        ({"key_added": "a/b"}, ValueError, "key_added must be a name without slashes"),
    ],
)  # fmt: skip
def test_error_leaves_nothing_behind(adata, options, error, match):
    adata.obs["rare"], adata.obs["mixed"] = adata.obs["label"], adata.obs["label"]
    adata.obs["more"] = pd.Categorical(adata.obs["label"]).add_categories("unused")
    adata.obs.iloc[0, adata.obs.columns.get_loc("rare")] = "single"
    adata.obs.iloc[0, adata.obs.columns.get_loc("image")] = "im99"
    adata.obs.iloc[1, adata.obs.columns.get_loc("mixed")] = None
    adata.obsm["X_bad"] = np.where(np.arange(N)[:, None] == 7, np.nan, adata.obsm[REP])
    with pytest.raises(error, match=match):
        run(adata, **options)
    assert not adata.uns
    assert "mixture_score" not in adata.obs
