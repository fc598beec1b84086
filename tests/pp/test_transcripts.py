import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from molecules import GENES, add_crops, expected_of, make_adata, make_mudata, make_table, molecules_of, squares
from shapely.geometry import box

from crepr import pp
from crepr.get._molecule_reader import molecule_reader
from crepr.images._molecules import open_molecules, split_uri


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
