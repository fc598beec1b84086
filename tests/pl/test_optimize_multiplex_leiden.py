from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.text import Text

from crepr import pl


def entry(layers):
    weights = pd.DataFrame(np.eye(len(layers)) * 0.5 + 0.1, columns=[f"weight_{name}" for name in layers])
    silhouettes = pd.DataFrame(0.2, index=weights.index, columns=[f"silhouette_{name}" for name in layers])
    results = weights.assign(n_clusters=range(5, 5 + len(layers)), silhouette=0.3, quality=0.9).join(silhouettes)
    comparison = results.copy()
    comparison.insert(0, "clustering", [f"row {i}" for i in range(len(layers))])
    params = {"layers": np.array(layers), "min_clusters": 5}
    return {"params": params, "results": results, "comparison": comparison, "best": results.loc[0].to_dict()}


@pytest.mark.parametrize(("layers", "line"), [(["rna", "stain"], "-"), (["rna", "stain", "space"], "None")])
def test_anchor_panels(layers, line):
    adata = AnnData(obs=pd.DataFrame(index=["a"]), uns={"leiden_multiplex_optimized": entry(layers)})
    fig = pl.optimize_multiplex_leiden(adata)
    upper, lower, sizes, *metrics = fig.axes
    assert [ax.get_title(loc="left") for ax in metrics] == ["silhouette", *(f"silhouette {name}" for name in layers)]
    assert [text.get_text() for text in sizes.texts] == [str(5 + i) for i in range(len(layers))]
    assert upper.get_lines()[0].get_linestyle() == line
    assert [drawn.get_label() for drawn in upper.get_lines()[1 : 1 + len(layers)]] == [f"in {name}" for name in layers]
    assert lower.get_xlabel() == "weight of rna"
    assert lower.collections[0].get_offsets()[:, 1].tolist() == list(range(5, 5 + len(layers)))


def test_property_nothing_is_cut_and_titles_stand_apart():
    shown = entry(["rna", "a modality with a long name"])
    shown["results"]["n_clusters"] = 7
    adata = AnnData(obs=pd.DataFrame(index=["a"]), uns={"leiden_multiplex_optimized": shown})
    fig = pl.optimize_multiplex_leiden(adata)
    fig.canvas.draw()
    _, lower, _, *metrics = fig.axes
    assert lower.transData.transform((0, 7))[1] + 3 < lower.get_window_extent().y1
    boxes = [
        text.get_window_extent()
        for ax in metrics
        for text in ax.findobj(Text)
        if text.get_text() == ax.get_title(loc="left")
    ]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_error():
    with pytest.raises(KeyError, match="Run cr.tl.optimize_multiplex_leiden first"):
        pl.optimize_multiplex_leiden(AnnData(obs=pd.DataFrame(index=["a"])))
