"""Killed at random moments: inputs are as they were, outputs old or whole, and the next call ends as if nothing had been."""

import os

import numpy as np
import pytest
from killed import WORK, digest, finish, kill, start

TRIALS = int(os.environ.get("CREPR_TRIALS", "1"))


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_killed(name, tmp_path, record_property):
    (tmp_path / "input").mkdir()
    WORK[name].prepare(tmp_path / "input")
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    (undisturbed / "input").symlink_to(tmp_path / "input")
    before = digest(tmp_path / "input")
    expected, seconds = finish(name, undisturbed)
    names = {path.name for path in undisturbed.iterdir()}

    rng, killed = np.random.default_rng(0), 0
    for trial in range(TRIALS):
        folder = tmp_path / str(trial)
        folder.mkdir()
        (folder / "input").symlink_to(tmp_path / "input")
        for _ in range(1 + trial % 3):  # some are killed more than once
            killed += kill(start(name, folder), rng.uniform(0, seconds))
            assert digest(tmp_path / "input") == before
            for output, check in WORK[name].old.items():
                if (folder / output).exists():
                    check(folder)
            # a journal is how SQLite goes back to what was whole
            left = {path.name for path in folder.iterdir() if not path.name.endswith("-journal")} - names
            assert all(item.startswith(".") for item in left), left
        found, _ = finish(name, folder)
        np.testing.assert_array_equal(found, expected)
        assert digest(tmp_path / "input") == before
    record_property("killed", killed)
