import numpy as np
import pytest
import torch
from scipy.sparse import csc_matrix, csr_matrix

from crepr.train import _profile_input
from crepr.train._profile_input import ProfileInput

X = np.arange(35, dtype=np.float64).reshape(7, 5)


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix, csc_matrix])
def test_anchor_rows_in_the_order_asked_for(kind):
    shown = ProfileInput(kind(X), "abcde")
    rows = shown.read(np.array([3, 0, 6]))
    assert rows.dtype == torch.float32
    np.testing.assert_array_equal(rows, X[[3, 0, 6]])
    np.testing.assert_array_equal(ProfileInput(kind(X), "ca", columns=np.array([2, 0])).read(np.array([1])), [[7, 5]])
    np.testing.assert_array_equal(shown.assemble(rows, pose=None, device=torch.device("cpu"))["planes"], rows)


def test_rows_on_disk(tmp_path):
    import h5py

    with h5py.File(tmp_path / "x.h5", "w") as file:
        on_disk = file.create_dataset("x", data=X)
        # a file cannot be read out of order, nor a row twice
        np.testing.assert_array_equal(ProfileInput(on_disk, "abcde").read(np.array([4, 1, 4])), X[[4, 1, 4]])


def test_property_blocks_are_all_rows(monkeypatch):
    monkeypatch.setattr(_profile_input, "BLOCK", 11)
    blocks = list(ProfileInput(csr_matrix(X), "abcde").blocks())
    assert [start for start, _ in blocks] == [0, 2, 4, 6]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), X)
