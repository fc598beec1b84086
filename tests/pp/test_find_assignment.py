import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from molecules import (
    CELLS,
    add_masks,
    expected_of,
    make_adata,
    make_mudata,
    make_mudata_of_two,
    make_table,
    molecules_of,
    squares,
)
from shapely.geometry import Polygon, box

from crepr import pp


def test_reference_column_polygons_and_masks_agree(tmp_path):
    table = make_table()
    by_masks = make_adata()
    add_masks(by_masks)
    pp.transcripts(by_masks, table, path=tmp_path / "masks", progress=False)
    by_polygons = make_adata()
    pp.transcripts(by_polygons, table, polygons=squares(), path=tmp_path / "polygons", progress=False)
    expected = expected_of(table)
    assert molecules_of(by_masks) == molecules_of(by_polygons) == expected
    assert by_masks.uns["transcripts"]["params"]["by"] == "masks"
    assert by_polygons.uns["transcripts"]["params"]["by"] == "polygons"
    assert by_masks.uns["transcripts"]["counts"]["no_cell"] == (table["x"] >= 40).sum()


def test_property_crops_masks_and_molecules_share_their_pixels(tmp_path):
    adata, table = make_adata(), make_table()
    labels = np.zeros((10, 50), np.uint16)
    labels[:, :40] = np.repeat([4, 3, 2, 1], 10)
    # in micrometres, at half a micrometre per pixel
    adata.obsm["spatial"] = np.array([[5, 5], [15, 5], [25, 5], [35, 5]]) / 2
    pp.crops(adata, np.ones((1, 10, 50), np.uint8), size=10, axes="cyx", pixel_size=0.5)
    pp.masks(adata, labels)
    in_micrometres = table.assign(x=table["x"] / 2, y=table["y"] / 2)
    pp.transcripts(adata, in_micrometres, path=tmp_path / "t", progress=False)
    assert adata.obsm["masks"]["label"].tolist() == [4, 3, 2, 1]
    expected = expected_of(
        in_micrometres.assign(x=in_micrometres["x"] * 2, y=in_micrometres["y"] * 2, cell=table["cell"])
    )
    assert molecules_of(adata) == expected


def test_property_masks_of_another_modality_with_fewer_cells(tmp_path):
    stain, rna, table = make_adata(), make_adata(cells=CELLS[::-1]), make_table()
    add_masks(stain)
    mdata = make_mudata(rna, stain[:3].copy())
    pp.transcripts(mdata, table, mod="rna", path=tmp_path / "t", progress=False)
    expected = expected_of(table) | {"c4": []}
    assert molecules_of(mdata["rna"]) == expected


def test_property_polygons_may_be_a_mapping_or_circles(tmp_path):
    table = pd.DataFrame({"x": [5.0, 15, 9.9], "y": [5.0, 5, 9.9], "gene": "Cd4"})
    mapping = dict(squares()["geometry"])
    circles = gpd.GeoDataFrame({"radius": [5.0] * 4}, geometry=list(squares().centroid), index=CELLS)
    for name, polygons, expected in (("squares", mapping, [2, 1, 0, 0]), ("circles", circles, [1, 1, 0, 0])):
        adata = make_adata()
        pp.transcripts(adata, table, polygons=polygons, path=tmp_path / name, progress=False)
        assert np.diff(adata.obsm["transcripts"][["start", "stop"]]).ravel().tolist() == expected


def test_property_overlapping_polygons_go_to_the_first_cell(tmp_path):
    adata = make_adata(cells=["c2", "c1"])
    polygons = gpd.GeoDataFrame(
        geometry=[box(0, 0, 6, 10), box(4, 0, 10, 10), box(5, 20, 6, 30), box(0, 0, 9, 9)],
        index=["c1", "c2", "c2", "other"],
    )
    table = pd.DataFrame({"x": [1.0, 5, 9, 5.5], "y": [1.0, 1, 1, 25], "gene": "Cd4"})
    pp.transcripts(adata, table, polygons=polygons, path=tmp_path / "t", progress=False)
    assert np.diff(adata.obsm["transcripts"][["start", "stop"]]).ravel().tolist() == [3, 1]
    assert adata.uns["transcripts"]["counts"]["in_several_cells"] == 1


def test_property_masks_tell_the_size_of_the_image(tmp_path):
    adata = make_adata()
    add_masks(adata)
    table = pd.DataFrame({"x": [1.0, 60, 45, -1], "y": [1.0, 1, 1, 1], "gene": "Cd4"})
    pp.transcripts(adata, table, path=tmp_path / "t", progress=False)
    counts = adata.uns["transcripts"]["counts"]
    assert (counts["kept"], counts["out_of_image"], counts["no_cell"]) == (1, 2, 1)


def test_error_no_molecule_in_any_polygon(tmp_path):
    with pytest.raises(
        ValueError, match=r"No molecule lies in any cell \(200 molecules, none kept; left out: no_cell 200"
    ):
        pp.transcripts(
            make_adata(), make_table().assign(x=1000.0), polygons=squares(), path=tmp_path / "t", progress=False
        )


def test_error_polygons(tmp_path):
    bad = squares()
    bad.loc["c2", "geometry"] = Polygon()
    with pytest.raises(ValueError, match=r"1 of 4 entries that are no polygons, or empty \('c2'\)"):
        pp.transcripts(make_adata(), make_table(), polygons=bad, path=tmp_path / "t", progress=False)


def test_error_labels_of_several_cells(tmp_path):
    adata = make_adata()
    add_masks(adata, labels=(1, 2, 2, 4))
    with pytest.raises(ValueError, match=r"Several cells have the same label \(2\)"):
        pp.transcripts(adata, make_table(), path=tmp_path / "t", progress=False)


def test_reference_real_molecules_join_their_polygons_as_in_geopandas(tmp_path, real_data):
    folder = real_data / "merfish_brain"
    corners = pd.read_csv(folder / "z0_polygons.gz", compression="gzip", dtype={"poly_ID": str})
    corners["y"] *= -1  # stored with y up
    outlines = {name: Polygon(part[["x", "y"]]) for name, part in corners.groupby("poly_ID")}
    polygons = gpd.GeoDataFrame(geometry=list(outlines.values()), index=list(outlines))
    table = pd.read_csv(folder / "vizgen_transcripts.gz", compression="gzip")
    genes = [name for name in sorted(table["gene"].unique()) if not name.startswith("Blank")]
    adata = make_adata(cells=list(outlines), genes=genes)
    # 9.20585 pixels per micrometre, from the corner of the image
    affine = np.array([[9.20585, 0, -6400.029 * 9.20585], [0, 9.20585, -4699.967 * 9.20585], [0, 0, 1]])
    pp.transcripts(
        adata, folder / "vizgen_transcripts.gz", x="global_x", y="global_y", polygons=polygons, affine=affine,
        unknown_genes="drop", path=tmp_path / "t.parquet", progress=False,
    )  # fmt: skip
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["global_x"], table["global_y"]))
    joined = points[~points["gene"].str.startswith("Blank")].sjoin(polygons, predicate="intersects")
    joined = joined[~joined.index.duplicated()]
    counts = adata.uns["transcripts"]["counts"]
    assert counts["molecules"] == len(table) == 80343
    assert counts["unknown_genes"] == table["gene"].str.startswith("Blank").sum() > 0
    # rounding to float32 may move a molecule across an edge
    assert counts["kept"] == pytest.approx(len(joined), abs=10)
    per_cell = np.diff(adata.obsm["transcripts"][["start", "stop"]]).ravel()
    expected = joined["index_right"].value_counts().reindex(adata.obs_names, fill_value=0).to_numpy()
    assert np.abs(per_cell - expected).sum() <= 10
    centres = shapely.transform(
        shapely.centroid(polygons.geometry.array), lambda xy: xy @ affine[:2, :2].T + affine[:2, 2]
    )
    middle = adata.obsm["transcripts"][per_cell > 30]
    found = shapely.get_coordinates(centres)[per_cell > 30]
    assert np.abs(middle[["x", "y"]] - found).median().max() < 15  # of cells some 100 pixels wide


def test_error_masks_of_several_modalities(tmp_path):
    data = make_mudata_of_two(add_masks)
    with pytest.raises(
        ValueError, match="Several modalities have masks: 'stain', 'other'.*Set mod.*cr.pp.masks with mod"
    ):
        pp.transcripts(data, make_table(), mod="rna", path=tmp_path / "t", progress=False)
    add_masks(data["rna"])
    pp.transcripts(data, make_table(), mod="rna", path=tmp_path / "t", progress=False)
