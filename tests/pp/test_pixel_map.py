import numpy as np
import pytest
from molecules import (
    add_crops,
    expected_of,
    make_adata,
    make_mudata,
    make_mudata_of_two,
    make_table,
    molecules_of,
    squares,
)

from crepr import pp


@pytest.mark.parametrize("how", ["pixel_size", "affine", "crops", "other modality"])
def test_property_positions_become_pixels(tmp_path, how):
    table = make_table()
    to_pixels = np.array([[0.0, 2, 3], [4, 0, 5], [0, 0, 1]])  # x and y are swapped
    if how == "pixel_size":
        to_pixels = np.diag([4, 4, 1.0])
    adata, other = make_adata(), make_adata()
    data = make_mudata(adata, other) if how == "other modality" else adata
    options = {"mod": "rna"} if how == "other modality" else {}
    options |= {"pixel_size": {"pixel_size": 0.25}, "affine": {"affine": to_pixels}}.get(how, {})
    if how in ("crops", "other modality"):
        add_crops(adata if how == "crops" else other, shape=(1, 1000, 1000), affine=[to_pixels])
        (adata if how == "crops" else other).uns["crops"]["size"] = 1000
    pp.transcripts(data, table, cell="cell", path=tmp_path / "t", progress=False, **options)
    x, y, _ = to_pixels @ [table["x"], table["y"], np.ones(len(table))]
    assert molecules_of(adata) == expected_of(table.assign(x=x, y=y))
    np.testing.assert_array_equal(adata.uns["transcripts"]["params"]["affine"]["0"], to_pixels)
    # polygons come along
    pp.transcripts(data, table, polygons=squares(), path=tmp_path / "p", progress=False, **options)
    assert molecules_of(adata) == expected_of(table.assign(x=x, y=y))


def test_property_each_cell_has_the_affine_and_the_border_of_its_image(tmp_path):
    adata, table = make_adata(), make_table()
    shift = np.array([[1.0, 0, 100], [0, 1, 0], [0, 0, 1]])
    add_crops(adata, uris=("uns:one", "uns:two"), shape=(1, 10, 135), affine=[np.eye(3), shift])
    adata.obsm["crops"]["x"] += [0, 100, 0, 100]
    pp.transcripts(adata, table, cell="cell", path=tmp_path / "t", progress=False)
    second = table["cell"].isin(["c2", "c4"])
    moved = table.assign(x=table["x"] + 100 * second)
    assert molecules_of(adata) == expected_of(moved[moved["x"] < 135])
    assert adata.uns["transcripts"]["counts"]["out_of_image"] == ((moved["x"] >= 135) & second).sum()
    with pytest.raises(ValueError, match="in which of the 2 registered images"):
        pp.transcripts(adata, table, polygons=squares(), path=tmp_path / "p", progress=False)


def test_reference_points_of_spatialdata_follow_their_transformation(tmp_path):
    import spatialdata as sd
    from spatialdata.transformations import Affine, Identity, Scale, set_transformation

    table = make_table()
    points = sd.models.PointsModel.parse(
        table, coordinates={"x": "x", "y": "y"}, feature_key="gene",
        transformations={"global": Scale([3.0, 2.0], ("x", "y")), "own": Identity()},
    )  # fmt: skip
    shapes = sd.models.ShapesModel.parse(squares())
    to_global = Affine(np.diag([3.0, 2.0, 1]), ("x", "y"), ("x", "y"))
    set_transformation(shapes, to_global, "global")
    sdata = sd.SpatialData(points={"molecules": points})
    sdata.write(tmp_path / "store.zarr")
    expected = expected_of(table.assign(x=table["x"] * 6, y=table["y"] * 4))
    uri = f"spatialdata:{tmp_path / 'store.zarr'}#molecules"
    for i, (molecules, options) in enumerate([(points, {"cell": "cell"}), (uri, {"polygons": shapes})]):
        adata = make_adata()
        pp.transcripts(adata, molecules, pixel_size=0.5, path=tmp_path / f"{i}", progress=False, **options)
        assert molecules_of(adata) == expected
    with pytest.raises(KeyError, match="No 'elsewhere' in the coordinate systems"):
        pp.transcripts(adata, points, cell="cell", coordinate_system="elsewhere", path=tmp_path / "t", progress=False)


def test_warns_if_molecules_lie_beside_the_crops(tmp_path):
    adata = make_adata()
    add_crops(adata, shape=(1, 1000, 1000))
    with pytest.warns(
        UserWarning, match="molecules of 4 of 4 cells lie outside of the cells' crops. Check that pixel_size"
    ):
        pp.transcripts(adata, make_table(), cell="cell", pixel_size=0.1, path=tmp_path / "t", progress=False)


def test_error_crops_of_joined_objects_do_not_tell(tmp_path):
    adata = make_adata()
    add_crops(adata)
    del adata.uns["crops"]
    with pytest.raises(ValueError, match=r"How positions become pixels is not recorded.*Set pixel_size or affine"):
        pp.transcripts(adata, make_table(), cell="cell", path=tmp_path / "t", progress=False)
    pp.transcripts(adata, make_table(), cell="cell", pixel_size=1, path=tmp_path / "t", progress=False)


def test_error_crops_without_a_map(tmp_path):
    adata = make_adata()
    add_crops(adata)
    adata.uns["crops"]["affine"] = {}
    with pytest.raises(ValueError, match=r"How positions become pixels is not recorded.*Set pixel_size or affine"):
        pp.transcripts(adata, make_table(), cell="cell", path=tmp_path / "t", progress=False)


def test_error_cells_without_crops(tmp_path):
    stain, rna = make_adata(cells=["c1", "c2", "c3"]), make_adata()
    add_crops(stain, uris=("uns:one", "uns:two"))
    with pytest.raises(ValueError, match=r"1 of 4 cells have no crop, .*'c4'.*intersect_obs"):
        pp.transcripts(
            make_mudata(rna, stain),
            make_table(),
            mod="rna",
            cell="cell",
            path=tmp_path / "t",
            progress=False,
        )


def test_error_crops_of_an_image_that_is_not_recorded(tmp_path):
    adata = make_adata()
    add_crops(adata, uris=("uns:one", "uns:two"))
    adata.uns["crops"]["images"] = adata.uns["crops"]["images"].iloc[:1]
    with pytest.raises(ValueError, match="Crops refer to images that are not recorded"):
        pp.transcripts(adata, make_table(), cell="cell", path=tmp_path / "t", progress=False)


def test_error_crops_of_several_modalities(tmp_path):
    data = make_mudata_of_two(add_crops)
    options = {"mod": "rna", "cell": "cell", "path": tmp_path / "t", "progress": False}
    with pytest.raises(
        ValueError, match="Several modalities have crops: 'stain', 'other'.*Set mod.*cr.pp.crops with mod"
    ):
        pp.transcripts(data, make_table(), **options)
    add_crops(data["rna"])
    pp.transcripts(data, make_table(), **options)
