import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.images import _molecules
from crepr.images._molecules import open_molecules, read_columns, read_info, write_molecules

FINGERPRINT = "0123456789abcdef"


def write(path, cell, *, n_genes=3, seed=0, **options):
    rng = np.random.default_rng(seed)
    n = len(cell)
    arrays = {"y": rng.uniform(size=n), "x": rng.uniform(size=n), "gene": rng.integers(0, n_genes, n)}
    genes = [f"gene {i}" for i in range(n_genes)]
    options = {"genes": genes, "fingerprint": FINGERPRINT} | options
    return arrays, write_molecules(path, **arrays, cell=np.asarray(cell), **options)


def test_anchor_sorted_by_cell_in_the_order_given(tmp_path):
    uri = write_molecules(
        tmp_path / "t.parquet", y=np.array([1.0, 2, 3, 4]), x=np.array([5.0, 6, 7, 8]), gene=np.array([0, 1, 1, 0]),
        cell=np.array([2, 0, 2, 0]), genes=["a", "b"], fingerprint=FINGERPRINT, info={"counts": {"kept": 4}},
    )  # fmt: skip
    assert uri == f"{tmp_path / 't.parquet'}#{FINGERPRINT}"
    table = open_molecules(uri)
    assert table.y.tolist() == [2, 4, 1, 3]
    assert table.x.tolist() == [6, 8, 5, 7]
    assert table.gene.tolist() == [1, 0, 0, 1]
    assert table.genes == ("a", "b")
    assert [a.dtype for a in (table.y, table.x, table.gene)] == [np.float32, np.float32, np.int32]
    assert read_columns(uri, ["cell"])["cell"].tolist() == [0, 0, 2, 2]
    assert read_info(uri)["counts"] == {"kept": 4}
    assert read_info(uri)["n_molecules"] == 4


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 7))
def test_reference_is_pandas(tmp_path_factory, cell, rows):
    path = tmp_path_factory.mktemp("molecules") / "t.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_molecules, "ROWS", rows)  # several row groups
        arrays, _ = write(path, np.array(cell, int))
    expected = pd.DataFrame(arrays | {"cell": cell}).sort_values("cell", kind="stable")
    found = pd.read_parquet(path)
    assert pq.ParquetFile(path).num_row_groups == -(-len(cell) // rows)
    np.testing.assert_allclose(found, expected[found.columns], rtol=1e-6)


def test_property_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    write(path, [0, 1])
    before = path.read_bytes()
    monkeypatch.setattr(_molecules, "ROWS", 1)
    writer = pq.ParquetWriter.write_table
    calls = []

    def fail(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise OSError("No space left on device")
        return writer(*args, **kwargs)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    with pytest.raises(OSError, match="No space left"):
        write(path, [0, 1, 2])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_property_path_alone_is_a_uri(tmp_path):
    _, uri = write(tmp_path / "with#hash.parquet", [0])
    assert len(open_molecules(str(tmp_path / "with#hash.parquet")).y) == 1
    assert len(open_molecules(uri).y) == 1


def test_error_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.parquet' is not there.*relocate="):
        open_molecules(str(tmp_path / "gone.parquet"))


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_error_truncated(tmp_path, kept):
    path = tmp_path / "t.parquet"
    _, uri = write(path, np.zeros(100, int))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ValueError, match="damaged or cut short"):
        open_molecules(uri)


def test_error_damaged_within(tmp_path):
    path = tmp_path / "t.parquet"
    _, uri = write(path, np.zeros(5000, int))
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        open_molecules(uri)


def test_error_foreign(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"y": [1.0], "x": [1.0], "gene": [0], "cell": [0]}).to_parquet(path)
    with pytest.raises(ValueError, match="no table of molecules sorted by cell"):
        open_molecules(str(path))


def test_error_another_table_in_its_place(tmp_path):
    _, uri = write(tmp_path / "t.parquet", [0])
    write(tmp_path / "t.parquet", [0, 0], fingerprint="f" * 16)
    with pytest.raises(ValueError, match=r"holds another table.*ffffffffffffffff, not 0123456789abcdef"):
        open_molecules(uri)


def test_error_newer_format(tmp_path, monkeypatch):
    monkeypatch.setattr(_molecules, "FORMAT", 7)
    _, uri = write(tmp_path / "t.parquet", [0])
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"has format 7.*Update crepr"):
        open_molecules(uri)


def test_error_uri_is_no_text(tmp_path):
    with pytest.raises(TypeError, match="must be text"):
        open_molecules(tmp_path)


def test_anchor_notes_are_json_in_the_schema(tmp_path):
    write(tmp_path / "t.parquet", [0], info={"affine": np.eye(3)[None].tolist()})
    notes = json.loads(pq.read_schema(tmp_path / "t.parquet").metadata[b"crepr"])
    assert notes["genes"] == ["gene 0", "gene 1", "gene 2"]
    assert notes["affine"] == np.eye(3)[None].tolist()


@pytest.mark.parametrize(
    "header",
    [
        "{",
        "3",
        "{}",
        '{"format": "1", "genes": [], "fingerprint": ""}',
        '{"format": 1, "genes": [3], "fingerprint": ""}',
    ],
)
def test_error_notes_damaged(tmp_path, header):
    path = tmp_path / "t.parquet"
    write(path, [0])
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"crepr": header}), path)
    with pytest.raises(
        ValueError, match=r"t.parquet' cannot be read by what it says of itself: .*run cr.pp.transcripts again"
    ):
        read_info(str(path))


@pytest.mark.parametrize(
    ("name", "values"),
    [("gene", [0, 3]), ("gene", [-1, 0]), ("gene", ["a", "b"]), ("y", [0.0, np.nan]), ("x", [1, 2]), ("cell", [1, 0]), ("cell", [-1, 0])],
)  # fmt: skip
def test_error_values_that_are_never_written(tmp_path, name, values):
    path = tmp_path / "t.parquet"
    write(path, [0, 1])
    table = pq.read_table(path)
    kind = table.schema.field(name).type if not isinstance(values[0], str) and name != "x" else None
    place = table.schema.get_field_index(name)
    pq.write_table(table.set_column(place, name, [_molecules.pa.array(values, kind)]), path)
    with pytest.raises(ValueError, match=rf"t.parquet' cannot be read as Parquet: .*{name} .*damaged"):
        read_columns(str(path), [name])


def test_property_each_flipped_bit_of_the_pages_is_seen(tmp_path):
    path = tmp_path / "t.parquet"
    write(path, np.zeros(2000, int))
    content, end = path.read_bytes(), pq.read_metadata(path).row_group(0).column(0).total_compressed_size
    for place in np.random.default_rng(0).integers(100, end, 40):
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged or cut short"):
            read_columns(str(path), ["y"])
