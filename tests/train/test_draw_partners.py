import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from crepr.train import _draw_partners
from crepr.train._draw_partners import draw_partners

seeds = st.integers(0, 2**32 - 1)


def test_anchor_two_cells_are_each_others_partner():
    images = np.array([3, 0, 3, -1, 0])
    assert draw_partners(images, np.random.default_rng(0)).tolist() == [2, 4, 0, 3, 1]


def test_anchor_farthest_of_many_candidates():
    pictures = np.array([[0.0], [1.0], [5.0], [2.0]])
    drawn = draw_partners(np.zeros(4, int), np.random.default_rng(0), candidates=50, pictures=pictures)
    assert drawn.tolist() == [2, 2, 0, 2]


@given(seeds, st.integers(1, 3))
def test_property_partners_are_others_of_the_same_image(seed, candidates):
    rng = np.random.default_rng(seed)
    images = rng.permutation(np.repeat([0, 1, 4, -1, -2], [2, 9, 30, 5, 1]))
    partners = draw_partners(images, rng, candidates=candidates, pictures=rng.normal(size=(len(images), 2)))
    takes_part = images >= 0
    np.testing.assert_array_equal(images[partners], images)
    assert (partners[takes_part] != np.flatnonzero(takes_part)).all()
    np.testing.assert_array_equal(partners[~takes_part], np.flatnonzero(~takes_part))


def test_property_all_others_have_equal_odds():
    rng, images = np.random.default_rng(0), np.array([0, 1, 0, 0, 1, 0])
    drawn = np.array([draw_partners(images, rng)[2] for _ in range(3000)])
    assert chisquare(np.unique_counts(drawn).counts).pvalue > 0.001
    assert np.unique(drawn).tolist() == [0, 3, 5]


def test_property_blocks_do_not_matter(monkeypatch):
    images, pictures = np.zeros(100, int), np.random.default_rng(1).normal(size=(100, 3))
    expected = draw_partners(images, np.random.default_rng(2), candidates=4, pictures=pictures)
    monkeypatch.setattr(_draw_partners, "BLOCK", 7)
    np.testing.assert_array_equal(
        draw_partners(images, np.random.default_rng(2), candidates=4, pictures=pictures), expected
    )


def test_error_alone():
    with pytest.raises(ValueError, match="2 images have one cell"):
        draw_partners(np.array([0, 0, 1, 2]), np.random.default_rng(0))
