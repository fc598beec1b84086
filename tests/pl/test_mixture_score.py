import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex
from mudata import MuData

from crepr import pl, tl
from crepr.pl._style import BLUE, VERMILION


@pytest.fixture
def adata(rng):
    """24 images of 10 labels, of which 'A|B' has cells at both ends."""
    image = np.arange(240) % 24
    names = np.array(["A", "B", "A|B", *"cdefghi", *"cdefghi", *"cdefghi"])[image]
    x = rng.normal(size=(240, 3)) * 0.5 + np.where(names == "A", -2, np.where(names == "B", 2, 0))[:, None]
    x[names == "A|B"] *= 6
    obs = pd.DataFrame({"label": names, "image": [f"im{i}" for i in image]}, index=[f"c{i}" for i in range(240)])
    adata = AnnData(obs=obs, obsm={"X_inpainting_conv3": x})
    with pytest.warns(UserWarning, match="one image"):
        tl.mixture_score(adata, "label", image_key="image", labels=("A", "B"))
    return adata


def names(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def points(ax):
    return [line for line in ax.get_lines() if line.get_marker() == "o"]


def test_anchor_rows_and_points(adata):
    left, right = pl.mixture_score(adata).axes
    # those that hold both names come first of the others
    assert names(left) == ["A  (1)", "A|B  (1)", *[f"{name}  (3)" for name in "cdefg"], "B  (1)"]
    table = adata.uns["mixture_score"]["results"].query("label not in ['h', 'i']")
    assert names(right) == table["image"].head(8).tolist()
    assert names(right)[0] == "im2"
    colors = [to_hex(line.get_color()) for line in points(left)]
    assert colors[0] == BLUE.lower()
    assert colors[-1] == VERMILION.lower()
    np.testing.assert_allclose(points(left)[2].get_xdata(), table.loc[table["label"] == "c", "mean"])
    cells = adata.obs.loc[adata.obs["image"] == "im2", "mixture_score"]
    np.testing.assert_allclose(points(right)[0].get_xdata(), cells)
    # violins of the ten cells of each image, none of three images
    assert len(right.collections) == 8
    assert not left.collections
    assert "A|B" in [text.get_text() for text in right.texts]
    assert {"← A", "B →"} <= {text.get_text() for text in left.texts}


def test_anchor_colours_of_other_figures(adata, faults):
    adata.obs["label"] = adata.obs["label"].astype("category")
    categories = list(adata.obs["label"].cat.categories)
    adata.uns["label_colors"] = [f"#0000{place:02x}" for place in range(len(categories))]
    fig = pl.mixture_score(adata)
    shown = [name.split()[0] for name in names(fig.axes[0])]
    colors = [to_hex(line.get_color()) for line in points(fig.axes[0])]
    assert colors == [f"#0000{categories.index(name):02x}" for name in shown]
    assert not faults(fig)


def test_anchor_chosen(adata):
    fig = pl.mixture_score(adata, labels=["i", "A"], n_images=2, figsize=(5, 3))
    left, right = fig.axes
    assert names(left) == ["i  (3)", "A  (1)"]
    assert len(names(right)) == 2
    assert "A|B" not in [text.get_text() for text in right.texts]
    assert fig.get_size_inches().tolist() == [5, 3]
    assert names(pl.mixture_score(adata, labels="A|B").axes[0]) == ["A|B  (1)"]


def test_anchor_images_of_one_cell(adata):
    one = adata[:24].copy()
    one.uns["mixture_score"]["results"] = one.uns["mixture_score"]["results"].assign(n_cells=1, sd=np.nan)
    left, right = pl.mixture_score(one).axes
    assert len(names(left)) == 8
    assert names(right) == []


def test_anchor_images_that_are_gone(adata):
    left, right = pl.mixture_score(adata[adata.obs["image"] != "im2"].copy()).axes
    shown = adata.uns["mixture_score"]["results"].query("label not in ['h', 'i'] and image != 'im2'")
    assert names(right) == shown["image"].head(8).tolist()
    assert "A|B  (1)" in names(left)
    # none is there
    _, right = pl.mixture_score(adata[adata.obs["label"] == "i"].copy()).axes
    assert names(right) == []
    adata.obs["image"] = adata.obs["image"].astype("category")
    assert len(names(pl.mixture_score(adata[adata.obs["label"] == "A|B"]).axes[1])) == 1


@pytest.mark.parametrize("where", ["own", "other"])
@pytest.mark.filterwarnings("ignore:Labels of:UserWarning")
def test_property_columns_of_modalities(adata, where):
    expected = names(pl.mixture_score(adata).axes[1])
    obs = adata.obs[["label", "image"]]
    stain = AnnData(obs=obs, obsm=adata.obsm)
    # 'image' alone is in both modalities
    rna = AnnData(obs=obs.rename(columns={"label": "type"}))
    mdata = MuData({"stain": stain, "rna": rna})
    by, image_key = ("stain:label", "stain:image") if where == "own" else ("rna:type", "image")
    tl.mixture_score(mdata, by, image_key=image_key, labels=("A", "B"))
    holder = mdata["stain"] if where == "own" else mdata
    assert "mixture_score" in holder.obs
    assert names(pl.mixture_score(mdata).axes[1]) == expected
    some = mdata[np.asarray(adata.obs["image"] != "im2")].copy()
    assert "im2" not in names(pl.mixture_score(some).axes[1])
    if where == "own":
        assert names(pl.mixture_score(mdata["stain"]).axes[1]) == expected


def test_error(adata):
    with pytest.raises(KeyError, match="No 'Z' in the labels scored .*Set labels to some of them"):
        pl.mixture_score(adata, labels="Z")
    with pytest.raises(ValueError, match="labels names none"):
        pl.mixture_score(adata, labels=[])
    with pytest.raises(ValueError, match="n_images must be at least 1"):
        pl.mixture_score(adata, n_images=0)
    with pytest.raises(KeyError, match="Run cr.tl.mixture_score first"):
        pl.mixture_score(adata, key_added="mine")
    with pytest.raises(KeyError, match="No 'image' in .obs .*Set image_key of cr.tl.mixture_score to one"):
        pl.mixture_score(AnnData(obs=adata.obs.drop(columns="image"), uns=adata.uns))
    with pytest.raises(KeyError, match="No 'mixture_score' in .obs .*Run cr.tl.mixture_score again"):
        pl.mixture_score(AnnData(obs=adata.obs.drop(columns="mixture_score"), uns=adata.uns))
