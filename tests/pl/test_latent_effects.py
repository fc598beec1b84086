import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


def long(name, rows, values):
    """A table as `tl.latent_effects` writes it; values are columns of two latents and two components."""
    parts = []
    for k, column in enumerate(np.asarray(values, dtype=float)):
        space = ["latent", "pca"][k // 2]
        walk = f"{'latent' if k < 2 else 'component'} {k % 2}"
        parts.append(pd.DataFrame({"space": space, "walk": walk, name: rows, "difference": column}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def adata():
    results = long("feature", list("abcd"), [[1, -1, 0.9, 0], [0, 0, 0, 0.1], [2, -2, 2, 0], [0, 0, 0, -3]])
    groups = long("group", ["Cells", "Nuclei"], [[1, 0.5], [0, 0], [2, 1], [1, 3]])
    return AnnData(uns={"latent_effects": {"results": results, "groups": groups, "params": {"span": 3.0}}})


def labels(ax, axis):
    return [label.get_text() for label in getattr(ax, f"get_{axis}ticklabels")()]


def test_anchor_groups_by_default(adata):
    fig = pl.latent_effects(adata)
    latents, components, bar = fig.axes
    assert [ax.get_title(loc="left") for ax in (latents, components)] == ["latents", "principal components"]
    assert labels(latents, "y") == ["Cells", "Nuclei"]
    assert labels(components, "y") == []
    np.testing.assert_array_equal(latents.images[0].get_array(), [[1, 0], [0.5, 0]])
    np.testing.assert_array_equal(components.images[0].get_array(), [[2, 1], [1, 3]])
    # the same colours in both, from no difference on
    assert [image.get_clim() for ax in (latents, components) for image in ax.images] == [(0, 3), (0, 3)]
    assert bar.get_ylabel() == "mean |difference|\nof +3 and \N{MINUS SIGN}3 SD"


def test_anchor_features_alike_side_by_side(adata):
    fig = pl.latent_effects(adata, table="results", spaces="latent")
    ax = fig.axes[0]
    rows = "".join(labels(ax, "y"))
    assert "ac" in rows or "ca" in rows
    shown = pd.DataFrame(ax.images[0].get_array(), labels(ax, "y"), labels(ax, "x"))
    assert shown.loc["b", "0"] == -1
    assert ax.images[0].get_clim() == (-1, 1)
    few = pl.latent_effects(adata, table="results", n_features=2).axes[0]
    assert set(labels(few, "y")) < set("abcd")
    assert "d" in labels(few, "y")  # of the second component


def test_anchor_relative(adata):
    fig = pl.latent_effects(adata, relative=True)
    np.testing.assert_array_equal(fig.axes[0].images[0].get_array(), [[1, 0], [0, 0]])
    np.testing.assert_array_equal(fig.axes[1].images[0].get_array(), [[1, 0], [0, 1]])
    assert fig.axes[2].get_ylabel().endswith("SD, by column")
    fig = pl.latent_effects(adata, relative=True, table="results", figsize=(4, 3))
    assert np.abs(fig.axes[0].images[0].get_array()).max(axis=0).tolist() == [1, 1]
    assert fig.get_size_inches().tolist() == [4, 3]


def test_features_where_they_are_not_grouped(adata):
    del adata.uns["latent_effects"]["groups"]
    assert len(labels(pl.latent_effects(adata).axes[0], "y")) == 4


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"key_added": "mine"}, KeyError, "Run cr.tl.latent_effects first"),
        ({"spaces": ["input"]}, ValueError, "spaces must be one of 'latent', 'pca', got 'input'"),
        ({"spaces": []}, ValueError, "spaces must be one of 'latent', 'pca', got ''"),
        ({"table": "features"}, ValueError, "table must be one of 'results', 'groups'"),
        ({"n_features": 0}, ValueError, "n_features must be at least 1"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        pl.latent_effects(adata, **options)
