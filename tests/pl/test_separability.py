import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex

from crepr import pl, tl


@pytest.fixture
def adata(rng):
    obs = pd.DataFrame({"kind": pd.Categorical(np.repeat(["a", "b", "c"], 20))}, index=[f"c{i}" for i in range(60)])
    x = rng.normal(size=(60, 5)) + np.repeat([0, 1, 2], 20)[:, None] * np.arange(5)
    adata = AnnData(obs=obs, obsm={"X_vae": pd.DataFrame(x, obs.index, list("vwxyz"))})
    adata.uns["kind_colors"] = ["#e41a1c", "#377eb8", "#4daf4a"]
    tl.separability(adata, "kind")
    return adata


def titles(fig):
    return [ax.get_title(loc="left") for ax in fig.axes]


def test_anchor_panels_curves_and_numbers(adata):
    fig = pl.separability(adata, n_features=4)
    assert titles(fig) == ["z", "y", "x", "w"]
    entry = adata.uns["separability"]
    areas, lines = fig.axes[0].collections, fig.axes[0].get_lines()
    assert [to_hex(area.get_facecolor()[0]) for area in areas] == adata.uns["kind_colors"]
    heights, expected = np.array([line.get_ydata() for line in lines]), entry["densities"]["values"][4]
    shares = (heights - [[2], [1], [0]]) / 1.7
    np.testing.assert_allclose(shares, expected / expected.max(1, keepdims=True), atol=1e-6)
    row = entry["features"].iloc[4]
    (text,) = [text.get_text() for text in fig.axes[0].texts]
    assert (
        text == f"F = {row['statistic']:.3g},  mean |g| = {row['hedges_g_mean']:.2f},  mean p = {row['pval_mean']:.2g}"
    )
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["a", "b", "c"]


def test_anchor_chosen(adata):
    fig = pl.separability(adata, ["v", "y"], groups=["c", "a"], ncols=1)
    assert titles(fig) == ["v", "y"]
    assert [line.get_label() for line in fig.axes[1].get_lines()] == ["c", "a"]
    del adata.uns["kind_colors"]
    assert titles(pl.separability(adata, "w")) == ["w"]


def test_anchor_constant(adata):
    adata.obsm["X_vae"]["v"] = 1.0
    with pytest.warns(UserWarning, match="constant"):
        tl.separability(adata, "kind")
    assert [text.get_text() for text in pl.separability(adata, "v").axes[0].texts] == ["constant"]


def test_error(adata):
    with pytest.raises(KeyError, match="No 'q' in the features tested .*Set features to some of them"):
        pl.separability(adata, "q")
    with pytest.raises(KeyError, match="No 'd' in the groups tested"):
        pl.separability(adata, groups="d")
    with pytest.raises(ValueError, match="features names none"):
        pl.separability(adata, [])
    with pytest.raises(ValueError, match="ncols must be at least 1"):
        pl.separability(adata, ncols=0)
    with pytest.raises(KeyError, match="Run cr.tl.separability first"):
        pl.separability(adata, key_added="mine")
