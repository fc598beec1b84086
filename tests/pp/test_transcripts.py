import logging

import anndata as ad
import dask.dataframe as dd
import geopandas as gpd
import mudata as md
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from shapely.geometry import Polygon, box

from crepr import pp
from crepr.get._image_table import image_table
from crepr.get._molecule_reader import molecule_reader
from crepr.images._molecules import open_molecules, split_uri
from crepr.images._source import Source

CELLS = ["c1", "c2", "c3", "c4"]
GENES = ["Actb", "Cd4", "Ins1", "Krt8", "Xist"]


def make_adata(cells=CELLS, genes=GENES):
    adata = ad.AnnData(np.zeros((len(cells), len(genes)), np.float32))
    adata.obs_names, adata.var_names = cells, genes
    return adata


def make_mudata(rna, stain):
    stain.var_names = [f"stain {i}" for i in range(stain.n_vars)]
    return md.MuData({"rna": rna, "stain": stain})


def make_table(seed=0, n=200):
    """Cells are squares of 10 pixels beside each other, at x = 0, 10, 20, 30; the last fifth lies in none."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.uniform(0, 50, n), "y": rng.uniform(0, 10, n), "gene": rng.choice(GENES, n)})
    cell = [*CELLS, "UNASSIGNED"]
    return table.assign(cell=[cell[i] for i in (table["x"] // 10).astype(int)], is_noise=rng.uniform(size=n) < 0.1)


def add_crops(adata, uris=("uns:image",), shape=(1, 10, 50), affine=None):
    """Register crops of images, cells dealt out to the images in turn."""
    image = [uris[i % len(uris)] for i in range(adata.n_obs)]
    adata.obsm["crops"] = pd.DataFrame(
        {"image": pd.Categorical(image, categories=uris), "y": 5.0, "x": 5 + 10.0 * np.arange(adata.n_obs)},
        index=adata.obs_names,
    )
    sources = [Source(uri, np.zeros(shape, np.uint8), "cyx", ("0",)) for uri in uris]
    affine = affine or [np.eye(3)] * len(uris)
    adata.uns["crops"] = {
        "images": image_table(sources), "size": 10, "affine": {str(i): matrix for i, matrix in enumerate(affine)},
    }  # fmt: skip


def add_masks(adata, labels=(1, 2, 3, 4)):
    image = np.zeros((10, 50), np.uint16)
    image[:, :40] = np.repeat([1, 2, 3, 4], 10)
    adata.uns["labels"] = image
    adata.obsm["masks"] = pd.DataFrame(
        {"image": pd.Categorical(["uns:labels"] * adata.n_obs), "label": labels}, index=adata.obs_names
    )
    adata.uns["masks"] = {"images": image_table([Source("uns:labels", image[None], "cyx", ("0",), None, "yx")])}


def squares(cells=CELLS):
    return gpd.GeoDataFrame(geometry=[box(10 * i, 0, 10 * i + 10, 10) for i in range(len(cells))], index=cells)


def molecules_of(adata):
    """Per cell: its molecules as sorted tuples, through the references."""
    reader = molecule_reader(adata)
    cell, y, x, gene = reader.read(np.arange(adata.n_obs))
    names = np.array(reader.genes)[gene]
    return {
        name: sorted(zip(y[cell == i].tolist(), x[cell == i].tolist(), names[cell == i], strict=True))
        for i, name in enumerate(adata.obs_names)
    }


def expected_of(table, cells=CELLS):
    table = table.astype({"x": np.float32, "y": np.float32})
    return {
        name: sorted(table.loc[table["cell"] == name, ["y", "x", "gene"]].itertuples(index=False, name=None))
        for name in cells
    }


def test_anchor(tmp_path, caplog):
    adata = make_adata()
    table = pd.DataFrame(
        [
            (1.5, 2.5, "Cd4", "c2", False),
            (9.0, 9.0, "Actb", "c1", True),
            (3.5, 6.5, "Ins1", "c2", False),
            (1.0, 1.0, "Cd4", "0", False),
            (1.0, 1.0, "Blank-1", "c2", False),
            (7.0, 8.0, "Cd4", "c4", False),
        ],
        columns=["x", "y", "gene", "cell", "noise"],
    )
    with caplog.at_level(logging.INFO, logger="crepr"):
        result = pp.transcripts(
            adata, table, cell="cell", noise="noise", unknown_genes="drop", path=tmp_path / "t.parquet", progress=False
        )
    assert result is None
    references = adata.obsm["transcripts"]
    assert references[["start", "stop"]].to_numpy().tolist() == [[0, 0], [0, 2], [2, 2], [2, 3]]
    assert references["start"].dtype == references["stop"].dtype == np.int64
    np.testing.assert_array_equal(references[["y", "x"]], [[np.nan] * 2, [4.5, 2.5], [np.nan] * 2, [8, 7]])
    (uri,) = references["table"].cat.categories
    assert split_uri(uri)[0] == tmp_path / "t.parquet"
    stored = open_molecules(uri)
    assert stored.genes == ("Cd4", "Ins1")
    assert stored.gene.tolist() == [0, 1, 0]
    uns = adata.uns["transcripts"]
    assert uns["genes"].tolist() == ["Cd4", "Ins1"]
    assert uns["counts"] == {
        "molecules": 6, "kept": 3, "noise": 1, "unknown_genes": 1, "not_in_genes": 0, "no_cell": 1, "out_of_image": 0,
        "rare_genes": 0, "small_cells": 0, "in_several_cells": 0, "genes": 2, "genes_dropped": 0, "cells": 2,
        "cells_dropped": 0,
    }  # fmt: skip
    assert "6 molecules, 3 in 2 cells, 2 genes; left out: noise 1, unknown_genes 1, no_cell 1" in caplog.text


def test_anchor_genes_with_more_and_cells_with_at_least(tmp_path):
    adata = make_adata(cells=["c1", "c2", "c3"], genes=["a", "b", "c"])
    # a: 3 molecules, b: 4, c: 5; without a, c1 has 2 molecules, c2 has 3, c3 has 4
    rows = [("a", "c3")] * 3 + [("b", "c1")] * 2 + [("b", "c2")] * 2 + [("c", "c2")] + [("c", "c3")] * 4
    table = pd.DataFrame(rows, columns=["gene", "cell"]).assign(x=1.0, y=1.0)
    pp.transcripts(
        adata, table, cell="cell", path=tmp_path / "t.parquet", min_gene_count=3, min_cell_count=3, progress=False
    )
    assert adata.uns["transcripts"]["genes"].tolist() == ["b", "c"]
    assert (adata.obsm["transcripts"]["stop"] - adata.obsm["transcripts"]["start"]).tolist() == [0, 3, 4]
    counts = adata.uns["transcripts"]["counts"]
    assert (counts["rare_genes"], counts["small_cells"]) == (3, 2)
    assert (counts["genes"], counts["genes_dropped"], counts["cells"], counts["cells_dropped"]) == (2, 1, 2, 1)


@pytest.mark.parametrize("kind", ["pandas", "dask", "csv", "csv.gz", "gz", "tsv", "parquet", "folder", "categories"])
def test_reference_is_pandas_whatever_the_format(tmp_path, kind):
    adata, table = make_adata(), make_table()
    expected = expected_of(table[~table["is_noise"]])
    options = {"path": tmp_path / "sorted" / "t.parquet"}
    molecules = tmp_path / f"transcripts.{kind}"
    if kind == "pandas":
        molecules = table
    elif kind == "categories":
        molecules = table.astype({"gene": "category", "cell": "category"})
    elif kind == "dask":
        molecules = dd.from_pandas(table, npartitions=3)
    elif kind in ("parquet", "folder"):
        molecules.mkdir() if kind == "folder" else None
        table.to_parquet(molecules / "part.parquet" if kind == "folder" else molecules, row_group_size=70)
    else:
        compression = "gzip" if kind.endswith("gz") else None
        table.to_csv(molecules, sep="\t" if kind == "tsv" else ",", compression=compression)
    pp.transcripts(adata, molecules, cell="cell", noise="is_noise", progress=False, **options)
    assert molecules_of(adata) == expected


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 15))
def test_property_every_molecule_is_kept_or_counted_once(tmp_path_factory, seed, min_gene_count, min_cell_count):
    adata = make_adata(genes=GENES[:4])
    add_crops(adata, shape=(1, 10, 37))
    table = make_table(seed)
    pp.transcripts(
        adata, table, cell="cell", noise="is_noise", unknown_genes="drop", min_gene_count=min_gene_count,
        min_cell_count=min_cell_count, path=tmp_path_factory.mktemp("t") / "t.parquet", progress=False,
    )  # fmt: skip
    counts = adata.uns["transcripts"]["counts"]
    losses = ["noise", "unknown_genes", "not_in_genes", "no_cell", "out_of_image", "rare_genes", "small_cells"]
    assert counts["molecules"] == 200 == counts["kept"] + sum(counts[name] for name in losses)
    assert counts["kept"] == molecule_reader(adata).n_molecules
    table = table[~table["is_noise"] & (table["gene"] != "Xist")]
    assert counts["no_cell"] == (table["x"] >= 40).sum()
    assert counts["out_of_image"] == ((table["x"] >= 37) & (table["x"] < 40)).sum()
    per_cell = np.diff(adata.obsm["transcripts"][["start", "stop"]]).ravel()
    assert ((per_cell == 0) | (per_cell >= min_cell_count)).all()


def test_property_order_of_rows_changes_nothing_else(tmp_path):
    table = make_table()
    found = []
    for name, rows in (("1", table), ("2", table.sample(frac=1, random_state=0))):
        adata = make_adata()
        pp.transcripts(adata, rows, cell="cell", path=tmp_path / f"{name}.parquet", progress=False)
        found.append(molecules_of(adata))
    assert found[0] == found[1] == expected_of(table)


def test_property_called_again_finds_the_table(tmp_path, caplog):
    adata, table = make_adata(), make_table()
    options = {"cell": "cell", "path": tmp_path / "t.parquet", "progress": False}
    pp.transcripts(adata, table, **options)
    before = (tmp_path / "t.parquet").stat().st_mtime_ns
    again = make_adata()
    with caplog.at_level(logging.INFO, logger="crepr"):
        pp.transcripts(again, table.copy(), **options)
    assert "Found sorted by cell" in caplog.text
    assert (tmp_path / "t.parquet").stat().st_mtime_ns == before
    pd.testing.assert_frame_equal(again.obsm["transcripts"], adata.obsm["transcripts"])
    assert again.uns["transcripts"]["counts"] == adata.uns["transcripts"]["counts"]


@pytest.mark.parametrize(
    "change",
    [{"min_gene_count": 1}, {"pixel_size": 2.0}, {"noise": "is_noise"}, {"genes": ["Actb", "Cd4"]}, "table", "cells"],
)
def test_property_other_options_are_another_table(tmp_path, change):
    adata, table = make_adata(), make_table()
    options = {"cell": "cell", "path": tmp_path / "t.parquet", "progress": False}
    pp.transcripts(adata, table, **options)
    before = (tmp_path / "t.parquet").read_bytes()
    if change == "table":
        table = table.assign(x=table["x"] + 1)
    other = adata[:3].copy() if change == "cells" else adata.copy()
    options |= change if isinstance(change, dict) else {}
    with pytest.raises(FileExistsError, match="Give another path, or set overwrite=True"):
        pp.transcripts(other, table, **options)
    assert (tmp_path / "t.parquet").read_bytes() == before
    pp.transcripts(other, table, overwrite=True, **options)
    assert molecule_reader(other).n_molecules > 0
    with pytest.raises(ValueError, match="holds another table"):
        molecule_reader(adata)


def test_property_beside_the_file_by_default(tmp_path):
    make_table().to_csv(tmp_path / "detected.transcripts.csv.gz")
    adata = make_adata()
    pp.transcripts(adata, tmp_path / "detected.transcripts.csv.gz", cell="cell", progress=False)
    (uri,) = adata.obsm["transcripts"]["table"].cat.categories
    assert split_uri(uri)[0] == tmp_path / "detected.transcripts_by_cell.parquet"


@pytest.mark.parametrize("cell", [np.int64, np.float64, str])
def test_property_ids_may_be_numbers(tmp_path, cell):
    adata = make_adata(cells=["1", "2", "3"])
    table = pd.DataFrame({"x": 1.0, "y": 1.0, "gene": "Cd4", "cell": np.array([0, 2, 3, 2]).astype(cell)})
    if cell is np.float64:
        table.loc[0, "cell"] = np.nan
    for kind in ("frame", "csv"):  # in the CSV, floats are written as 2.0
        table.to_csv(tmp_path / "t.csv")
        pp.transcripts(
            adata, table if kind == "frame" else tmp_path / "t.csv", cell="cell", path=tmp_path / kind, progress=False
        )
        assert np.diff(adata.obsm["transcripts"][["start", "stop"]]).ravel().tolist() == [0, 2, 1]
        assert adata.uns["transcripts"]["counts"]["no_cell"] == 1


def test_property_long_ids_in_csv_stay_whole(tmp_path):
    cells = ["40951783403982682273285375368232495429", "40951783403982682273285375368232495430"]
    adata = make_adata(cells=cells)
    pd.DataFrame({"x": 1.0, "y": 1.0, "gene": "Cd4", "cell": cells[1:]}).to_csv(tmp_path / "t.csv", index=False)
    pp.transcripts(adata, tmp_path / "t.csv", cell="cell", progress=False)
    assert np.diff(adata.obsm["transcripts"][["start", "stop"]]).ravel().tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32, str, object, "boolean"])
def test_property_noise_may_be_flags_of_any_type(tmp_path, dtype):
    adata, table = make_adata(), make_table()
    noise = table["is_noise"].to_numpy()
    pp.transcripts(
        adata, table.assign(is_noise=pd.Series(noise).astype(dtype)), cell="cell", noise="is_noise",
        path=tmp_path / "t", progress=False,
    )  # fmt: skip
    assert adata.uns["transcripts"]["counts"]["noise"] == noise.sum()
    assert molecules_of(adata) == expected_of(table[~noise])


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


def test_property_masks_tell_the_size_of_the_image(tmp_path):
    adata = make_adata()
    add_masks(adata)
    table = pd.DataFrame({"x": [1.0, 60, 45, -1], "y": [1.0, 1, 1, 1], "gene": "Cd4"})
    pp.transcripts(adata, table, path=tmp_path / "t", progress=False)
    counts = adata.uns["transcripts"]["counts"]
    assert (counts["kept"], counts["out_of_image"], counts["no_cell"]) == (1, 2, 1)


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


def test_property_genes_asked_for(tmp_path):
    adata, table = make_adata(genes=GENES[:4]), make_table()
    pp.transcripts(adata, table, cell="cell", genes=["Krt8", "Actb"], path=tmp_path / "t", progress=False)
    assert adata.uns["transcripts"]["genes"].tolist() == ["Actb", "Krt8"]
    assert molecules_of(adata) == expected_of(table[table["gene"].isin(["Actb", "Krt8"])])


def test_property_copy_leaves_the_data_alone(tmp_path):
    adata = make_adata()
    other = pp.transcripts(adata, make_table(), cell="cell", path=tmp_path / "t", progress=False, copy=True)
    assert "transcripts" in other.obsm
    assert "transcripts" not in adata.obsm
    assert "transcripts" not in adata.uns


@pytest.fixture
def registered(tmp_path):
    adata, table = make_adata(), make_table()
    adata.X = csr_matrix(adata.X)
    pp.transcripts(adata, table, cell="cell", path=tmp_path / "t.parquet", min_gene_count=2, progress=False)
    return adata, expected_of(table)


@pytest.mark.parametrize("form", ["h5ad", "zarr", "h5mu"])
def test_property_references_survive_writing(tmp_path, registered, form):
    adata, expected = registered
    path = tmp_path / f"data.{form}"
    if form == "h5mu":
        md.MuData({"rna": adata}).write(path)
        read = md.read(path)["rna"]
    else:
        (adata.write_h5ad if form == "h5ad" else adata.write_zarr)(path)
        read = ad.read_h5ad(path) if form == "h5ad" else ad.read_zarr(path)
    assert molecules_of(read) == expected
    assert read.uns["transcripts"]["counts"] == adata.uns["transcripts"]["counts"]
    assert read.uns["transcripts"]["genes"].tolist() == GENES
    assert read.obsm["transcripts"]["start"].dtype == np.int64


def test_property_references_survive_subsetting_and_joining(tmp_path, registered):
    adata, expected = registered
    part = adata[["c4", "c2"]]
    assert molecules_of(part) == {"c4": expected["c4"], "c2": expected["c2"]}
    assert molecules_of(part.copy()) == molecules_of(part)
    other, table = make_adata(cells=["d1", "d2"]), make_table(1).replace({"c1": "d2", "c3": "d1"})
    pp.transcripts(other, table, cell="cell", path=tmp_path / "other.parquet", progress=False)
    joined = ad.concat([part, other])
    assert molecules_of(joined) == molecules_of(part) | expected_of(table, ["d1", "d2"])
    joined.write_h5ad(tmp_path / "joined.h5ad")
    assert molecules_of(ad.read_h5ad(tmp_path / "joined.h5ad")) == molecules_of(joined)


def test_property_references_are_small(tmp_path):
    cells = [f"{i}" for i in range(5000)]
    table = pd.DataFrame({"x": 1.0, "y": 1.0, "gene": "Cd4", "cell": cells})
    adata = make_adata(cells=cells)
    pp.transcripts(adata, table, cell="cell", path=tmp_path / "t", progress=False)
    assert adata.obsm["transcripts"].memory_usage(index=False, deep=True).sum() < 50 * 5000


def test_property_moved_table_is_found_again(tmp_path, registered):
    adata, expected = registered
    (tmp_path / "new").mkdir()
    (tmp_path / "t.parquet").rename(tmp_path / "new" / "t.parquet")
    with pytest.raises(FileNotFoundError, match=r"relocate="):
        molecule_reader(adata)
    pp.transcripts(adata, relocate={tmp_path: tmp_path / "new"})
    assert molecules_of(adata) == expected
    (tmp_path / "new" / "t.parquet").rename(tmp_path / "u.parquet")
    pp.transcripts(adata, relocate={str(tmp_path / "new" / "t.parquet"): tmp_path / "u.parquet"})
    assert molecules_of(adata) == expected


def test_error_moved_to_another_table(tmp_path, registered):
    adata, expected = registered
    pp.transcripts(make_adata(), make_table(1), cell="cell", path=tmp_path / "other", progress=False)
    with pytest.raises(ValueError, match="holds another table"):
        pp.transcripts(adata, relocate={tmp_path / "t.parquet": tmp_path / "other"})
    with pytest.raises(FileNotFoundError, match="is not there"):
        pp.transcripts(adata, relocate={tmp_path / "t.parquet": tmp_path / "nowhere"})
    with pytest.raises(ValueError, match="relocate='/nowhere' fits none"):
        pp.transcripts(adata, relocate={"/nowhere": tmp_path})
    with pytest.raises(TypeError, match="must map old places to new ones, got str"):
        pp.transcripts(adata, relocate="/nowhere")
    assert molecules_of(adata) == expected


def test_warns_if_molecules_lie_beside_the_crops(tmp_path):
    adata = make_adata()
    add_crops(adata, shape=(1, 1000, 1000))
    with pytest.warns(
        UserWarning, match="molecules of 4 of 4 cells lie outside of the cells' crops. Check that pixel_size"
    ):
        pp.transcripts(adata, make_table(), cell="cell", pixel_size=0.1, path=tmp_path / "t", progress=False)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"cell": "cells"}, KeyError, r"No 'cells' in the columns of molecules .*'cell'.* Set cell to one of them"),
        ({"gene": "target"}, KeyError, "Set gene to one of them"),
        ({"noise": "gene"}, ValueError, r"noise='gene' must hold True and False .*'"),
        ({"x": "gene"}, TypeError, "x='gene' must be a column of numbers"),
        ({"unknown_genes": "skip"}, ValueError, "unknown_genes must be one of 'error', 'drop', got 'skip'"),
        ({"min_gene_count": -1}, ValueError, "min_gene_count must be at least 0"),
        ({"min_cell_count": 1.5}, TypeError, "min_cell_count must be an integer"),
        ({"min_cell_count": 1000}, ValueError, r"min_cell_count=1000 leave no molecule \(200 molecules, none kept; left out"),
        ({"genes": ["Actb", "Foxp3"]}, ValueError, r"genes must name genes of var_names, got 1 others \('Foxp3'\)"),
        ({"genes": []}, ValueError, "genes must name genes"),
        ({"genes": "Actb"}, TypeError, r"Write \['Actb'\]"),
        ({"pixel_size": 0}, ValueError, "pixel_size must be a finite number above 0"),
        ({"pixel_size": 1, "affine": np.eye(3)}, ValueError, "either pixel_size or affine"),
        ({"affine": np.eye(2)}, ValueError, "affine must be an invertible 3 x 3 matrix"),
        ({"polygons": squares()}, ValueError, "Set either cell or polygons"),
        ({"cell": None}, ValueError, "Nothing says which cell a molecule is of. Set cell to a column.*cr.pp.masks first"),
        ({"cell": None, "polygons": [box(0, 0, 1, 1)]}, TypeError, "polygons must be a GeoDataFrame indexed by cell.*got list"),
        ({"cell": None, "polygons": squares(["x"])}, ValueError, r"polygons has no cell of .obs_names: its index begins 'x'"),
        ({"path": None}, ValueError, "Set path to the Parquet file to write"),
        ({"mod": "rna"}, ValueError, "needs a MuData"),
        ({"molecules": 3}, TypeError, "molecules must be a pandas or dask DataFrame.*got int"),
        ({"molecules": None}, TypeError, "molecules is missing"),
        ({"molecules": "gone.csv"}, FileNotFoundError, "molecules='gone.csv' is not there"),
        ({"molecules": "spatialdata:gone.zarr#a"}, FileNotFoundError, "there is no store 'gone.zarr'"),
        ({"relocate": {"a": "b"}}, ValueError, "either molecules or relocate"),
    ],
)  # fmt: skip
def test_error_options(tmp_path, change, error, match):
    adata = make_adata()
    options = {"molecules": make_table(), "cell": "cell", "path": tmp_path / "t.parquet", "progress": False}
    with pytest.raises(error, match=match):
        pp.transcripts(adata, **(options | change))
    assert not list(tmp_path.iterdir())
    assert not adata.obsm
    assert not adata.uns


@pytest.mark.parametrize("kind", ["frame", "csv"])
@pytest.mark.parametrize(
    ("column", "values", "error", "match"),
    [
        ("x", {3: np.nan, 100: np.inf}, ValueError, r"2 molecules have NaN or infinite positions \('x', 'y'\)"),
        ("gene", {0: "Blank-2", 1: "Blank-1", 2: "Blank-1"}, ValueError, r"2 genes that var_names lacks \('Blank-1', 'Blank-2'\), with 3 molecules.*unknown_genes='drop'"),
        ("gene", {0: None}, ValueError, r"1 genes that var_names lacks \('\(none\)'\)"),
        ("cell", dict.fromkeys(range(200), "cell_7"), ValueError, r"No molecule lies in any cell: column 'cell' has values such as 'cell_7', .obs_names such as 'c1', 'c2', 'c3'"),
    ],
)  # fmt: skip
def test_error_content(tmp_path, kind, column, values, error, match):
    adata, table = make_adata(), make_table()
    table[column] = table[column].astype(object)
    for row, value in values.items():
        table.loc[row, column] = value
    (tmp_path / "in").mkdir()
    if kind == "csv":
        table.to_csv(tmp_path / "in" / "t.csv", index=False)
        table = tmp_path / "in" / "t.csv"
    with pytest.raises(error, match=match):
        pp.transcripts(adata, table, cell="cell", path=tmp_path / "out" / "t.parquet", progress=False)
    assert not list((tmp_path / "out").iterdir())
    assert "transcripts" not in adata.obsm


def test_error_no_molecule_in_any_polygon(tmp_path):
    with pytest.raises(
        ValueError, match=r"No molecule lies in any cell \(200 molecules, none kept; left out: no_cell 200"
    ):
        pp.transcripts(
            make_adata(), make_table().assign(x=1000.0), polygons=squares(), path=tmp_path / "t", progress=False
        )


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_error_truncated(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    table = make_table(n=3000)
    table.to_parquet(path) if kind == "parquet" else table.to_csv(path, index=False)
    content = path.read_bytes()
    path.write_bytes(
        content[: len(content) // 2].rpartition(b",")[0] if kind == "csv" else content[: len(content) // 2]
    )
    with pytest.raises(ValueError, match=r"cannot be read as (CSV|Parquet)"):
        pp.transcripts(make_adata(), path, cell="cell", progress=False)
    assert list(tmp_path.iterdir()) == [path]


def test_error_what_is_there_is_left_alone(tmp_path):
    path = tmp_path / "precious.parquet"
    make_table().to_parquet(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"holds something else.*is left as it is"):
        pp.transcripts(make_adata(), make_table(), cell="cell", path=path, overwrite=True, progress=False)
    with pytest.raises(ValueError, match="must be a file of its own"):
        pp.transcripts(make_adata(), path, cell="cell", path=path, overwrite=True, progress=False)
    with pytest.raises(ValueError, match="must be a file of its own"):
        pp.transcripts(make_adata(), make_table(), cell="cell", path=tmp_path, progress=False)
    assert path.read_bytes() == before


def test_error_names(tmp_path):
    options = {"cell": "cell", "path": tmp_path / "t", "progress": False}
    same_cells, same_genes = make_adata(cells=["c1", "c1"]), make_adata(genes=["Cd4", "Cd4"])
    with pytest.raises(ValueError, match=r"obs_names must be unique; 1 are repeated \('c1'\)"):
        pp.transcripts(same_cells, make_table(), **options)
    with pytest.raises(ValueError, match=r"var_names must be unique; 1 are repeated \('Cd4'\)"):
        pp.transcripts(same_genes, make_table(), **options)
    with pytest.raises(ValueError, match="There are several modalities"):
        pp.transcripts(make_mudata(make_adata(), make_adata()), make_table(), **options)


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
