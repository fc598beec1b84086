from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.testing.compare import compare_images

from crepr import get, pl
from crepr.pl._style import COLORS

BASELINE = Path(__file__).parent / "baseline"
SIDE = 16


def image_of(ax):
    (image,) = ax.get_images()
    return image


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_anchor_one_picture_per_square(adata):
    # widths from 2 to 5 in squares of side 1; rows are at 0, 1, 2
    ax = pl.embedding_crops(adata, grid=3, channels=["DAPI"])
    image = image_of(ax)
    assert image.get_extent() == [2, 5, 0, 3]
    pixels = image.get_array()
    assert pixels.shape == (3 * SIDE, 3 * SIDE, 4)
    # in the lower left square lie cells 0, 3, 6, 9, of width 2 + 3 * i / 29: cell 6 is nearest to the middle, 2.5
    expected = get.crops(adata, ["cell6"], channels=["DAPI"])[0, 0] * 255
    np.testing.assert_array_equal(pixels[2 * SIDE :, :SIDE, 0], expected)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("UMAP 1", "UMAP 2")
    assert legend_of(ax) == ["DAPI"]


def test_anchor_squares_without_cells_are_empty(adata):
    alpha = image_of(pl.embedding_crops(adata, grid=12)).get_array()[..., 3]
    squares = alpha.reshape(alpha.shape[0] // SIDE, SIDE, alpha.shape[1] // SIDE, SIDE)
    assert set(np.unique(squares.mean(axis=(1, 3)))) == {0.0, 255.0}


def test_anchor_frames_of_groups(mdata):
    ax = pl.embedding_crops(mdata, color="rna:kind", grid=3)
    corners = image_of(ax).get_array()[::SIDE, ::SIDE, :3].reshape(-1, 3)
    assert {to_hex(corner / 255) for corner in corners} == set(mdata["rna"].uns["kind_colors"])
    assert legend_of(ax) == ["DAPI", "membrane", "rna:kind", "small", "middle", "large"]


def test_anchor_groups_without_colours_get_safe_ones(adata):
    ax = pl.embedding_crops(adata, color="kind", grid=3)
    frames = ax.get_legend().get_patches()[3:]
    assert [to_hex(patch.get_edgecolor()) for patch in frames] == [color.lower() for color in COLORS[:3]]


def test_anchor_frames_of_numbers(adata, mdata):
    ax = pl.embedding_crops(adata, color="width", grid=3, cmap="magma")
    pixels = image_of(ax).get_array()
    expected = plt.get_cmap("magma")(6 / 29)
    np.testing.assert_allclose(pixels[-1, 0] / 255, expected, atol=1 / 255)
    (scale,) = ax.child_axes
    assert scale.get_title(loc="left") == "width"
    other = pl.embedding_crops(mdata, color="rna:width", grid=3, cmap="magma")
    np.testing.assert_array_equal(image_of(other).get_array(), pixels)


def test_anchor_missing_numbers_have_white_frames(adata):
    adata.obs.loc["cell6", "width"] = np.nan
    pixels = image_of(pl.embedding_crops(adata, color="width", grid=3)).get_array()
    assert (pixels[-1, 0] == 255).all()


def test_anchor_bar_is_as_long_as_it_says(adata):
    ax = pl.embedding_crops(adata, grid=3)
    (bar,) = ax.get_lines()
    # a picture, one unit wide, is 16 pixels of 0.5 micrometres
    assert ax.texts[0].get_text() == "2 µm"
    assert np.ptp(bar.get_xdata()) == pytest.approx(2 / 8)


def test_anchor_large_crops_are_averaged_down(adata):
    ax = pl.embedding_crops(adata, grid=3, channels=["DAPI"], tile=8)
    large = image_of(pl.embedding_crops(adata, grid=3, channels=["DAPI"])).get_array()[..., 0].astype(float)
    small = image_of(ax).get_array()
    assert small.shape == (24, 24, 4)
    means = large.reshape(24, 2, 24, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(small[..., 0], means, atol=0.51)
    assert ax.texts[0].get_text() == "2 µm"


@pytest.mark.parametrize("key", ["umap", "X_umap"])
def test_anchor_draws_into_given_axes(adata, key):
    _, ax = plt.subplots()
    assert pl.embedding_crops(adata, key, ax=ax, legend=False, scale_bar=False) is ax
    assert ax.get_legend() is None
    assert not ax.get_lines()


def test_property_any_modality_may_have_the_basis(adata, mdata):
    expected = image_of(pl.embedding_crops(adata, grid=5)).get_array()
    np.testing.assert_array_equal(image_of(pl.embedding_crops(mdata, grid=5)).get_array(), expected)
    mdata.obsm["X_umap"] = mdata["rna"].obsm["X_umap"]
    np.testing.assert_array_equal(image_of(pl.embedding_crops(mdata, grid=5)).get_array(), expected)


def test_property_texts_lie_in_the_figure(adata):
    adata.obs["many"] = [f"a group of cells, number {i:02}" for i in range(30)]
    for options in ({}, {"color": "many"}, {"color": "width"}, {"color": "kind", "figsize": (4, 3)}):
        ax = pl.embedding_crops(adata, grid=5, **options)
        ax.figure.canvas.draw()
        assert ax.figure.bbox.padded(1).containsx(ax.get_tightbbox().x1)
        assert ax.figure.bbox.padded(1).containsx(ax.get_tightbbox().x0)
        assert ax.figure.bbox.padded(1).containsy(ax.get_tightbbox().y0)
        assert ax.get_legend().get_window_extent().y0 >= 0


def test_property_settings_of_matplotlib_stay(adata):
    before = dict(plt.rcParams)
    pl.embedding_crops(adata, color="kind")
    assert dict(plt.rcParams) == before


def test_reference_picture(adata, tmp_path):
    path = tmp_path / "embedding_crops.png"
    pl.embedding_crops(adata, grid=6, color="kind").figure.savefig(path, dpi=60)
    # to renew the picture, look at the new one and copy it there
    assert compare_images(str(BASELINE / "embedding_crops.png"), str(path), tol=25) is None


def test_error(adata, mdata):
    with pytest.raises(KeyError, match=r"No 'tsne' in .obsm \(there are: .*'X_umap'.*\). Run sc.tl.umap first"):
        pl.embedding_crops(adata, "tsne")
    with pytest.raises(KeyError, match=r"No 'kinds' in .obs"):
        pl.embedding_crops(adata, color="kinds")
    with pytest.raises(ValueError, match="grid must be at least 1"):
        pl.embedding_crops(adata, grid=0)
    with pytest.raises(ValueError, match="leaves no room"):
        pl.embedding_crops(adata, figsize=(0.5, 0.5))
    adata.obsm["X_line"] = np.ones((30, 1))
    with pytest.raises(ValueError, match="basis='line' must have two columns, got 1"):
        pl.embedding_crops(adata, "line")
    adata.obsm["X_umap"][3] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinite values in 1 of 30 cells \('cell3'\)"):
        pl.embedding_crops(adata)
    mdata["rna"].obs_names = mdata["rna"].obs_names[::-1]
    with pytest.raises(ValueError, match="same cells in the same order"):
        pl.embedding_crops(mdata)
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr.pp.crops first"):
        pl.embedding_crops(adata)


def test_error_basis_in_several_modalities(mdata):
    mdata.mod["other"] = mdata["rna"].copy()
    with pytest.raises(ValueError, match="is in several modalities"):
        pl.embedding_crops(mdata)
