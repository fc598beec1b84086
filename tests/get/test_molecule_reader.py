import anndata as ad
import numpy as np
import pandas as pd
import pytest

from crepr import pp
from crepr.get._molecule_reader import molecule_reader


def make(folder, *, genes, seed=0):
    rng = np.random.default_rng(seed)
    adata = ad.AnnData(
        np.zeros((6, 5)), pd.DataFrame(index=[f"{seed}-{i}" for i in range(6)]), pd.DataFrame(index=list("abcde"))
    )
    table = pd.DataFrame(rng.uniform(0, 50, (80, 2)), columns=["x", "y"])
    table = table.assign(gene=rng.choice(list(genes), 80), cell=rng.choice(adata.obs_names, 80))
    pp.transcripts(adata, table, cell="cell", path=folder / f"{seed}.parquet", progress=False)
    return adata, table


def names(reader, cells):
    cell, _, _, gene = reader.read(np.array(cells))
    return [sorted(np.array(reader.genes)[gene[cell == i]]) for i in range(len(cells))]


def expected(adata, table, cells, genes):
    kept = table[table["gene"].isin(list(genes))]
    return [sorted(kept["gene"][kept["cell"] == adata.obs_names[i]]) for i in cells]


def test_anchor_reads_what_was_registered(tmp_path):
    adata, table = make(tmp_path, genes="eca")
    reader = molecule_reader(adata)
    assert reader.genes == ("a", "c", "e")
    assert names(reader, [4, 0]) == expected(adata, table, [4, 0], "ace")


def test_property_genes_of_a_subset(tmp_path):
    adata, table = make(tmp_path, genes="eca")
    some = adata[:, ["e", "b", "a"]].copy()
    reader = molecule_reader(some)
    assert reader.genes == ("a", "e")
    assert names(reader, range(6)) == expected(adata, table, range(6), "ae")


def test_property_order_of_genes_is_as_asked(tmp_path):
    adata, table = make(tmp_path, genes="eca")
    reader = molecule_reader(adata, genes=["e", "a"])
    assert reader.genes == ("e", "a")
    assert names(reader, range(6)) == expected(adata, table, range(6), "ae")


def test_property_joined_objects_read_the_genes_that_all_tables_have(tmp_path):
    first, first_table = make(tmp_path, genes="abce")
    second, second_table = make(tmp_path, genes="ecbd", seed=1)
    joined = ad.concat([first, second])
    assert "transcripts" not in joined.uns
    reader = molecule_reader(joined)
    assert reader.genes == ("b", "c", "e")
    both = pd.concat([first_table, second_table])
    assert names(reader, range(12)) == expected(joined, both, range(12), "bce")


def test_property_genes_of_some_tables_only_warn(tmp_path):
    joined = ad.concat([make(tmp_path, genes="abce")[0], make(tmp_path, genes="ecbd", seed=1)[0]])
    with pytest.warns(UserWarning, match=r"6 of 12 cells refer to '.*1\.parquet.*lacks 1 of 2 genes \('a'\)"):
        reader = molecule_reader(joined, genes=["a", "b"])
    assert all("a" not in cell for cell in names(reader, range(6, 12)))


def test_error_nothing_registered():
    with pytest.raises(KeyError, match=r"No 'transcripts' in \.obsm .*Run cr\.pp\.transcripts first"):
        molecule_reader(ad.AnnData(np.zeros((2, 2))))


def test_error_genes(tmp_path):
    adata, _ = make(tmp_path, genes="ab")
    with pytest.raises(ValueError, match="1 of 2 genes are in no table of molecules: 'c'"):
        molecule_reader(adata, genes=["a", "c"])
    with pytest.raises(ValueError, match="1 of 2 genes are not in var_names: 'zz'. Take data that have them"):
        molecule_reader(adata, genes=["a", "zz"])
    with pytest.raises(ValueError, match="1 of 1 genes are not in var_names: 'b'"):
        molecule_reader(adata[:, ["a"]], genes=["b"])
    with pytest.raises(ValueError, match="None of the 2 genes that cr.pp.transcripts kept is in var_names"):
        molecule_reader(adata[:, ["c", "d"]])
    with pytest.raises(TypeError, match=r"Write \['a'\]"):
        molecule_reader(adata, genes="a")
    joined = ad.concat([adata, make(tmp_path, genes="cd", seed=1)[0]])
    with pytest.raises(ValueError, match="No gene of var_names is in all tables"):
        molecule_reader(joined)


def test_error_table_gone(tmp_path):
    adata, _ = make(tmp_path, genes="ab")
    (tmp_path / "0.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="relocate="):
        molecule_reader(adata)
