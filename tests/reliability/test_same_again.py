"""The same call gives the same values: in another process, and with other threads and jobs where that is promised."""

import numpy as np
import pytest
from killed import WORK, finish

#: Sums over threads of a network are in another order: its values agree to about so much.
TRAINED = {"train_vae": 1e-3, "tune_vae": 1e-3}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_same_again(name, tmp_path):
    (tmp_path / "input").mkdir()
    WORK[name].prepare(tmp_path / "input")
    results = {}
    for run, threads in {"once": 1, "again": 1, "two threads": 2, "two threads again": 2}.items():
        folder = tmp_path / run
        folder.mkdir()
        (folder / "input").symlink_to(tmp_path / "input")
        results[run], _ = finish(name, folder, threads)
    np.testing.assert_array_equal(results["once"], results["again"])
    np.testing.assert_array_equal(results["two threads"], results["two threads again"])
    np.testing.assert_allclose(results["two threads"], results["once"], rtol=0, atol=TRAINED.get(name, 0))


@pytest.mark.slow
def test_jobs_do_not_matter(tmp_path):
    (tmp_path / "input").mkdir()
    WORK["optimize_leiden"].prepare(tmp_path / "input")
    one, _ = finish("optimize_leiden", tmp_path)
    two, _ = finish("optimize_leiden, n_jobs=2", tmp_path)
    np.testing.assert_array_equal(one, two)
