import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crepr.tl._swap_pairs import SwapPairs

IMAGES = np.repeat(np.arange(6), [5, 4, 5, 6, 2, 5])
OF_IMAGE = np.array([0, 0, 1, 1, 1, 2])


@given(st.integers(0, 2**32 - 1))
def test_property_sources_are_of_one_image_and_different(seed):
    rng = np.random.default_rng(seed)
    pairs = SwapPairs(IMAGES, OF_IMAGE, n_labels=3, n_sources=3, n_others=None)
    targets = pairs.targets(0, 7, rng)
    assert len(set(targets)) == 7
    assert set(IMAGES[targets]) <= {0, 1}
    labels, sources = pairs.sources(0, targets, rng)
    assert sources.shape == (7, 3, 3)
    assert (labels[:, 0] == 0).all()
    assert (np.sort(labels, axis=1) == np.arange(3)).all()
    for target, codes, drawn in zip(targets, labels, sources, strict=True):
        assert target not in drawn
        assert len(np.unique(drawn)) == 9
        images = IMAGES[drawn]
        assert (images == images[:, :1]).all()
        assert images[0, 0] == IMAGES[target]
        assert (OF_IMAGE[images[:, 0]] == codes).all()
        assert 4 not in images  # too small


def test_others_are_limited_and_differ_between_targets():
    labels = np.arange(20)
    pairs = SwapPairs(np.repeat(labels, 4), labels, n_labels=20, n_sources=3, n_others=5)
    drawn, _ = pairs.sources(3, np.array([12, 13, 14]), np.random.default_rng(0))
    assert drawn.shape == (3, 6)
    assert not (drawn[:, 1:] == 3).any()
    assert len({tuple(row) for row in drawn}) == 3
