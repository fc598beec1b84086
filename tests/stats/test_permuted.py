import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats import _permuted
from crepr.stats._permuted import permuted


def shuffles(values, n_perms, seed=0, **options):
    return np.concatenate(list(permuted(values, n_perms, rng=np.random.default_rng(seed), **options)))


def test_reference_is_one_permutation_after_another():
    rng, values = np.random.default_rng(3), np.arange(20)
    np.testing.assert_array_equal(shuffles(values, 5, seed=3), [rng.permutation(values) for _ in range(5)])


@given(st.integers(1, 30), st.integers(1, 100))
def test_property_blocks_do_not_matter(n_perms, block):
    values = np.arange(7)
    expected = shuffles(values, n_perms)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_permuted, "BLOCK", block)
        np.testing.assert_array_equal(shuffles(values, n_perms), expected)


@given(st.integers(0, 2**32 - 1))
def test_property_values_stay_in_their_stratum(seed):
    rng = np.random.default_rng(seed)
    values, strata = rng.integers(0, 5, 40), rng.integers(0, 3, 40)
    for row in shuffles(values, 10, seed, strata=strata):
        for stratum in range(3):
            here = strata == stratum
            np.testing.assert_array_equal(np.sort(row[here]), np.sort(values[here]))


def test_property_all_orders_within_a_stratum_are_alike():
    rows = shuffles(np.arange(4), 6000, strata=np.array([0, 1, 0, 0]))
    orders, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(orders) == 6
    assert np.abs(counts - 1000).max() < 150
