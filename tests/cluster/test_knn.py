import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from crepr.cluster import _knn
from crepr.cluster._knn import knn


def test_anchor_on_a_line():
    indices, distances = knn(np.array([[0.0], [1.0], [3.0], [7.0]]), 2)
    assert indices.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert distances.tolist() == [[1, 3], [1, 2], [2, 3], [4, 6]]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 29), st.integers(1, 500))
def test_reference_is_scikit_learn_in_any_block(seed, k, block):
    x = np.random.default_rng(seed).normal(size=(30, 3)) + 1e3
    expected = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_knn, "BLOCK", block)
        indices, distances = knn(x, k)
    np.testing.assert_array_equal(indices, expected[1])
    np.testing.assert_allclose(distances, expected[0], rtol=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 500))
def test_reference_rows_of_the_same_group_are_no_neighbours(seed, k, block):
    rng = np.random.default_rng(seed)
    x, groups = rng.normal(size=(30, 3)), rng.permutation(np.arange(30) % 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_knn, "BLOCK", block)
        indices, distances = knn(x, k, exclude=groups)
    for group in range(3):
        others = np.flatnonzero(groups != group)
        expected = NearestNeighbors(n_neighbors=k).fit(x[others]).kneighbors(x[groups == group])
        np.testing.assert_array_equal(indices[groups == group], others[expected[1]])
        np.testing.assert_allclose(distances[groups == group], expected[0], rtol=1e-4)
    alone = knn(x, k, exclude=np.arange(30))
    np.testing.assert_array_equal(alone[0], knn(x, k)[0])


@pytest.mark.parametrize("exact", [True, False])
def test_property_equals_are_neighbours_and_a_row_is_not_its_own(exact):
    x = np.repeat(np.random.default_rng(0).normal(size=(40, 4)), 5, axis=0)
    indices, distances = knn(x, 10, exact=exact)
    assert indices.shape == distances.shape == (200, 10)
    assert not (indices == np.arange(200)[:, None]).any()
    assert all(len(set(row)) == 10 for row in indices.tolist())
    assert (np.diff(distances, axis=1) >= 0).all()
    # what rounding leaves of the distance of equals
    assert distances[:, :4].max() < 1e-6


def test_reference_the_other_search_finds_nearly_all(monkeypatch):
    x = np.random.default_rng(0).normal(size=(2000, 8))
    expected, _ = knn(x, 15)
    monkeypatch.setattr(_knn, "EXACT", 1000)
    found, _ = knn(x, 15)
    assert not np.array_equal(found, expected)
    assert np.mean([len(set(a) & set(b)) / 15 for a, b in zip(found.tolist(), expected.tolist(), strict=True)]) > 0.9
    np.testing.assert_array_equal(knn(x, 15)[0], found)


@pytest.mark.parametrize("k", [0, 5])
def test_error(k):
    with pytest.raises(ValueError, match=rf"k must be at least 1 and below the number of rows \(5\), got {k}"):
        knn(np.zeros((5, 2)), k)


def test_error_too_few_outside_the_group():
    groups = np.array([0, 0, 0, 1, 1])
    with pytest.raises(
        ValueError, match=r"k must be at most the number of rows outside the largest group \(2\), got 3"
    ):
        knn(np.zeros((5, 2)), 3, exclude=groups)
    with pytest.raises(ValueError, match="exclude needs the exact search. Leave exact out"):
        knn(np.zeros((5, 2)), 1, exclude=groups, exact=False)
