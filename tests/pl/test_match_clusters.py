import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from crepr import pl, tl


@pytest.fixture
def matched():
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(6), 20)
    obs = pd.DataFrame(
        {
            "kind": np.array(["Smooth Muscle", "Enterocyte (Bottom Villus)", "T", "B", "ICC", "Tuft"])[kind],
            "coarse": [f"c{i}" for i in kind // 2],
            "exact": kind,
            "random": rng.integers(0, 30, 120),
        },
        index=[f"cell{i}" for i in range(120)],
    )
    adata = ad.AnnData(obs=obs)
    tl.match_clusters(adata, ["coarse", "exact", "random"], "kind")
    return adata


def texts(ax):
    return {tuple(round(v) for v in text.get_position()): text.get_text() for text in ax.texts}


def test_anchor_matches_carry_the_name_and_colour_of_their_cluster(matched):
    ax = pl.match_clusters(matched, cluster_keys=["exact", "coarse"])
    table = matched.uns["match_clusters"]["results"]
    labels = list(dict.fromkeys(table["label"]))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == labels
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["exact (6)", "coarse (3)"]
    shown = table[table["matched"] & (table["clustering"] != "random")]
    expected = {(int(row.clustering == "coarse"), labels.index(row.label)): row.cluster for row in shown.itertuples()}
    assert texts(ax) == expected
    assert len(expected) == 9
    filled = [patch for patch in ax.patches if patch.get_fill() and not patch.get_hatch()]
    cmap = plt.get_cmap("cividis")
    assert sum(same_color(patch.get_facecolor(), cmap(1.0)) for patch in filled) == 6
    assert sum(same_color(patch.get_facecolor(), cmap(0.5)) for patch in filled) == 3
    assert [patch.get_width() for patch in ax.patches if patch.get_hatch()] == [2]  # beneath all


@pytest.mark.parametrize("keys", [None, ["coarse"]])
def test_property_nothing_overlaps_or_is_clipped(matched, keys):
    figure = pl.match_clusters(matched, cluster_keys=keys).figure
    figure.canvas.draw()
    whole = figure.bbox
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= whole.x1 + 1
        assert box.y1 <= whole.y1 + 1
    ax = figure.axes[0]
    width = abs(ax.transData.transform((1, 0))[0] - ax.transData.transform((0, 0))[0])
    assert all(text.get_window_extent().width < width for text in ax.texts)


def test_property_axes_given_and_settings_of_matplotlib_stay(matched):
    before, (_, ax) = dict(plt.rcParams), plt.subplots()
    assert pl.match_clusters(matched, ax=ax) is ax
    assert dict(plt.rcParams) == before


def test_anchor_no_match_at_all(matched):
    tl.match_clusters(matched, "random", "kind", min_jaccard=0.9)
    ax = pl.match_clusters(matched)
    assert not ax.texts


def test_error(matched):
    with pytest.raises(KeyError, match=r"No 'leiden' in the clusterings matched .*Set cluster_keys"):
        pl.match_clusters(matched, cluster_keys=["leiden"])
    with pytest.raises(KeyError, match=r"Run cr.tl.match_clusters first"):
        pl.match_clusters(matched, key_added="other")
