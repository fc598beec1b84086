import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.images._molecule_reader import MoleculeReader
from crepr.images._molecules import write_molecules


def make_table(path, *, genes, n_cells=8, n=120, seed=0, fingerprint="0" * 16):
    """A table, its references, and the same molecules as a plain list of cells."""
    rng = np.random.default_rng(seed)
    cell = np.sort(rng.integers(0, n_cells, n))
    y, x = rng.uniform(0, 100, (2, n)).astype(np.float32)
    gene = rng.integers(0, len(genes), n)
    uri = write_molecules(path, y=y, x=x, gene=gene, cell=cell, genes=genes, fingerprint=fingerprint)
    stop = np.bincount(cell, minlength=n_cells).cumsum()
    references = pd.DataFrame({"table": uri, "start": np.r_[0, stop[:-1]], "stop": stop})
    names = np.array(genes)[gene]
    cells = [list(zip(y[cell == i], x[cell == i], names[cell == i], strict=True)) for i in range(n_cells)]
    return references, cells


@pytest.fixture(scope="module")
def two_tables(tmp_path_factory):
    """Cells of two tables with other genes, in another order, mixed."""
    folder = tmp_path_factory.mktemp("molecules")
    first, first_cells = make_table(folder / "1.parquet", genes=["a", "b", "c"])
    second, second_cells = make_table(folder / "2.parquet", genes=["d", "c", "a"], seed=1)
    references = pd.concat([first, second], ignore_index=True)  # the tables become text, as in ad.concat
    order = np.random.default_rng(2).permutation(len(references))[:13]
    cells = [*first_cells, *second_cells]
    return references.iloc[order], [cells[i] for i in order]


def as_list(molecules, genes, n):
    cell, y, x, gene = molecules
    return [list(zip(y[cell == i], x[cell == i], np.array(genes)[gene[cell == i]], strict=True)) for i in range(n)]


def test_anchor(tmp_path):
    uri = write_molecules(
        tmp_path / "t.parquet", y=np.array([1, 2, 3]), x=np.array([4, 5, 6]), gene=np.array([0, 1, 0]),
        cell=np.array([0, 0, 1]), genes=["a", "b"], fingerprint="0" * 16,
    )  # fmt: skip
    references = pd.DataFrame({"table": [uri] * 3, "start": [0, 2, 3], "stop": [2, 3, 3]})
    reader = MoleculeReader(references, genes=["b", "a"])
    assert (reader.n_obs, reader.n_molecules, reader.genes) == (3, 3, ("b", "a"))
    cell, y, x, gene = reader.read(np.array([1, 2, 0]))
    assert cell.tolist() == [0, 2, 2]
    assert y.tolist() == [3, 1, 2]
    assert x.tolist() == [6, 4, 5]
    assert gene.tolist() == [1, 1, 0]
    assert [a.dtype for a in (cell, y, x, gene)] == [np.int64, np.float32, np.float32, np.int64]


@given(st.lists(st.integers(0, 12), max_size=30), st.permutations(["a", "b", "c", "d"]), st.integers(1, 4))
def test_reference_is_a_loop_over_cells_and_genes_by_name(two_tables, cells, genes, n_genes):
    references, molecules = two_tables
    genes = genes[:n_genes]
    reader = MoleculeReader(references, genes=genes)
    expected = [[molecule for molecule in molecules[i] if molecule[2] in genes] for i in cells]
    assert as_list(reader.read(np.array(cells, int)), genes, len(cells)) == expected


def test_property_pickled_reader_reads_the_same(two_tables):
    reader = MoleculeReader(two_tables[0], genes=["c", "a"])
    copy = pickle.loads(pickle.dumps(reader))
    cells = np.arange(13)
    for one, other in zip(reader.read(cells), copy.read(cells), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(pickle.dumps(reader)) < 10_000  # references travel, molecules do not


def test_property_only_what_is_needed_is_held(tmp_path):
    references, _ = make_table(tmp_path / "t.parquet", genes=["a", "b"], n_cells=20, n=2000)
    reader = MoleculeReader(references.iloc[[3, 17]], genes=["b"])
    assert len(reader._y) == reader.n_molecules < 200


def test_property_no_cells_and_many_genes(tmp_path):
    genes = [f"{i}" for i in range(40_000)]
    references, molecules = make_table(tmp_path / "t.parquet", genes=genes)
    assert as_list(MoleculeReader(references, genes=genes).read(np.arange(8)), genes, 8) == molecules
    reader = MoleculeReader(references.iloc[:0], genes=genes)
    assert [len(values) for values in reader.read(np.array([], int))] == [0] * 4


def test_error_genes(two_tables):
    with pytest.raises(ValueError, match=r"2 of 3 genes are in no table of molecules: 'X', 'Y'"):
        MoleculeReader(two_tables[0], genes=["X", "a", "Y"])
    with pytest.raises(ValueError, match="must be unique; repeated are 'a'"):
        MoleculeReader(two_tables[0], genes=["a", "b", "a"])
    with pytest.raises(ValueError, match="genes is empty"):
        MoleculeReader(two_tables[0], genes=[])


def test_error_references(two_tables):
    references = two_tables[0].set_axis([f"cell {i}" for i in range(13)])
    with pytest.raises(KeyError, match="No 'stop' in the references"):
        MoleculeReader(references.drop(columns="stop"), genes=["a"])
    missing = references.astype({"start": float})
    missing.iloc[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"1 of 13 cells refer to no molecules \('cell 2'\)"):
        MoleculeReader(missing, genes=["a"])
    beyond = references.assign(stop=references["stop"] + 1000)
    with pytest.raises(ValueError, match="its 120 molecules does not have"):
        MoleculeReader(beyond, genes=["a"])
