import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from crepr import pl


@pytest.fixture
def adata():
    table = pd.DataFrame(
        {
            "group": ["a", "a", "b"],
            "reference": ["b", "c", "c"],
            "dispersion_group": [1.0, 1.0, 4.0],
            "dispersion_reference": [4.0, 3.0, 3.0],
            "omega2": [0.3, 0.2, 0.1],
            "pval_adj": [0.01, 0.02, 0.2],
            "permdisp_pval_adj": [0.03, 0.06, 0.04],
        }
    )
    adata = AnnData(obs=pd.DataFrame(index=["x"]))
    adata.uns["permanova"] = {"params": {"alpha": 0.05}, "results": table}
    return adata


def halves(ax):
    """Colours above and below the diagonal, and what is black."""
    black_below, below, black_above, above = (np.ma.filled(image.get_array(), np.nan) for image in ax.images)
    return above, below, np.fmin(black_above, black_below)


def test_anchor_halves(adata):
    ax = pl.permanova(adata)
    above, below, black = halves(ax)
    nan = np.nan
    np.testing.assert_array_equal(above, [[nan, 0.01, 0.02], [nan, nan, nan], [nan, nan, nan]])
    np.testing.assert_array_equal(below, [[nan, nan, nan], [0.03, nan, nan], [nan, 0.04, nan]])
    np.testing.assert_array_equal(black, [[nan, nan, nan], [nan, nan, 0], [0, nan, nan]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert len(ax.figure.axes) == 2
    assert {image.get_clim() for image in ax.images[1::2]} == {(0, 0.05)}


def test_anchor_effects_and_order(adata):
    ax = pl.permanova(adata, color="effect", groups=["c", "a"])
    above, below, black = halves(ax)
    assert above[0, 1] == 0.2
    assert np.isnan(below).all()
    assert black[1, 0] == 0
    # of what is black alone there is no bar
    assert len(ax.figure.axes) == 2
    ax = pl.permanova(adata, color="effect")
    assert ax.images[1].get_array().max() == 4
    assert len(ax.figure.axes) == 3


def test_anchor_without_dispersion_into_given_axes(adata):
    results = adata.uns["permanova"]["results"]
    adata.uns["permanova"]["results"] = results.drop(columns="permdisp_pval_adj")
    _, ax = plt.subplots()
    assert pl.permanova(adata, ax=ax) is ax
    assert len(ax.images) == 2
    assert ax.get_xlabel() == ""


@pytest.mark.parametrize("color", ["pval_adj", "effect"])
def test_property_few_groups_with_long_names(adata, faults, color):
    long = {"a": "Enterocyte (mid villus)", "b": "Goblet cell", "c": "Stem cell and transit amplifying"}
    results = adata.uns["permanova"]["results"].replace(long)
    adata.uns["permanova"]["results"] = results
    assert not faults(pl.permanova(adata, color=color).figure)
    assert not faults(pl.permanova(adata, color=color, groups=[long["a"], long["c"]]).figure)


def test_error(adata):
    with pytest.raises(ValueError, match="color must be one of 'pval_adj', 'effect', got 'pval'"):
        pl.permanova(adata, color="pval")
    with pytest.raises(KeyError, match="No 'd' in the groups tested"):
        pl.permanova(adata, groups=["a", "d"])
    with pytest.raises(KeyError, match="Run cr.tl.permanova first"):
        pl.permanova(adata, key_added="other")
    adata.uns["permanova"]["results"] = pd.DataFrame({"pval": [0.1]})
    with pytest.raises(ValueError, match="all groups at once. Run cr.tl.permanova with pairwise=True"):
        pl.permanova(adata)
