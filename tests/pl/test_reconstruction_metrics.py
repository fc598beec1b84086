import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex

from crepr import pl

METRICS = ["mse", "r2", "wasserstein_feature", "wasserstein_profile"]


def entry(model="beta_vae", n_components=10, kinds=("real", "shuffled")):
    rows = [
        (kind, name, metric, 5, place + 0.1, place, place + 0.3)
        for place, kind in enumerate(kinds)
        for name in (model, "pca")
        for metric in METRICS
    ]
    columns = ["profiles", "model", "metric", "n", "mean", "q05", "q95"]
    return {"results": pd.DataFrame(rows, columns=columns), "params": {"model": model, "n_components": n_components}}


@pytest.fixture
def adata():
    return AnnData(
        uns={"reconstruction_metrics": entry(), "mmd": entry("mmd_vae"), "wide": entry("vae", 20, ("real",))}
    )


def test_anchor_a_dot_per_model_and_kind(adata):
    fig = pl.reconstruction_metrics(adata)
    assert [ax.get_title(loc="left") for ax in fig.axes][:2] == ["squared error", "R² of features"]
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["beta vae", "PCA, 10 components"]
    dots = [(line.get_xdata()[0], line.get_ydata()[0], to_hex(line.get_color())) for line in ax.get_lines()]
    blue, grey = "#0072b2", to_hex("0.35")
    np.testing.assert_allclose([dot[:2] for dot in dots], [(0.1, -0.13), (1.1, 0.13), (0.1, 0.87), (1.1, 1.13)])
    assert [dot[2] for dot in dots] == [blue, grey, blue, grey]
    spreads = [each.get_segments()[0][:, 0].tolist() for each in ax.collections]
    assert spreads == [[0, 0.3], [1, 1.3]] * 2
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["real profiles", "shuffled profiles"]


def test_anchor_several_models(adata):
    names = {"reconstruction_metrics": "β-VAE", "mmd": "MMD-VAE", "wide": "VAE"}
    fig = pl.reconstruction_metrics(adata, key_added=names, figsize=(6, 3))
    rows = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert rows == ["β-VAE", "MMD-VAE", "VAE", "PCA, 10 components", "PCA, 20 components"]
    assert fig.get_size_inches().tolist() == [6, 3]
    # without shuffled ones in the middle of its row
    assert 2.0 in [line.get_ydata()[0] for line in fig.axes[0].get_lines()]


def test_error(adata):
    with pytest.raises(KeyError, match="No 'mine' in .uns .*Run cr.tl.reconstruction_metrics first"):
        pl.reconstruction_metrics(adata, key_added="mine")
