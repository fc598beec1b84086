"""Elements of SpatialData find each other, in whatever coordinates positions are."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from cells import CHANNELS, cells_on, cut, noise_image
from molecules import molecules_of
from spatialdata import SpatialData
from spatialdata.models import Image2DModel, Labels2DModel, PointsModel, ShapesModel, TableModel
from spatialdata.transformations import Affine, Identity, Scale

import crepr as cr
from crepr.pp._elements import INTRINSIC, to_coordinate_system

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:spatialdata"),
    pytest.mark.filterwarnings("ignore::UserWarning:spatialdata"),
]
SIZE = 16
# the image is turned and shifted in "global"; shapes and points are in micrometres there
IMAGE_TO_GLOBAL = np.array([[0.0, 3, 7], [3, 0, -4], [0, 0, 1]])
MICRON_TO_GLOBAL = np.diag([6.0, 6, 1])


def affine(matrix):
    return Affine(matrix, input_axes=("x", "y"), output_axes=("x", "y"))


def apply(matrix, xy):
    return xy @ matrix[:2, :2].T + matrix[:2, 2]


@pytest.fixture
def image(rng):
    return noise_image(rng)


@pytest.fixture
def pixels(rng, image):
    return cells_on(rng, image).obsm["spatial"]


@pytest.fixture
def sdata(tmp_path, image, pixels):
    microns = apply(np.linalg.inv(MICRON_TO_GLOBAL) @ IMAGE_TO_GLOBAL, pixels)
    names = [f"cell{i}" for i in range(25)]
    circles = gpd.GeoDataFrame({"radius": 1.0}, geometry=gpd.points_from_xy(*microns.T), index=names)
    points = gpd.pd.DataFrame(microns, columns=["x", "y"]).assign(gene="Actb", cell=names)
    table = cells_on(np.random.default_rng(0), image)
    table.obsm["spatial"] = microns
    table.obs = table.obs.assign(region=gpd.pd.Categorical(["cells"] * 25), instance=names)
    table.obs_names = [f"row{i}" for i in range(25)]
    table.var_names = ["Actb", "Cd4", "Krt8"]
    to_global = {"global": affine(MICRON_TO_GLOBAL)}
    sdata = SpatialData(
        images={
            "stain": Image2DModel.parse(
                image,
                dims="cyx",
                c_coords=CHANNELS,
                transformations={"global": affine(IMAGE_TO_GLOBAL), "px": Identity()},
            )
        },
        shapes={
            "cells": ShapesModel.parse(circles.copy(), transformations=to_global),
            "alone": ShapesModel.parse(circles.copy(), transformations={"other": Identity()}),
        },
        points={"spots": PointsModel.parse(points, feature_key="gene", transformations=to_global)},
        tables={"table": TableModel.parse(table, region="cells", region_key="region", instance_key="instance")},
    )
    sdata.write(tmp_path / "s.zarr")
    return sdata


@pytest.mark.parametrize(
    ("frame", "options"),
    [
        ("global", {}),
        ("px", {"coordinate_system": "px"}),
        ("px", {"coordinate_system": INTRINSIC}),
        ("micron", {"coordinate_system": "cells"}),
        ("micron", {"coordinate_system": "spots"}),
        ("micron", {"affine": np.linalg.inv(IMAGE_TO_GLOBAL) @ MICRON_TO_GLOBAL}),
    ],
)
def test_property_positions_in_any_coordinates(tmp_path, sdata, image, pixels, frame, options):
    adata = sdata["table"].copy()
    to_frame = {"global": IMAGE_TO_GLOBAL, "px": np.eye(3), "micron": np.linalg.inv(MICRON_TO_GLOBAL) @ IMAGE_TO_GLOBAL}
    adata.obsm["spatial"] = apply(to_frame[frame], pixels)
    cr.pp.crops(adata, sdata, element="stain", size=SIZE, **options)
    np.testing.assert_allclose(adata.obsm["crops"][["x", "y"]], pixels)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), cut(image, pixels, SIZE))
    if frame == "px" and options["coordinate_system"] == "px":
        return  # in which shapes and molecules are not
    # and others find the image without being told
    cr.pp.masks(adata, sdata, element="cells")
    mine = cr.get.masks(adata, own=True)[:, SIZE // 2, SIZE // 2]
    assert mine.mean() > 0.6  # some lie under smaller ones, or at the border
    adata.obs_names = adata.obs["instance"].astype(str)
    for i, how in enumerate([{"cell": "cell"}, {"polygons": sdata["cells"]}]):
        cr.pp.transcripts(adata, sdata["spots"], path=tmp_path / f"{i}", progress=False, **how)
        found = [spots[0][:2] for spots in molecules_of(adata).values() if spots]
        assert len(found) == 25 if i == 0 else len(found) > 10
        if i == 0:
            np.testing.assert_allclose(found, pixels[:, ::-1], atol=1e-3)
    # also after the images are registered again
    cr.pp.crops(adata, size=8)
    cr.pp.transcripts(adata, sdata["spots"], cell="cell", path=tmp_path / "0", progress=False)


def test_where_the_image_is_of_another_kind(tmp_path, sdata, image, pixels):
    adata = sdata["table"].copy()
    to_pixels = np.linalg.inv(IMAGE_TO_GLOBAL) @ MICRON_TO_GLOBAL
    cr.pp.crops(adata, image, size=SIZE, affine=to_pixels, channel_names=CHANNELS)
    cr.pp.masks(adata, sdata, element="cells", coordinate_system=INTRINSIC)
    expected = adata.uns["spatial"]["library"]["images"]["masks"]
    cr.pp.masks(adata, sdata["cells"], labels="instance", coordinate_system=INTRINSIC)
    np.testing.assert_array_equal(adata.uns["spatial"]["library"]["images"]["masks"], expected)
    cr.pp.masks(adata, sdata, element="cells", coordinate_system="spots")
    np.testing.assert_array_equal(adata.uns["spatial"]["library"]["images"]["masks"], expected)
    adata.obs_names = adata.obs["instance"].astype(str)
    cr.pp.transcripts(
        adata, sdata["spots"], cell="cell", coordinate_system=INTRINSIC, path=tmp_path / "t", progress=False
    )
    np.testing.assert_allclose([spots[0][:2] for spots in molecules_of(adata).values()], pixels[:, ::-1], atol=1e-3)


def test_error_positions_in_other_coordinates_than_shapes(sdata):
    adata = sdata["table"].copy()
    with pytest.raises(
        ValueError,
        match=r"25 of 25 positions lie outside of their cells in the shapes 'cells', but 25 .*coordinate_system='cells'",
    ):
        cr.pp.crops(adata, sdata, element="stain", size=SIZE)
    assert "crops" not in adata.obsm
    # shapes of other cells say nothing
    adata.uns["spatialdata_attrs"]["region"] = "elsewhere"
    with pytest.raises(ValueError, match="outside of 'spatialdata:"):
        cr.pp.crops(adata, sdata, element="stain", size=SIZE)


def test_error_coordinate_system(sdata):
    adata = sdata["table"].copy()
    with pytest.raises(KeyError, match=r"No 'um' in .*'global', 'px'.*'cells'"):
        cr.pp.crops(adata, sdata, element="stain", size=SIZE, coordinate_system="um")
    with pytest.raises(KeyError, match="'alone' is an element that shares no coordinate system"):
        cr.pp.crops(adata, sdata, element="stain", size=SIZE, coordinate_system="alone")


def test_error_the_object_for_one_of_its_points(tmp_path, sdata):
    with pytest.raises(TypeError, match=r"one element of the SpatialData object.*'spots'"):
        cr.pp.transcripts(sdata["table"].copy(), sdata, path=tmp_path / "t")


def test_anchor_matrices(sdata):
    np.testing.assert_array_equal(to_coordinate_system(sdata["cells"], "global"), MICRON_TO_GLOBAL)
    np.testing.assert_array_equal(to_coordinate_system(sdata["cells"], INTRINSIC), np.eye(3))
    np.testing.assert_array_equal(to_coordinate_system(gpd.GeoSeries([shapely.box(0, 0, 1, 1)]), "global"), np.eye(3))
    expected = np.linalg.inv(MICRON_TO_GLOBAL) @ IMAGE_TO_GLOBAL
    np.testing.assert_allclose(to_coordinate_system(sdata["stain"], "cells", sdata), expected)


def test_labels_that_the_table_annotates(tmp_path, image):
    adata = cells_on(np.random.default_rng(0), image)
    labels = np.zeros(image.shape[1:], np.int32)
    x, y = adata.obsm["spatial"].astype(int).T
    labels[y, x] = 100 + np.arange(25)
    adata.obs = adata.obs.assign(region=gpd.pd.Categorical(["masks"] * 25), number=np.arange(25) + 100)
    pyramid = Labels2DModel.parse(labels, dims=("y", "x"), transformations={"own": Scale([2.0, 2], ("x", "y"))})
    sdata = SpatialData(
        labels={"masks": pyramid},
        tables={"table": TableModel.parse(adata, region="masks", region_key="region", instance_key="number")},
    )
    sdata.write(tmp_path / "s.zarr")
    cr.pp.crops(adata, image, size=SIZE)
    cr.pp.masks(adata, sdata, element="masks")
    assert adata.obsm["masks"]["label"].tolist() == adata.obs["number"].tolist()
    # labels of half of the cells, found at other places than these cells
    adata.obsm["spatial"] = adata.obsm["spatial"][:, ::-1] * [110 / 90, 90 / 110]
    cr.pp.crops(adata, image, size=SIZE)
    with pytest.warns(UserWarning, match=r"does not lie on the cell's own label in \d+ of 25 cells.*x and y swapped"):
        cr.pp.masks(adata, sdata, element="masks")
