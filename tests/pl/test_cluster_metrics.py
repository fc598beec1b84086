import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl

TABLE = pd.DataFrame(
    {
        "clustering": ["leiden of stains, fine", "leiden", "one"],
        "n_clusters": [120, 8, 1],
        "n_cells": 1000,
        "silhouette": [0.1, 0.2, np.nan],
        "homogeneity": [0.9, 0.5, 0.0],
        "completeness": [0.5, 0.8, 1.0],
        "ami": [0.6, 0.55, 0.0],
    }
)


@pytest.fixture
def measured():
    return AnnData(uns={"cluster_metrics": {"results": TABLE}})


def test_anchor_rows_rise_in_clusters_and_metrics_have_panels(measured):
    fig = pl.cluster_metrics(measured)
    assert [ax.get_title(loc="left") for ax in fig.axes] == [
        "clusters",
        "silhouette",
        "homogeneity",
        "completeness",
        "AMI",
    ]
    first = fig.axes[0]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["one", "leiden", "leiden of stains, fine"]
    assert [text.get_text() for text in first.texts] == ["1", "8", "120"]
    assert [bar.get_width() for bar in first.patches] == [1, 8, 120]
    np.testing.assert_array_equal(fig.axes[4].lines[0].get_xdata(), [0, 0.55, 0.6])


def test_anchor_metrics_chosen(measured):
    fig = pl.cluster_metrics(measured, metrics=["ami"], figsize=(4, 2))
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["clusters", "AMI"]
    assert fig.get_size_inches().tolist() == [4, 2]


def test_anchor_purity_has_its_spread_and_chance():
    table = TABLE.assign(purity=[0.6, 0.5, 0.3], purity_sd=[0.1, 0.2, 0.0], purity_chance=[0.4, 0.3, 0.3])
    fig = pl.cluster_metrics(AnnData(uns={"cluster_metrics": {"results": table}}), metrics=["ami", "purity"])
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["clusters", "AMI", "purity"]
    chance, values = fig.axes[2].lines
    assert chance.get_xdata().tolist() == [0.3, 0.3, 0.4]
    assert values.get_xdata().tolist() == [0.3, 0.5, 0.6]
    spread = [line[:, 0].tolist() for line in fig.axes[2].collections[0].get_segments()]
    np.testing.assert_allclose(spread, [[0.3, 0.3], [0.3, 0.7], [0.5, 0.7]])


def test_property_nothing_is_clipped_and_settings_stay(measured):
    before = dict(plt.rcParams)
    fig = pl.cluster_metrics(measured)
    fig.canvas.draw()
    for ax in fig.axes:
        box = ax.get_tightbbox()
        assert box.x0 >= -1
        assert box.x1 <= fig.bbox.x1 + 1
    number = fig.axes[0].texts[-1].get_window_extent()
    assert number.x1 < fig.axes[1].get_window_extent().x0
    assert dict(plt.rcParams) == before


def test_error(measured):
    with pytest.raises(KeyError, match=r"No 'ari' in the metrics .*Set metrics"):
        pl.cluster_metrics(measured, metrics=["ari"])
    with pytest.raises(KeyError, match=r"Run cr.tl.cluster_metrics first"):
        pl.cluster_metrics(measured, key_added="other")
