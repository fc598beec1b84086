import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_rgba

from crepr import pl
from crepr.pl._style import VERMILION


@pytest.fixture
def adata():
    table = pd.DataFrame(
        {
            "n_neighbors": [10, 10, 20, 20],
            "resolution": [0.5, 1.0, 0.5, 1.0],
            "n_clusters": [3, 6, 5, 8],
            "silhouette": [0.4, 0.1, 0.3, 0.2],
            "stability": [np.nan] * 4,
        }
    )
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    best = table.loc[2].to_dict()
    adata.uns["leiden_optimized"] = {"params": {"min_clusters": 5}, "results": table, "best": best}
    return adata


def test_anchor_panels(adata):
    fig = pl.optimize_leiden(adata)
    # without several seeds or a null there is nothing to show of them
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["mean silhouette", "number of clusters"]
    for ax, values in zip(fig.axes, ([[0.4, 0.1], [0.3, 0.2]], [[3, 6], [5, 8]]), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), values)
        few, best = ax.patches
        assert few.get_xy() == (-0.5, -0.5)
        assert few.get_hatch()
        assert best.get_xy() == (-0.5, 0.5)
        assert best.get_edgecolor() == to_rgba(VERMILION)
    assert [text.get_text() for text in fig.axes[0].texts] == [".40", ".10", ".30", ".20"]
    assert "hatched: under 5 clusters" in fig.axes[-1].get_xlabel()


def test_property_titles_fit_and_numbers_stand_on_their_colour(adata, faults):
    table = adata.uns["leiden_optimized"]["results"]
    table["silhouette_above_null"] = table["silhouette"]
    fig = pl.optimize_leiden(adata)
    assert not faults(fig)
    image, text = fig.axes[0].images[0], fig.axes[0].texts[0]
    assert text.get_bbox_patch().get_facecolor() == tuple(image.to_rgba(0.4))


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.optimize_leiden first"):
        pl.optimize_leiden(adata, key_added="other")
