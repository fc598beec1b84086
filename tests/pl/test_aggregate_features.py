import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from mudata import MuData

from crepr import pl, tl


@pytest.fixture
def cells(adata, rng):
    """30 cells with crops and eight features in three sets."""
    factors = rng.normal(size=(30, 3))
    factors[:, 0] = np.arange(30)
    x = factors[:, [0, 1, 2, 0, 1, 2, 0, 1]] + 0.1 * rng.normal(size=(30, 8))
    adata.obsm["X_vae"] = pd.DataFrame(x, adata.obs_names, list("abcdefgh"))
    tl.aggregate_features(adata, n_sets=3, n_cells=5)
    return adata


def find(fig, what):
    """The axes of the heat map or of the pictures, which are colours already."""
    return [ax for ax in fig.axes if ax.images and (ax.images[0].get_array().ndim == 3) == (what == "pictures")]


def test_anchor_heat_map_in_the_order_of_the_tree(cells):
    fig = pl.aggregate_features(cells)
    entry = cells.uns["X_aggregated"]
    order = np.argsort(entry["results"]["order"])
    (ax,) = find(fig, "heat map")
    np.testing.assert_allclose(ax.images[0].get_array(), entry["correlation"][np.ix_(order, order)])
    assert [label.get_text() for label in ax.get_xticklabels()] == entry["results"]["feature"].iloc[order].tolist()
    assert ax.get_xlabel() == "8 features of X_vae"
    texts = [text.get_text() for each in fig.axes for text in each.texts]
    assert [text for text in texts if text.startswith("set_")] == ["set_0", "set_1", "set_2"]


def test_anchor_branches_have_the_colours_of_sets(cells):
    fig = pl.aggregate_features(cells)
    lines = [to_hex(line.get_color()) for line in fig.axes[0].get_lines()]
    assert len(lines) == 7
    # two branches join the three sets
    assert sum(color == to_hex("0.35") for color in lines) == 2
    strip = next(ax for ax in fig.axes if len(ax.patches) == 3)
    assert {to_hex(patch.get_facecolor()) for patch in strip.patches} == set(lines) - {to_hex("0.35")}
    assert sum(patch.get_height() + 0.1 for patch in strip.patches) == pytest.approx(8)


def test_anchor_pictures(cells):
    (ax,) = find(pl.aggregate_features(cells, n_cells=3, channels=["DAPI"]), "pictures")
    image = ax.images[0].get_array()
    step = image.shape[0] // 3
    row = cells.uns["X_aggregated"]["results"].set_index("feature").loc["a", "set"]
    row = int(row.removeprefix("set_"))
    nuclei = image[row * step : row * step + 16, :, 0].astype(int)
    # nuclei grow with the first factor: the smallest are at one end, the largest at the other
    small, large = nuclei[:, : 3 * step].sum(), nuclei[:, -3 * step :].sum()
    assert max(small, large) > 2 * min(small, large)
    assert [text.get_text() for text in ax.texts if "scores" in text.get_text()] == ["lowest scores", "highest scores"]


def test_property_modalities_and_no_pictures(cells):
    rna = cells.copy()
    stain = cells.copy()
    del rna.obsm["crops"]
    del stain.uns["X_aggregated"]
    assert len(find(pl.aggregate_features(MuData({"rna": rna, "stain": stain})), "pictures")) == 1
    assert not find(pl.aggregate_features(rna), "pictures")
    assert not find(pl.aggregate_features(cells, n_cells=0), "pictures")
    # cells that were removed since have no picture
    assert find(pl.aggregate_features(cells[:20].copy()), "pictures")
    assert pl.aggregate_features(cells, height=6).get_figheight() > 6


def test_error(cells):
    with pytest.raises(ValueError, match="n_cells must be at least 0"):
        pl.aggregate_features(cells, n_cells=-1)
    with pytest.raises(ValueError, match="height must be a finite number above 0"):
        pl.aggregate_features(cells, height=0)
    with pytest.raises(KeyError, match="Run cr.tl.aggregate_features first"):
        pl.aggregate_features(cells, key_added="mine")
