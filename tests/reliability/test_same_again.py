"""The same call gives the same values: in another process, and with other threads and jobs where that is promised."""

import numpy as np
import pytest
from killed import WORK, finish

#: Threads sum the values of a network in another order: with other numbers of them it agrees to about so much.
TRAINED = {"train_vae": 1e-3, "tune_vae": 1e-3}


@pytest.mark.slow
@pytest.mark.parametrize("name", WORK)
def test_same_again(name, tmp_path):
    (tmp_path / "input").mkdir()
    WORK[name].prepare(tmp_path / "input")

    def run(label, threads):
        folder = tmp_path / label
        folder.mkdir()
        (folder / "input").symlink_to(tmp_path / "input")
        return finish(name, folder, threads)[0]

    one, two = run("one thread", 1), run("two threads", 2)
    if name in TRAINED:
        np.testing.assert_allclose(two, one, rtol=0, atol=TRAINED[name])
        np.testing.assert_array_equal(run("one again", 1), one)
        np.testing.assert_array_equal(run("two again", 2), two)
    else:
        np.testing.assert_array_equal(two, one)


@pytest.mark.slow
def test_jobs_do_not_matter(tmp_path):
    (tmp_path / "input").mkdir()
    WORK["optimize_leiden"].prepare(tmp_path / "input")
    one, _ = finish("optimize_leiden", tmp_path)
    two, _ = finish("optimize_leiden, n_jobs=2", tmp_path)
    np.testing.assert_array_equal(one, two)
