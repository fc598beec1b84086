import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from molecules import GENES, expected_of, make_adata, make_table, molecules_of
from scipy.sparse import csr_matrix

from crepr import pp


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
