import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex

from crepr import pl


@pytest.fixture
def adata(rng):
    kinds = np.repeat(["real", "reconstructed", "simulated"], [1200, 5, 8])
    places = pd.DataFrame({"kind": kinds, "name": "a", "x": rng.normal(size=1213), "y": rng.normal(size=1213)})
    results = pd.DataFrame({"kind": ["reconstructed", "simulated"], "hausdorff": [0.5, 1.25]})
    return AnnData(uns={"compare_simulation": {"results": results, "map": places}})


def test_anchor_a_panel_per_kind_over_the_real(adata):
    fig = pl.simulation(adata, point_size=3, figsize=(5, 2))
    places = adata.uns["compare_simulation"]["map"]
    for ax, kind, n, color in zip(
        fig.axes, ["reconstructed", "simulated"], [5, 8], ["#0072b2", "#d55e00"], strict=True
    ):
        real, shown = ax.collections
        assert (len(real.get_offsets()), len(shown.get_offsets())) == (1200, n)
        np.testing.assert_allclose(shown.get_offsets(), places.loc[places["kind"] == kind, ["x", "y"]])
        assert to_hex(shown.get_facecolor()[0]) == color
        assert shown.get_sizes().tolist() == [3]
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["Hausdorff distance 0.5", "Hausdorff distance 1.25"]
    texts = [text.get_text() for text in fig.legends[0].get_texts()]
    assert texts == ["real (1,200)", "reconstructed (5)", "simulated (8)"]
    assert fig.get_size_inches().tolist() == [5, 2]


def test_error(adata):
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.compare_simulation first"):
        pl.simulation(adata, key_added="mine")
    with pytest.raises(ValueError, match="point_size must be a finite number above 0"):
        pl.simulation(adata, point_size=0)
