from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._draw_pairs import draw_pairs

FIRST, SECOND = np.array([3, 0, 7, 5]), np.array([1, 2, 6, 4, 8])
STRATA = np.array([0, 1, 0, 2, 1, 0, 3, 1, 1])


def allowed(kind, second):
    pairs = combinations(FIRST, 2) if second is None else product(FIRST, second)
    alike = {"any": {True, False}, "same": {True}, "different": {False}}[kind]
    return {frozenset(pair) for pair in pairs if (STRATA[pair[0]] == STRATA[pair[1]]) in alike}


@pytest.mark.parametrize("second", [None, SECOND])
@pytest.mark.parametrize("kind", ["any", "same", "different"])
def test_anchor_all_where_there_are_fewer(kind, second, rng):
    pairs = draw_pairs(100, FIRST, second, strata=STRATA, kind=kind, rng=rng)
    assert {frozenset(pair) for pair in pairs.tolist()} == allowed(kind, second)
    assert len(pairs) == len(allowed(kind, second))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["any", "same", "different"]), st.booleans())
def test_property_drawn_are_distinct_and_allowed(seed, kind, within):
    second = None if within else SECOND
    pairs = draw_pairs(2, FIRST, second, strata=STRATA, kind=kind, rng=np.random.default_rng(seed))
    found = {frozenset(pair) for pair in pairs.tolist()}
    assert len(found) == len(pairs) == min(2, len(allowed(kind, second)))
    assert found <= allowed(kind, second)
    if not within:
        assert set(pairs[:, 0]) <= set(FIRST)


@pytest.mark.parametrize("second", [None, SECOND])
def test_property_each_pair_is_as_likely(second, rng):
    expected = allowed("different", second)
    counts = dict.fromkeys(expected, 0)
    for _ in range(2000):
        (pair,) = draw_pairs(1, FIRST, second, strata=STRATA, kind="different", rng=rng).tolist()
        counts[frozenset(pair)] += 1
    mean = 2000 / len(expected)
    assert max(abs(count - mean) for count in counts.values()) < 5 * np.sqrt(mean)


def test_anchor_no_pairs_and_many_elements(rng):
    assert draw_pairs(5, np.array([4]), rng=rng).shape == (0, 2)
    # 5 * 10**11 pairs are not listed
    pairs = draw_pairs(1000, np.arange(10**6), rng=rng)
    assert pairs.shape == (1000, 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
