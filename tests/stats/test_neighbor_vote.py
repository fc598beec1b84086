import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mode

from crepr.stats import _neighbor_vote
from crepr.stats._neighbor_vote import neighbor_vote

CODES = np.array([0, 0, 1, 1, 2])


@pytest.mark.parametrize(
    ("neighbors", "label"),
    [
        ([0, 1, 2], 0),
        ([2, 0, 3], 1),
        # one vote each, and two each: the label of the nearest wins
        ([4, 2, 0], 2),
        ([2, 0, 1, 3], 1),
        ([4, 0, 2, 3, 1], 0),
    ],
)
def test_anchor_ties_go_to_the_nearest(neighbors, label):
    assert neighbor_vote(np.array([neighbors]), CODES).tolist() == [label]


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_reference_is_the_mode_of_two_labels_in_any_block(seed, block):
    rng = np.random.default_rng(seed)
    neighbors, codes = rng.integers(0, 20, (20, 5)), rng.integers(0, 2, 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_neighbor_vote, "BLOCK", block)
        found = neighbor_vote(neighbors, codes)
    np.testing.assert_array_equal(found, mode(codes[neighbors], axis=1).mode)


@given(st.integers(0, 2**32 - 1))
def test_property_names_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    neighbors, codes, names = rng.integers(0, 20, (20, 6)), rng.integers(0, 4, 20), rng.permutation(4)
    np.testing.assert_array_equal(neighbor_vote(neighbors, names[codes]), names[neighbor_vote(neighbors, codes)])
