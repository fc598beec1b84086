import numpy as np
import pytest
from matplotlib.colors import to_hex
from mudata import MuData

from crepr import get, pl, tl

SIZE = 16


@pytest.fixture
def cells(adata):
    """30 cells in six groups of five, whose nuclei grow from cell to cell and so from group to group."""
    adata.obsm["X_vae"] = np.column_stack([np.arange(30.0), np.zeros(30)])
    adata.obs["well"] = np.repeat(list("fabced"), 5)
    adata.obs["row"] = np.repeat(["low", "high"], 15)
    tl.dendrogram(adata, "well", standardize=False, n_cells=4)
    return adata


def pictures_of(fig):
    """Pictures in rows and columns, each `(y, x, 4)`, without the gaps between them."""
    image = fig.axes[1].images[0].get_array()
    step = SIZE + 1
    rows = [image[y : y + SIZE] for y in range(0, image.shape[0], step)]
    return [[row[:, x : x + SIZE] for x in range(0, row.shape[1], step)] for row in rows]


def light(picture):
    return int(picture[..., :3].astype(int).sum())


def strip_of(fig):
    return next(ax.images[0].get_array() for ax in fig.axes if ax.images and ax.images[0].get_array().shape[1] == 1)


def test_anchor_groups_in_the_order_of_the_tree_the_nearest_first(cells):
    fig = pl.dendrogram_crops(cells, channels=["DAPI"])
    leaves = get.dendrogram(cells)["leaf"].tolist()
    assert [label.get_text() for label in fig.axes[1].get_yticklabels()] == leaves
    # nuclei grow along the tree, whichever of its ends is on top
    pictures = pictures_of(fig)
    assert [len(row) for row in pictures] == [4] * 6
    sums = [light(row[0]) for row in pictures]
    assert sums in (sorted(sums), sorted(sums, reverse=True))
    recorded = get.dendrogram(cells, table="cells")
    crops = get.crops(cells, recorded[recorded["leaf"] == leaves[2]]["cell"].to_numpy(), channels=["DAPI"])
    for picture, crop in zip(pictures[2], crops[:, 0], strict=True):
        np.testing.assert_array_equal(picture[..., 0], np.rint(crop * 255))
    # lines of the tree end where the pictures of a leaf have their middle
    tree, mosaic = fig.axes[:2]
    ends = {round(tree.transData.transform((0, i))[1]) for i in range(6)}
    assert ends == {round(mosaic.transData.transform((0, i + 0.5))[1]) for i in range(6)}
    assert tree.get_xlabel() == "distance"


def test_anchor_colours_of_a_strip_and_of_branches(cells):
    cells.uns["row_colors"] = ["#377eb8", "#e41a1c"]  # of high and low
    fig = pl.dendrogram_crops(cells, color="row", n_cells=2)
    first = get.dendrogram(cells)["leaf"].tolist()[0] == "f"
    expected = ["#e41a1c"] * 3 + ["#377eb8"] * 3
    assert [to_hex(color[0] / 255) for color in strip_of(fig)] == (expected if first else expected[::-1])
    lines = [to_hex(line.get_color()) for line in fig.axes[0].get_lines()]
    assert sorted(lines) == sorted(["#e41a1c"] * 2 + ["#377eb8"] * 2 + [to_hex("0.35")])
    assert {"row", "low", "high", "DAPI", "membrane"} <= {text.get_text() for ax in fig.axes for text in ax.texts}
    plain = pl.dendrogram_crops(cells)
    assert {to_hex(line.get_color()) for line in plain.axes[0].get_lines()} == {to_hex("0.35")}


def test_anchor_single_cells_in_rows(cells):
    tl.dendrogram(cells, cells=np.arange(10), standardize=False, metric="euclidean", key_added="few")
    fig = pl.dendrogram_crops(cells, key_added="few", color="row", channels=["DAPI"], n_cells=4)
    pictures = pictures_of(fig)
    assert [len(row) for row in pictures] == [4] * 3
    flat = [picture for row in pictures for picture in row]
    assert [picture[..., 3].all() for picture in flat] == [True] * 10 + [False] * 2
    leaves = get.dendrogram(cells, key_added="few")["leaf"].to_numpy()
    inner = slice(1, -1)
    crops = get.crops(cells, leaves, channels=["DAPI"])[:, 0]
    for picture, crop in zip(flat, crops, strict=False):
        np.testing.assert_array_equal(picture[inner, inner, 0], np.rint(crop[inner, inner] * 255))
    # frames have the colours of the strip
    np.testing.assert_array_equal(flat[3][0, 0, :3], strip_of(fig)[3, 0])
    # four leaves are as tall as a row of pictures
    tree, mosaic = fig.axes[:2]
    assert tree.get_window_extent().height / 10 * 4 == pytest.approx(mosaic.get_window_extent().height / 3)
    assert tree.get_window_extent().y1 == pytest.approx(mosaic.get_window_extent().y1)
    rows = [len(row) for row in pictures_of(pl.dendrogram_crops(cells, key_added="few"))]
    assert rows == [3] * 4


def test_property_numbers_colour_single_cells(cells):
    tl.dendrogram(cells, cells=np.arange(12), standardize=False)
    fig = pl.dendrogram_crops(cells, color="width", cmap="gray", scale_bar=False, channels=["DAPI"])
    shades = strip_of(fig)[:, 0, 0].astype(int)
    assert (np.diff(shades) >= 0).all() or (np.diff(shades) <= 0).all()
    assert "width" in {text.get_text() for ax in fig.axes for text in ax.texts}


@pytest.mark.parametrize("options", [{}, {"color": "row"}, {"color": "row", "n_cells": 1}, {"height": 3.0}])
@pytest.mark.parametrize("groupby", ["well", None])
def test_property_parts_do_not_overlap(cells, groupby, options):
    tl.dendrogram(cells, groupby)
    fig = pl.dendrogram_crops(cells, **options)
    fig.canvas.draw()
    boxes = [ax.get_window_extent() for ax in fig.axes]
    for box in boxes:
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= fig.bbox.x1 + 1
        assert box.y1 <= fig.bbox.y1 + 1
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            apart = one.x1 <= other.x0 + 1 or other.x1 <= one.x0 + 1 or one.y1 <= other.y0 + 1 or other.y1 <= one.y0 + 1
            assert apart
    tree = fig.axes[0].get_window_extent()
    if "height" in options:
        assert tree.height / fig.dpi == pytest.approx(3)
    # names and numbers stay in the figure
    drawn, size = fig.get_tightbbox(), fig.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= -0.01
    assert drawn.x1 <= size[0] + 0.01
    assert drawn.y1 <= size[1] + 0.01


def test_property_pictures_of_another_modality(mdata):
    stain = mdata["stain"]
    rna = mdata["rna"].copy()
    rna.obsm["X_vae"] = np.arange(30.0)[:, None]
    both = MuData({"rna": rna, "stain": stain})
    tl.dendrogram(both, "rna:kind")
    fig = pl.dendrogram_crops(both, color="rna:kind")
    assert [label.get_text() for label in fig.axes[1].get_yticklabels()] in (
        ["small", "middle", "large"],
        ["large", "middle", "small"],
    )


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"key_added": "tree"}, KeyError, "No 'tree' in .uns .*Run cr.tl.dendrogram first"),
        ({"n_cells": 0}, ValueError, "n_cells must be at least 1"),
        ({"n_cells": 2.5}, TypeError, "n_cells must be an integer or None"),
        ({"height": 0}, ValueError, "height must be a finite number above 0"),
        ({"color": "batch"}, KeyError, "No 'batch' in .obs"),
        (
            {"color": "width"},
            ValueError,
            r"color='width' varies within 6 of 6 leaves .*the same for all cells of one 'well'",
        ),
        ({"channels": ["GFP"]}, ValueError, "GFP"),
    ],
)
def test_error(cells, options, error, match):
    with pytest.raises(error, match=match):
        pl.dendrogram_crops(cells, **options)


def test_error_without_crops_or_cells(cells):
    with pytest.raises(KeyError, match="are not in obs_names"):
        pl.dendrogram_crops(cells[:20])
    del cells.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr\.pp\.crops first"):
        pl.dendrogram_crops(cells)
