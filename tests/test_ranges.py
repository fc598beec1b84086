import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crepr._ranges import ranges

integers = st.integers(0, 20)


def test_anchor():
    assert ranges(np.array([5, 0, 2]), np.array([2, 0, 3])).tolist() == [5, 6, 2, 3, 4]
    assert ranges(np.array([], int), np.array([], int)).tolist() == []


@given(st.lists(st.tuples(integers, integers)))
def test_reference_is_one_by_one(pairs):
    starts, sizes = np.array(pairs, dtype=int).reshape(-1, 2).T
    expected = [i for start, size in pairs for i in range(start, start + size)]
    assert ranges(starts, sizes).tolist() == expected
