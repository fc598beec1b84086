import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


def entry(nuisances, spearman, *, chance=True):
    table = pd.DataFrame({"nuisance": nuisances, "spearman": spearman, "r2_linear": spearman, "r2_knn": -0.1})
    return {"results": table.assign(spearman_chance=0.05) if chance else table}


@pytest.fixture
def adata():
    return AnnData(
        uns={
            "invariance": entry(["angle", "area"], [0.9, 0.8]),
            "other": entry(["area", "cell_shape"], [0.1, 0.2], chance=False),
        }
    )


def test_anchor_a_panel_per_measure_and_a_line_per_nuisance(adata):
    fig = pl.invariance(adata)
    assert [ax.get_title(loc="left").split("\n")[0] for ax in fig.axes] == [
        "largest |Spearman|", "R², linear", "R², nearest",
    ]  # fmt: skip
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["angle", "area"]
    values, chance = fig.axes[0].lines
    assert values.get_xdata().tolist() == [0.9, 0.8]
    assert chance.get_xdata().tolist() == [0.05, 0.05]
    # below 0 is drawn at 0
    assert fig.axes[2].lines[0].get_xdata().tolist() == [0, 0]
    assert not fig.legends
    assert fig.axes[0].get_ylim()[0] > fig.axes[0].get_ylim()[1]


def test_anchor_several_with_names(adata):
    fig = pl.invariance(adata, {"invariance": "VAE", "other": "ME-VAE"}, figsize=(5, 3))
    assert fig.get_size_inches().tolist() == [5, 3]
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["angle", "area", "cell shape"]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["VAE", "ME-VAE"]
    first, _, second = fig.axes[0].lines
    np.testing.assert_array_equal(first.get_xdata(), [0.9, 0.8, np.nan])
    np.testing.assert_array_equal(second.get_xdata(), [np.nan, 0.1, 0.2])
    assert first.get_color() != second.get_color()
    # side by side, in the order given
    assert (np.asarray(second.get_ydata()) - np.asarray(first.get_ydata())).tolist() == [1, 1, 1]


def test_property_nothing_is_clipped_and_settings_stay(adata):
    before = dict(plt.rcParams)
    fig = pl.invariance(adata, ["invariance", "other"])
    fig.canvas.draw()
    for ax in fig.axes:
        box = ax.get_tightbbox()
        assert box.x0 >= -1
        assert box.x1 <= fig.bbox.x1 + 1
    assert fig.legends[0].get_window_extent().y1 < fig.axes[0].get_window_extent().y0
    assert dict(plt.rcParams) == before


def test_error(adata):
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.invariance first"):
        pl.invariance(adata, ["invariance", "mine"])
