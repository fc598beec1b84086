import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


@pytest.fixture
def adata():
    table = pd.DataFrame({
        "layer": ["conv1", "conv2", "conv3"], "n_features": [8, 16, 16], "balanced_accuracy": [0.4, 0.8, 0.7],
        "chance": [0.24, 0.25, 0.26], "chance_sd": [0.01, 0.02, 0.01], "z": [-0.5, -1.0, -2.0],
        "relative": [-0.1, -0.2, -0.3], "best": [False, True, False],
    })  # fmt: skip
    return AnnData(uns={"choose_layer": {"results": table}})


def drop(adata, *columns):
    adata.uns["choose_layer"]["results"] = adata.uns["choose_layer"]["results"].drop(columns=list(columns))


def test_anchor_points_chance_and_best(adata):
    fig = pl.choose_layer(adata)
    top, low = fig.axes
    line, others, best, chance = top.get_lines()
    np.testing.assert_allclose(line.get_ydata(), [0.4, 0.8, 0.7])
    assert others.get_xdata().tolist() == [0, 2]
    assert best.get_xydata().tolist() == [[1, 0.8]]
    np.testing.assert_allclose(chance.get_ydata(), [0.24, 0.24, 0.25, 0.26, 0.26])
    (band,) = top.collections
    assert band.get_paths()[0].get_extents().intervaly == pytest.approx([0.21, 0.29])
    assert [text.get_text() for text in top.texts] == ["0.80", "chance"]
    np.testing.assert_allclose(low.get_lines()[0].get_ydata(), [-0.1, -0.2, -0.3])
    assert [text.get_text() for text in low.texts] == ["\N{MINUS SIGN}0.20"]
    assert [text.get_text() for text in low.get_xticklabels()] == ["conv1", "conv2", "conv3"]


def test_anchor_without_images_and_chance(adata):
    drop(adata, "z", "relative", "chance", "chance_sd")
    fig = pl.choose_layer(adata, figsize=(3, 2))
    (ax,) = fig.axes
    assert not ax.collections
    assert fig.get_size_inches().tolist() == [3, 2]


def test_property_nothing_is_cut(adata, faults):
    assert not faults(pl.choose_layer(adata))


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.choose_layer first, or set key_added"):
        pl.choose_layer(adata, key_added="mine")
