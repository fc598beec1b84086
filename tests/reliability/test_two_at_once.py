"""Two processes that write to the same place: one is refused or both end, and what is there is whole."""

import numpy as np
import pytest
from killed import WORK, finish, start

#: Whether one process at a time may do the work.
WRITES = {
    "train_vae": True,
    "tune_vae": True,
    "model.save": False,
    "classical_features": False,
    "pp.transcripts": False,
    "pp.crops": False,
    "pl.explorer": False,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITES)
def test_two_at_once(name, tmp_path):
    (tmp_path / "input").mkdir()
    WORK[name].prepare(tmp_path / "input")
    expected, _ = finish(name, tmp_path)
    for folder in ("first", "second", "third"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "input").symlink_to(tmp_path / "input")
        both = {result: start(name, tmp_path / folder, result) for result in ("one", "other")}
        refused = 0
        for result, process in both.items():
            process.join()
            if process.exitcode:
                refused += 1
                assert WRITES[name]
                assert "is in use by another process" in (tmp_path / folder / f"{result}.txt").read_text()
            else:
                np.testing.assert_array_equal(np.load(tmp_path / folder / f"{result}.npy"), expected)
        assert refused < 2
        for check in WORK[name].old.values():
            check(tmp_path / folder)
        assert not [path for path in (tmp_path / folder).iterdir() if path.name.endswith(".tmp")]
