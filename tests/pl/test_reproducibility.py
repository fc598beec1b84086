from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex

from crepr import pl
from crepr.pl._style import BLUE, GREY, VERMILION


@pytest.fixture
def adata():
    table = pd.DataFrame(
        {
            "group": ["A", "DMSO", "B", "C"],
            "reproducibility": [0.8, 0.3, 0.7, 0.9],
            "q05": [0.7, 0.1, 0.6, 0.8],
            "q95": [0.9, 0.5, 0.75, 0.95],
            "baseline": [0.1, 0.2, 0.3, 0.4],
            "distinctness": [5.0, 0, 2, 7],
            "distinctness_debiased": [4.0, 0, 0, np.nan],
            "distinctness_latent": [3.0, 0, 1, 2],
        }
    )
    return AnnData(uns={"reproducibility": {"params": {"control": "DMSO"}, "results": table}})


def points(ax):
    """Colour -> x and y of the full marks."""
    lines = [line for line in ax.get_lines() if line.get_markerfacecolor() != "none"]
    return {to_hex(line.get_color()): list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in lines}


def names(ax):
    return sorted(text.get_text() for text in ax.texts if text.get_text())


def test_anchor_dots_control_and_names(adata):
    ax = pl.reproducibility(adata, n_labels=2)
    assert points(ax) == {
        to_hex(GREY): [(2, 0.7)],
        VERMILION.lower(): [(7, 0.9), (5, 0.8)],
        BLUE.lower(): [(0, 0.3)],
    }
    assert names(ax) == ["A", "C"]
    (lines,) = (each for each in ax.collections if len(each.get_paths()) == 4)
    np.testing.assert_allclose(lines.get_segments()[0], [[5, 0.7], [5, 0.9]])
    (shared,) = [line for line in ax.get_lines() if line.get_markerfacecolor() == "none"]
    assert shared.get_ydata().tolist() == [0.1, 0.2, 0.3, 0.4]
    assert ax.get_xlabel() == "distance from DMSO of mean profiles"
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["group", "group that is named", "DMSO", "mean of all profiles"]


def test_anchor_options(adata):
    _, ax = plt.subplots()
    assert pl.reproducibility(adata, distance="distinctness_latent", groups="B", ax=ax) is ax
    assert names(ax) == ["B"]
    assert points(ax)[VERMILION.lower()] == [(1, 0.7)]
    # one well has no distance without noise
    ax = pl.reproducibility(adata, distance="distinctness_debiased", groups=["B", "A", "B"], figsize=(5, 4))
    assert names(ax) == ["A", "B"]
    assert ax.figure.get_size_inches().tolist() == [5, 4]
    ax = pl.reproducibility(adata, n_labels=0)
    assert not names(ax)
    assert len(points(ax)) == 2


def test_names_do_not_cover_each_other(adata, rng):
    n = 30
    x = np.sort(rng.uniform(0, 10, n))
    table = pd.DataFrame({"group": ["DMSO", *(f"drug {i}" for i in range(1, n))], "reproducibility": 0.4 + x / 20})
    table = table.assign(q05=table["reproducibility"] - 0.1, q95=table["reproducibility"] + 0.1, baseline=0.2)
    adata.uns["reproducibility"]["results"] = table.assign(distinctness=x)
    ax = pl.reproducibility(adata)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert len(boxes) == 10
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.reproducibility first"):
        pl.reproducibility(adata, key_added="other")
    with pytest.raises(KeyError, match="No 'DMSO' in the groups beside control"):
        pl.reproducibility(adata, groups=["DMSO"])
    with pytest.raises(ValueError, match="distance must be one of 'distinctness', "):
        pl.reproducibility(adata, distance="l1")
    with pytest.raises(ValueError, match="n_labels must be at least 0"):
        pl.reproducibility(adata, n_labels=-1)
