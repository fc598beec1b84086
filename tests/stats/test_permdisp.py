import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kstest
from skbio.stats.distance import DistanceMatrix
from skbio.stats.distance import permdisp as skbio_permdisp

from crepr.stats._permdisp import permdisp

CODES = np.repeat([0, 1, 2], [12, 9, 15])


def sample(seed, spread=(1.0, 1.5, 1.0), shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(len(CODES), 3)) * np.array(spread)[CODES, None] + shift * CODES[:, None]


def test_anchor_by_hand():
    # distances to the centroids: 1, 1 and 3, 3
    test = permdisp(np.array([[0.0], [2.0], [4.0], [10.0]]), np.array([0, 0, 1, 1]), center="centroid")
    assert test.statistic == np.inf
    assert test.pval == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("center", ["median", "centroid"])
@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_reference_is_scikit_bio_with_all_axes(center, seed):
    x = sample(seed)
    distances = DistanceMatrix(squareform(pdist(x)))
    expected = skbio_permdisp(distances, CODES.astype(str), test=center, permutations=1, dimensions=3, seed=0)
    test = permdisp(x, CODES, center=center, n_perms=1)
    assert test.statistic == pytest.approx(expected["test statistic"], rel=1e-4)


def test_property_location_does_not_matter():
    expected, test = permdisp(sample(1), CODES), permdisp(sample(1, shift=50.0), CODES)
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-5)
    assert test.pval == expected.pval


@pytest.mark.filterwarnings("ignore")
def test_property_location_does_not_leak_into_the_null():
    # two groups far apart, spread alike; scikit-bio computes the centres of permuted groups anew
    codes = np.repeat([0, 1], 20)
    ours, skbio = [], []
    for seed in range(40):
        x = np.random.default_rng(seed).normal(size=(40, 2))
        x[:, 0] += 20 * codes
        distances = DistanceMatrix(squareform(pdist(x)))
        skbio.append(skbio_permdisp(distances, codes.astype(str), permutations=99, dimensions=2, seed=0)["p-value"])
        ours.append(permdisp(x, codes, n_perms=99).pval)
    assert np.mean(np.array(skbio) <= 0.05) > 0.3
    assert np.mean(np.array(ours) <= 0.05) < 0.15


def test_anchor_what_rounding_leaves_is_no_spread():
    # all lie 1 from their centre, but for rounding
    x = np.repeat([1.1, -0.9, 1.3, -0.7], 10)[:, None]
    test = permdisp(x, np.repeat([0, 1], 20))
    assert np.isnan(test.statistic)
    assert (test.pval, test.r2, test.omega2) == (1, 0, 0)


@pytest.mark.slow
def test_property_p_is_uniform_under_the_null():
    rng, codes = np.random.default_rng(0), np.repeat([0, 1], 20)
    null = [permdisp(rng.normal(size=(40, 5)), codes, n_perms=199, rng=i).pval for i in range(300)]
    assert kstest(np.array(null) - rng.random(300) / 200, "uniform").pvalue > 0.01


@pytest.mark.slow
def test_property_the_bias_of_small_groups_in_many_dimensions():
    codes = np.repeat([0, 1], [6, 100])
    samples = [np.random.default_rng(seed).normal(size=(106, 50)) for seed in range(80)]
    level, adjusted = (
        np.mean([permdisp(x, codes, bias_adjust=adjust, n_perms=99).pval <= 0.05 for x in samples])
        for adjust in (False, True)
    )
    assert level > 0.4
    assert adjusted < 0.25


@pytest.mark.slow
def test_property_level_and_power():
    null = [permdisp(sample(seed, spread=(1, 1, 1)), CODES, n_perms=99).pval for seed in range(200)]
    spread = [permdisp(sample(seed, spread=(1, 3, 1)), CODES, n_perms=99).pval for seed in range(50)]
    assert np.mean(np.array(null) <= 0.05) < 0.11
    assert np.mean(np.array(spread) <= 0.05) > 0.8


def test_error():
    with pytest.raises(ValueError, match="at least two groups"):
        permdisp(np.zeros((4, 2)), np.zeros(4, dtype=int))
