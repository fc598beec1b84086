import pickle

import numpy as np
import pytest

from crepr.images._open import open_source
from crepr.images._source import Source


@pytest.fixture
def source():
    return Source("uns:a", np.zeros((2, 5, 6), ">u2"), "cyx", ("DAPI", "membrane"), 0.5, "cyx")


def test_anchor_properties(source):
    assert (source.height, source.width, source.n_channels, source.dtype) == (5, 6, 2, np.dtype("u2"))
    assert source.channel_positions(["membrane", "DAPI"]) == [1, 0]


def test_memory_goes_along_and_files_are_opened_anew(source, tmp_path):
    again = pickle.loads(pickle.dumps(source))
    assert again == source
    np.testing.assert_array_equal(again.array, source.array)
    np.save(tmp_path / "a.npy", np.ones((5, 6, 1000)))
    opened = open_source(str(tmp_path / "a.npy"), axes="yxc", pixel_size=2.0)
    sent = pickle.dumps(opened)
    assert len(sent) < 20_000
    assert pickle.loads(sent) == opened
    (tmp_path / "a.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.npy"):
        pickle.loads(sent)


def test_error_channel(source):
    with pytest.raises(ValueError, match=r"channels=\['RNA'\] are not in 'uns:a', which has \['DAPI', 'membrane'\]"):
        source.channel_positions(["DAPI", "RNA"])
