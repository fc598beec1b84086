import numpy as np
import psutil
import pytest
from scipy.spatial.distance import pdist, squareform
from skbio.stats.distance import DistanceMatrix
from skbio.stats.distance import permdisp as skbio_permdisp

from crepr.stats._distance_tests import check_memory, distance_tests
from crepr.stats._permanova import permanova
from crepr.stats._permdisp import permdisp

CODES = np.repeat([0, 1, 2], [12, 9, 15])


def sample():
    return np.abs(np.random.default_rng(0).normal(size=(36, 4)) * (1 + 0.5 * CODES[:, None]))


@pytest.mark.parametrize("center", ["median", "centroid"])
def test_reference_is_the_test_without_distances(center):
    x = sample()
    (location, dispersion), distances = distance_tests(
        x, CODES, ["permanova", "permdisp"], metric="euclidean", center=center, n_perms=199, rng=(3,)
    )
    expected = permanova(x, CODES, n_perms=199, rng=(3,))
    for name in ("statistic", "r2", "omega2", "pval"):
        assert getattr(location, name) == pytest.approx(getattr(expected, name))
    expected = permdisp(x, CODES, center=center, n_perms=199, rng=(3,))
    assert dispersion.statistic == pytest.approx(expected.statistic, rel=1e-6)
    assert dispersion.pval == expected.pval
    assert distances.shape == (36,)


@pytest.mark.filterwarnings("ignore")
def test_reference_is_scikit_bio_on_all_axes():
    x = sample()
    matrix = DistanceMatrix(squareform(pdist(x, "braycurtis")))
    expected = skbio_permdisp(matrix, CODES, permutations=1, dimensions=0, seed=0, warn_neg_eigval=False)
    (test,), _ = distance_tests(x, CODES, ["permdisp"], metric="braycurtis", n_perms=1)
    assert test.statistic == pytest.approx(expected["test statistic"], rel=1e-4)


def test_error_memory(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("memory", (), {"available": 1e9}))
    check_memory(1000, ["permanova"], n_jobs=1)
    with pytest.raises(MemoryError, match=r"Distances between 10000 cells would take 4.8 GB, and 1.0 GB are free"):
        check_memory(10_000, ["permanova", "permdisp"], n_jobs=1)
    with pytest.raises(MemoryError, match="or lower n_jobs"):
        check_memory(4000, ["permdisp"], n_jobs=2)
