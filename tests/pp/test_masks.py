import geopandas as gpd
import mudata as md
import numpy as np
import pandas as pd
import pytest
import shapely
from cells import CHANNELS, cells_on, nearest_labels, noise_image
from hypothesis import given, settings
from hypothesis import strategies as st
from spatialdata import SpatialData
from spatialdata.models import Labels2DModel, ShapesModel
from spatialdata.transformations import Scale

import crepr as cr
from crepr.get._crop_reader import mask_reader
from crepr.images._open_memory import array_fingerprint


@pytest.fixture
def image(rng):
    return noise_image(rng)


@pytest.fixture
def adata(rng, image):
    adata = cells_on(rng, image)
    adata.obs["label"] = rng.permutation(25) + 1
    cr.pp.crops(adata, image, size=16, channel_names=CHANNELS)
    return adata


@pytest.fixture
def labels(adata):
    nearest = nearest_labels((90, 110), adata.obsm["spatial"])
    return np.concatenate([[0], adata.obs["label"]]).astype("i4")[nearest]


def boxes(adata, half=2.0, scale=1.0):
    x, y = (np.floor(adata.obsm["spatial"] / scale) + 0.5).T
    corners = np.stack([x - half, y - half, x + half, y + half]) * scale
    return gpd.GeoDataFrame(geometry=shapely.box(*corners), index=adata.obs_names)


def cut_labels(adata, labels):
    """The label windows on the crops' geometry, one slice per cell."""
    reader = cr.get._crop_reader.crop_reader(adata)
    return np.stack([labels[y : y + 16, x : x + 16] for y, x in zip(reader.top, reader.left, strict=True)])


def test_anchor_what_is_written(adata, labels):
    cr.pp.masks(adata, labels, labels="label")
    table = adata.obsm["masks"]
    assert table.columns.tolist() == ["image", "label"]
    assert table["label"].tolist() == adata.obs["label"].tolist()
    assert table["image"].cat.categories.tolist() == [f"uns:spatial/library/images/masks#{array_fingerprint(labels)}"]
    assert adata.uns["masks"]["images"]["channels"].tolist() == ['["label"]']
    assert "image" in adata.uns["spatial"]["library"]["images"]
    np.testing.assert_array_equal(mask_reader(adata).read(np.arange(25))[:, 0], cut_labels(adata, labels))


@pytest.mark.parametrize("border", ["shift", "pad"])
@pytest.mark.parametrize("size", [7, 16])
def test_masks_lie_on_the_crops(rng, size, border):
    labels = rng.permutation(50 * 60).reshape(1, 50, 60) + 1
    adata = cells_on(rng, labels)
    cr.pp.crops(adata, labels.astype("f8"), size=size, border=border)  # the image shows the labels themselves
    cr.pp.masks(adata, labels)
    crops, masks = cr.get.crops(adata, scaled=False), mask_reader(adata).read(np.arange(25))
    np.testing.assert_array_equal(crops, masks)
    np.testing.assert_array_equal(
        mask_reader(adata, size=5).read(np.arange(25)),
        cr.get._crop_reader.crop_reader(adata, size=5).read(np.arange(25)),
    )


def test_labels_from_names_columns_and_centres(adata, labels):
    cr.pp.masks(adata, labels, labels="label")
    expected = adata.obsm["masks"]["label"].tolist()
    # where each cell is the nearest to the middle of its own pixel, the label under it is its own
    cells = adata[labels[tuple(np.floor(adata.obsm["spatial"][:, ::-1]).astype(int).T)] == adata.obs["label"]].copy()
    cr.pp.masks(cells, labels)
    assert cells.obsm["masks"]["label"].tolist() == cells.obs["label"].tolist()
    assert len(cells) > 15
    adata.obs_names = adata.obs["label"].astype(str).to_numpy()
    cr.pp.masks(adata, labels, labels="index")
    assert adata.obsm["masks"]["label"].tolist() == expected


def test_masks_without_crops(rng, image):
    adata = cells_on(rng, image)
    adata.obs["label"] = range(1, 26)
    cr.pp.masks(adata, nearest_labels((90, 110), adata.obsm["spatial"]), labels="label")
    assert adata.obsm["masks"]["label"].tolist() == list(range(1, 26))


def test_a_plane_of_labels_with_depth(adata, labels):
    stack = np.stack([labels * 0, labels])
    cr.pp.masks(adata, stack, axes="zyx", z=1, labels="label")
    np.testing.assert_array_equal(mask_reader(adata).read(np.arange(25))[:, 0], cut_labels(adata, labels))
    for z in (None, 2):
        with pytest.raises(ValueError, match="2 planes; set z to one of them"):
            cr.pp.masks(adata, stack, axes="zyx", z=z, labels="label")
    with pytest.raises(ValueError, match="z=0, but .* no depth"):
        cr.pp.masks(adata, labels, z=0, labels="label")


def test_polygons_hide_neighbours(adata, image):
    cr.pp.masks(adata, boxes(adata))
    assert adata.obsm["masks"]["label"].tolist() == list(range(1, 26))
    drawn = adata.uns["spatial"]["library"]["images"]["masks"]
    x, y = np.floor(adata.obsm["spatial"]).astype(int).T
    alone = np.bincount(drawn.ravel(), minlength=26)[1:] == 25
    assert (drawn[y, x][alone] == np.arange(1, 26)[alone]).all()
    shown = cr.get.crops(adata, scaled=False, hide_neighbours=True)
    windows = cut_labels(adata, drawn)
    visible = (windows == 0) | (windows == np.arange(1, 26)[:, None, None])
    np.testing.assert_array_equal(shown, cr.get.crops(adata, scaled=False) * visible[:, None])
    assert not visible.all()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_property_polygons_in_any_form_and_unit(seed):
    rng = np.random.default_rng(seed)
    image = noise_image(rng)
    adata = cells_on(rng, image, n_obs=9, scale=0.5)
    adata.obs["name"] = rng.permutation(9) + 100
    cr.pp.crops(adata, image, size=16, pixel_size=0.5)
    frame = boxes(adata, half=np.linspace(1.6, 3.4, 9), scale=0.5)
    cr.pp.masks(adata, frame)
    expected = adata.uns["spatial"]["library"]["images"]["masks"].copy()
    assert len(np.unique(expected)) == 10
    named = frame.set_axis(adata.obs["name"].to_numpy()).sample(frac=1, random_state=seed % 1000)
    in_pixels = frame.set_geometry(frame.geometry.affine_transform([2, 0, 0, 2, 0, 0]))
    for polygons, options in [
        (dict(zip(frame.index, frame.geometry, strict=True)), {}),
        (frame.geometry, {}),
        (named, {"labels": "name"}),
        (in_pixels, {"pixel_size": 1.0}),
        (in_pixels, {"affine": np.eye(3)}),
    ]:
        cr.pp.masks(adata, polygons, **options)
        np.testing.assert_array_equal(adata.uns["spatial"]["library"]["images"]["masks"], expected)


def test_polygons_on_a_large_image_are_drawn_piece_by_piece(tmp_path, adata, monkeypatch):
    cr.pp.masks(adata, boxes(adata))
    expected = adata.uns["spatial"]["library"]["images"]["masks"]
    monkeypatch.setattr(cr.pp._images, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"too much to load into .uns.*Set store"):
        cr.pp.masks(adata, boxes(adata))
    for _ in range(2):
        cr.pp.masks(adata, boxes(adata), store=tmp_path)
    (source,) = cr.get._image_table.open_images(adata, "masks").values()
    assert source.uri == str(tmp_path / "masks.ome.zarr")
    np.testing.assert_array_equal(source.array[0], expected)
    lost = boxes(adata)
    lost.geometry = lost.geometry.scale(0.01, 0.01).translate(0.3)
    with pytest.raises(ValueError, match=r"of 25 cells cover the centre of no pixel"):
        cr.pp.masks(adata, lost, store=tmp_path / "b")


def test_warns_if_cells_lie_beside_their_labels(adata, labels):
    adata.obs["label"] = np.roll(np.arange(25) + 1, 3)
    with pytest.warns(UserWarning, match=r"own label in 2\d of 25 cells. Check pixel_size or affine"):
        cr.pp.masks(adata, labels, labels="label", axes="yx")
    moved = boxes(adata)
    moved.index = np.roll(moved.index, 3)
    with pytest.warns(UserWarning, match=r"own label in 2\d of 25 cells"):
        cr.pp.masks(adata, moved)


def test_polygons_of_no_cell_are_neighbours_too(adata):
    frame = boxes(adata)
    stranger = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 110, 90)], index=["unknown"])
    cr.pp.masks(adata, pd.concat([frame, stranger]))
    drawn = adata.uns["spatial"]["library"]["images"]["masks"]
    assert drawn.max() == 26
    assert (drawn > 0).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:spatialdata")
def test_spatialdata(tmp_path, adata, labels):
    circles = gpd.GeoDataFrame(
        {"radius": 4.0}, geometry=gpd.points_from_xy(*adata.obsm["spatial"].T * 2), index=adata.obs_names
    )
    half = {"global": Scale([0.5, 0.5], axes=("x", "y"))}
    sdata = SpatialData(
        labels={"cells": Labels2DModel.parse(labels, dims="yx")},
        shapes={"circles": ShapesModel.parse(circles, transformations=half)},
    )
    sdata.write(tmp_path / "s.zarr")
    for element, error in [(None, ValueError), ("nuclei", KeyError)]:
        with pytest.raises(error, match=r"'cells', 'circles'.*|Set element to one of the labels or shapes"):
            cr.pp.masks(adata, sdata, element=element)
    cr.pp.masks(adata, sdata, element="cells", labels="label")
    assert adata.obsm["masks"]["image"].cat.categories.tolist() == [f"spatialdata:{tmp_path}/s.zarr#cells"]
    np.testing.assert_array_equal(mask_reader(adata).read(np.arange(25))[:, 0], cut_labels(adata, labels))
    cr.pp.masks(adata, sdata, element="circles", store=tmp_path / "store")
    drawn = cr.get._image_table.open_images(adata, "masks")
    area = np.bincount(next(iter(drawn.values())).array[0].ravel())[1:]
    assert area.max() == pytest.approx(np.pi * 2**2, abs=2.5)


def test_stack_of_masks(rng):
    stack, labels = rng.random((30, 2, 12, 12)), rng.integers(1, 3, (30, 12, 12))
    adata = cells_on(rng, stack)
    adata.obs["label"] = 1
    rows = rng.permutation(30)[:25]
    cr.pp.crops(adata, stack, axes="ncyx", index=rows)
    cr.pp.masks(adata, labels, axes="nyx", labels="label")
    np.testing.assert_array_equal(mask_reader(adata).read(np.arange(25))[:, 0], labels[rows])
    hidden = cr.get.crops(adata, scaled=False, hide_neighbours=True)
    np.testing.assert_array_equal(hidden, stack[rows] * (labels[rows] == 1)[:, None])
    cr.pp.masks(adata, labels, axes="nyx")
    assert adata.obsm["masks"]["label"].tolist() == labels[rows, 6, 6].tolist()
    with pytest.raises(ValueError, match="pixel on pixel"):
        cr.pp.masks(adata, labels[0], axes="yx", labels="label")
    adata.obs["label"] = 3
    with pytest.raises(ValueError, match="25 of 25 cells have no label"):
        cr.pp.masks(adata, labels, axes="nyx", labels="label")
    with pytest.raises(ValueError, match="cannot be drawn on ready-made crops"):
        cr.pp.masks(adata, {"cell0": shapely.box(0, 0, 1, 1)})


def test_several_images(rng, image):
    adata = cells_on(rng, image)
    adata.obs["slide"] = ["a", "b"] * 12 + ["a"]
    cr.pp.crops(adata, {"a": image, "b": image[:, ::-1]}, library_key="slide", size=16)
    parts = {slide: boxes(adata[adata.obs["slide"] == slide]) for slide in "ab"}
    cr.pp.masks(adata, parts, library_key="slide")
    places = [uri.partition("#")[0] for uri in adata.obsm["masks"]["image"].cat.categories]
    assert places == [f"uns:spatial/{s}/images/masks" for s in "ab"]
    assert adata.obsm["masks"]["label"].tolist() == list(range(1, 26))
    drawn = adata.uns["spatial"]["a"]["images"]["masks"]
    assert set(np.unique(drawn)) == {0, *range(1, 26, 2)}
    with pytest.raises(ValueError, match="crops lie in 2 images .*Set library_key"):
        cr.pp.masks(adata, boxes(adata))


def test_error_no_file_and_no_cells(adata):
    with pytest.raises(FileNotFoundError, match=r"masks='nope.tif' cannot be opened: No such file.*Check the path"):
        cr.pp.masks(adata, "nope.tif")
    with pytest.raises(ValueError, match="There are no cells"):
        cr.pp.masks(adata[:0].copy(), "nope.tif")


def test_mudata_and_copy(adata, labels):
    rna = adata.copy()
    del rna.obsm["crops"], rna.uns["crops"]
    mdata = md.MuData({"rna": rna, "stain": adata[:, :0].copy()})
    changed = cr.pp.masks(mdata, labels, labels="label", copy=True)
    assert "masks" in changed["stain"].obsm
    assert "masks" not in changed["rna"].obsm
    assert "masks" not in mdata["stain"].obsm


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        (lambda m: np.where(m == 3, 0, m), {}, ValueError, r"1 of 25 cells have no label .*cell\d+: 3\)"),
        (lambda m: m * 0, {"labels": None}, ValueError, r"25 of 25 cells have no label .*= cell0: 0, .*, \.\.\.\)"),
        (lambda m: m * 0 + 1, {"labels": None}, ValueError, "25 cells share a label"),
        (lambda m: m[:50], {}, ValueError, "pixel on pixel"),
        (lambda m: np.pad(m, 1), {}, ValueError, r"\(1, 92, 112\).*\(2, 90, 110\).*pixel on pixel"),
        (lambda m: m.astype("f4"), {}, TypeError, "one channel of integers.*float32"),
        (lambda m: np.stack([m, m]), {}, TypeError, "2 channels"),
        (None, {"labels": "index"}, ValueError, "25 of 25 are not"),
        (None, {"labels": "area"}, KeyError, "No 'area' in .obs"),
        (None, {"labels": "name"}, TypeError, "must be a column of integers"),
        (None, {"affine": np.eye(3)}, ValueError, "affine maps polygons"),
        (None, {"relocate": {"a": "b"}}, ValueError, "Leave masks or relocate out"),
    ],
)
def test_error_of_label_images(adata, labels, change, options, error, match):
    adata.obs["name"] = adata.obs_names.astype(object)
    with pytest.raises(error, match=match):
        cr.pp.masks(adata, labels if change is None else change(labels), **{"labels": "label"} | options)
    assert "masks" not in adata.obsm
    assert "masks" not in adata.uns


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        (lambda p: p.iloc[3:], {}, ValueError, "3 of 25 cells have no polygon .*'cell0', 'cell1', 'cell2'"),
        (
            lambda p: p.translate(500),
            {},
            ValueError,
            "polygons of 25 of 25 cells cover the centre of no pixel.*Check pixel_size",
        ),
        (lambda p: p.centroid, {}, ValueError, "25 of 25 geometries are no polygons"),
        (None, {"labels": "area"}, KeyError, "No 'area' in .obs"),
        (None, {"labels": "double"}, ValueError, "names several cells alike: '1'"),
        (None, {"pixel_size": -1}, ValueError, "pixel_size must be a finite number above 0"),
    ],
)
def test_error_of_polygons(adata, change, options, error, match):
    adata.obs["double"] = 1
    polygons = boxes(adata)
    with pytest.raises(error, match=match):
        cr.pp.masks(adata, polygons if change is None else change(polygons), **options)
    assert "masks" not in adata.obsm


def test_error_polygons_need_crops_and_their_geometry(adata):
    polygons = boxes(adata)
    del adata.uns["crops"]
    with pytest.raises(ValueError, match="is not recorded, .*Set pixel_size or affine"):
        cr.pp.masks(adata, polygons)
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match="run cr.pp.crops first"):
        cr.pp.masks(adata, polygons)
    with pytest.raises(KeyError, match="Give masks"):
        cr.pp.masks(adata)
