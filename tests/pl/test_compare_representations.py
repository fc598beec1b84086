import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl

COLUMNS = ["representation", "analysis", "measure", "label", "gene", "value", "sd", "chance"]


def rows(name, shift):
    nan = float("nan")
    genes = [(name, "ridge_genes", "r2", "", f"g{i}", 0.1 * i + shift, 0.01, nan) for i in range(5)]
    return [
        (name, "cluster_metrics", "n_clusters", "", "", 7, nan, nan),
        (name, "cluster_metrics", "ami", "", "", 0.4 + shift, nan, nan),
        (name, "permanova", "pairs", "", "", 3, nan, nan),
        (name, "permanova", "pairs_in_place", "", "", 2, nan, nan),
        (name, "classify", "auc", "", "", 0.7, 0.1, 0.5),
        (name, "classify", "auc", "T/NK", "", 0.8 - shift, 0.1, 0.5),
        (name, "classify", "auc", "B", "", 0.9, 0.1, 0.5),
        (name, "ridge_genes", "genes_told", "", "", 4, nan, nan),
        *genes,
    ]


@pytest.fixture
def adata():
    table = pd.DataFrame([*rows("looks", 0.0), *rows("genes", 0.1)], columns=COLUMNS)
    return AnnData(uns={"compare_representations": {"results": table}})


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_anchor_panels_and_maps(adata):
    fig = pl.compare_representations(adata, measure="auc", n_genes=3)
    fig.canvas.draw()
    panels = [ax for ax in fig.axes if ax.get_title(loc="left")]
    assert [ax.get_title(loc="left") for ax in panels] == [
        "clusters", "AMI with labels", "pairs apart", "AUC", "genes with\nR² ≥ 0.1",
    ]  # fmt: skip
    assert ticks(panels[0].yaxis) == ["looks", "genes"]
    labels, genes = (ax for ax in fig.axes if ax.images)
    assert ticks(labels.yaxis) == ["T/NK", "B"]
    assert ticks(labels.xaxis) == ["looks", "genes"]
    # those of largest R2 in any
    assert ticks(genes.yaxis) == ["g4", "g3", "g2"]
    np.testing.assert_allclose(genes.images[0].get_array(), [[0.4, 0.5], [0.3, 0.4], [0.2, 0.3]])
    assert labels.images[0].get_clim() == (0.5, 1)


@pytest.mark.parametrize("analysis", ["cluster_metrics", "permanova", "classify", "ridge_genes"])
def test_anchor_one_analysis(adata, analysis):
    entry = adata.uns["compare_representations"]
    entry["results"] = entry["results"].query("analysis == @analysis and representation == 'looks'")
    fig = pl.compare_representations(adata, measure="auc")
    fig.canvas.draw()
    assert sum(bool(ax.images) for ax in fig.axes) == (analysis in ("classify", "ridge_genes"))


def test_error(adata):
    with pytest.raises(ValueError, match="measure must be one of"):
        pl.compare_representations(adata, measure="f1")
    with pytest.raises(ValueError, match="n_genes must be at least 1"):
        pl.compare_representations(adata, n_genes=0)
    with pytest.raises(KeyError, match="Run cr.tl.compare_representations first"):
        pl.compare_representations(adata, key_added="other")
