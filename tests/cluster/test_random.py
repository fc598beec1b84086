import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crepr.cluster._random import permutation, uniform


def test_reference_is_splitmix64():
    # first output for seed 1234567 of the reference implementation in C
    state = np.array([1234567], dtype=np.uint64)
    assert uniform(state) == (6457827717110365317 >> 11) * 2.0**-53
    assert uniform(state) == (3203168211198807973 >> 11) * 2.0**-53


@given(st.integers(0, 2**64 - 1), st.integers(0, 50))
def test_property_permutation_holds_each_number_once(seed, n):
    np.testing.assert_array_equal(np.sort(permutation(n, np.array([seed], dtype=np.uint64))), np.arange(n))


def test_property_all_permutations_are_alike():
    state = np.array([0], dtype=np.uint64)
    counts = np.unique([permutation(3, state) for _ in range(6000)], axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert np.abs(counts - 1000).max() < 150
