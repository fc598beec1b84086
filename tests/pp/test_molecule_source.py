import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from molecules import expected_of, make_adata, make_table, molecules_of

from crepr import pp


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
