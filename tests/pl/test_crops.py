from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.testing.compare import compare_images

from crepr import get, pl

BASELINE = Path(__file__).parent / "baseline"
SIDE, STEP = 16, 17  # pixels of a crop, and from one to the next


def picture(fig, row, column, panel=0):
    image = fig.axes[panel].get_images()[0].get_array()
    return image[row * STEP : row * STEP + SIDE, column * STEP : column * STEP + SIDE]


def rows_of(fig, panel=0):
    return [label.get_text() for label in fig.axes[panel].get_yticklabels()]


def footer_of(fig):
    return [text.get_text() for text in fig.axes[-1].texts]


def test_anchor_a_row_per_group(adata):
    fig = pl.crops(adata, groupby="kind", n=4)
    panel, footer = fig.axes
    assert rows_of(fig) == ["small", "middle", "large"]
    assert panel.get_images()[0].get_array().shape == (3 * STEP - 1, 4 * STEP - 1, 4)
    # 8 micrometres across, half of it at most
    assert footer_of(fig) == ["2 µm", "DAPI", "membrane"]
    assert [to_hex(patch.get_facecolor()) for patch in footer.patches] == ["#3b6fff", "#ffb000"]


def test_anchor_bar_is_as_long_as_it_says(adata):
    fig = pl.crops(adata, groupby="kind", n=4)
    panel, footer = fig.axes
    (bar,) = footer.get_lines()
    inches = np.ptp(bar.get_xdata())
    pixels = inches / (panel.get_position().width * fig.get_figwidth()) * (4 * STEP - 1)
    assert pixels == pytest.approx(2 / 0.5)


def test_anchor_pictures_are_the_cells(adata):
    fig = pl.crops(adata, cells=["cell29", "cell0"], channels=["DAPI"], scale_bar=False)
    expected = get.crops(adata, ["cell29", "cell0"], channels=["DAPI"])[:, 0] * 255
    for column in (0, 1):
        np.testing.assert_array_equal(picture(fig, 0, column)[..., 0], expected[column])
    # a single channel is grey, gaps are transparent
    image = fig.axes[0].get_images()[0].get_array()
    np.testing.assert_array_equal(image[..., 0], image[..., 2])
    assert (image[:, SIDE:STEP, 3] == 0).all()
    assert footer_of(fig) == ["DAPI"]


def test_anchor_colours_of_groups_stand_beside_their_rows(adata, mdata):
    assert not pl.crops(adata, groupby="kind").axes[0].patches
    for groupby in ("rna:kind", "kind"):
        fig = pl.crops(mdata, groupby=groupby)
        assert rows_of(fig) == ["small", "middle", "large"]
        assert [to_hex(patch.get_facecolor()) for patch in fig.axes[0].patches] == mdata["rna"].uns["kind_colors"]


def test_anchor_without_known_pixel_size_the_bar_is_in_pixels(adata):
    adata.uns["crops"]["images"]["pixel_size"] = np.nan
    assert footer_of(pl.crops(adata, n=3))[0] == "5 px"


def test_anchor_many_groups_take_several_columns(adata):
    adata.obs["many"] = [f"group {i:02}" for i in range(30)]
    fig = pl.crops(adata, groupby="many", n=2)
    assert len(fig.axes) == 3
    assert rows_of(fig, 0) + rows_of(fig, 1) == adata.obs["many"].tolist()
    wide = pl.crops(adata, groupby="many", n=2, ncols=3)
    assert [len(rows_of(wide, panel)) for panel in range(3)] == [10, 10, 10]


@pytest.mark.parametrize("groups", [3, 30])
@pytest.mark.parametrize("figsize", [None, (9, 7)])
def test_property_texts_do_not_overlap(adata, groups, figsize):
    adata.obs["g"] = [f"a group of cells, number {i % groups:02}" for i in range(30)]
    fig = pl.crops(adata, groupby="g", n=3, figsize=figsize)
    fig.canvas.draw()
    inside = fig.bbox.padded(1)
    boxes = [label.get_window_extent() for ax in fig.axes[:-1] for label in ax.get_yticklabels()]
    boxes += [text.get_window_extent() for text in fig.axes[-1].texts]
    boxes += [ax.get_images()[0].get_window_extent() for ax in fig.axes[:-1]]
    assert not any(a.padded(-1).overlaps(b.padded(-1)) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1) for box in boxes)


def test_property_draws_depend_on_the_seed_alone(adata):
    first, again, other = (pl.crops(adata, n=5, rng=rng).axes[0].get_images()[0].get_array() for rng in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_property_settings_of_matplotlib_stay(adata):
    before = dict(plt.rcParams)
    pl.crops(adata, groupby="kind")
    assert dict(plt.rcParams) == before


def test_reference_picture(adata, tmp_path):
    adata.uns["kind_colors"] = ["#e41a1c", "#377eb8", "#4daf4a"]
    path = tmp_path / "crops.png"
    pl.crops(adata, groupby="kind", n=5).savefig(path, dpi=60)
    # to renew the picture, look at the new one and copy it there
    assert compare_images(str(BASELINE / "crops.png"), str(path), tol=25) is None


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "type"}, KeyError, "No 'type' in .obs"),
        ({"n": 0}, ValueError, "n must be at least 1"),
        ({"cells": []}, ValueError, "cells holds no cell"),
        ({"cells": ["cell99"]}, KeyError, "'cell99'"),
        ({"channels": ["actin"]}, ValueError, "actin"),
        ({"colors": {"actin": "red"}}, KeyError, "No 'actin' in the channels shown"),
        ({"figsize": (0.2, 0.2), "groupby": "kind"}, ValueError, "leaves no room"),
        ({"mod": "stain"}, ValueError, "needs a MuData"),
        ({"ncols": 0}, ValueError, "ncols must be at least 1"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        pl.crops(adata, **options)


def test_error_nothing_registered(adata):
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match=r"No 'crops' in data.obsm .*Run cr.pp.crops first"):
        pl.crops(adata)
