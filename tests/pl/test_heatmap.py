import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize

from crepr.pl._heatmap import heatmap, heatmap_bar, heatmap_size


def test_anchor_numbers_names_and_bar():
    table = pd.DataFrame([[0.9, 0.1], [np.nan, 1.0]], ["a", "b"], ["x", 3])
    fig, ax = plt.subplots(layout="constrained")
    heatmap_bar(ax, heatmap(ax, table, norm=Normalize(0, 1), cmap="viridis"), "share")
    assert [text.get_text() for text in ax.texts] == [".90", ".10", "1.00"]
    # dark letters on what is bright
    assert [text.get_color() for text in ax.texts] == ["k", "w", "k"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x", "3"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.images[0].get_array().mask.tolist() == [[False, False], [True, False]]
    assert fig.axes[1].get_ylabel() == "share"
    fig.canvas.draw()


def test_anchor_only_a_leading_zero_is_left_out():
    _, ax = plt.subplots()
    table = pd.DataFrame([[-10.25, -0.25, 20.0, 0.5, -0.001]])
    heatmap(ax, table, norm=Normalize(-11, 20), cmap="viridis")
    assert [text.get_text() for text in ax.texts] == ["\N{MINUS SIGN}10.25", "\N{MINUS SIGN}.25", "20.00", ".50", ".00"]


def test_property_larger_tables_and_names_take_more_space():
    small, wide = pd.DataFrame([[1.0]], ["a"], ["x"]), pd.DataFrame([[1.0] * 3], ["a long name"], list("xyz"))
    assert heatmap_size(wide, "share")[0] > heatmap_size(small, "share")[0]
    assert heatmap_size(wide.T, "share")[1] > heatmap_size(small, "share")[1]
