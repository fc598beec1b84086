import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl, tl


@pytest.fixture
def adata():
    """Means and spreads of genes, of which the last ones are the highest."""
    x = np.random.default_rng(0).normal(np.arange(12), 1, (30, 12)).astype(np.float32)
    adata = AnnData(x, var=pd.DataFrame(index=[f"gene{i}" for i in range(12)]))
    subsets = {
        "highest": ["gene10", "gene11"],
        "a subset of a long name": ["gene1", "gene2", "gene3"],
        "all": adata.var_names,
    }

    def measure(part):
        return {"mean": float(part.X.mean()), "spread over cells": float(part.X.std())}

    tl.compare_gene_subsets(adata, measure, subsets, n_draws=15, progress=False)
    return adata


def lines(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def test_anchor_rows_panels_and_marks(adata):
    fig = pl.compare_gene_subsets(adata)
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["mean", "spread over cells"]
    first = fig.axes[0]
    assert [tick.get_text() for tick in first.get_yticklabels()] == [
        "highest\n2 genes",
        "a subset of a long name\n3 genes",
        "all\n12 genes",
    ]
    entry = adata.uns["compare_gene_subsets"]
    summary, results = entry["summary"], entry["results"]
    mean = summary[summary["measure"] == "mean"]
    np.testing.assert_allclose([line.get_xdata()[0] for line in lines(first, "D")], mean["value"])
    draws = results[results["draw"].notna()]
    for line, size in zip(lines(first, "o"), (2, 3, 12), strict=True):
        np.testing.assert_allclose(line.get_xdata(), np.sort(draws.loc[draws["n_genes"] == size, "mean"]))
    bars = [line for line in first.lines if len(line.get_xdata()) == 2 and line.get_marker() == "None"]
    np.testing.assert_allclose([line.get_xdata()[0] for line in bars], mean["random_mean"][:2])
    # nothing reaches all genes, of which there are no draws
    assert [text.get_text() for text in first.texts] == [f"{share:.1%}" for share in mean["reached"][:2]] + [
        "reached by"
    ]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["random genes", "their mean", "subset"]


def test_anchor_measures_chosen(adata):
    fig = pl.compare_gene_subsets(adata, measures=["spread over cells"], figsize=(4, 2))
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["spread over cells"]
    assert fig.get_size_inches().tolist() == [4, 2]


def test_property_nothing_is_clipped_and_settings_stay(adata):
    before = dict(plt.rcParams)
    fig = pl.compare_gene_subsets(adata)
    fig.canvas.draw()
    left, right = fig.axes
    for ax in fig.axes:
        box = ax.get_tightbbox()
        assert box.x0 >= -1
        assert box.x1 <= fig.bbox.x1 + 1
        assert box.y1 <= fig.bbox.y1 + 1
    assert max(text.get_window_extent().x1 for text in left.texts) < right.get_window_extent().x0
    assert fig.legends[0].get_window_extent().y1 < left.get_tightbbox().y0 + 1
    assert dict(plt.rcParams) == before


def test_error(adata):
    with pytest.raises(KeyError, match=r"No 'ari' in the measures .*Set measures"):
        pl.compare_gene_subsets(adata, measures=["ari"])
    with pytest.raises(KeyError, match=r"Run cr.tl.compare_gene_subsets first"):
        pl.compare_gene_subsets(adata, key_added="other")
