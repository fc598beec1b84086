import pytest
from molecules import expected_of, make_adata, make_table, molecules_of
from scipy.sparse import csr_matrix

from crepr import pp
from crepr.get._molecule_reader import molecule_reader


@pytest.fixture
def registered(tmp_path):
    adata, table = make_adata(), make_table()
    adata.X = csr_matrix(adata.X)
    pp.transcripts(adata, table, cell="cell", path=tmp_path / "t.parquet", min_gene_count=2, progress=False)
    return adata, expected_of(table)


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
