import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from crepr.stats._principal_components import principal_components

seeds = st.integers(0, 2**32 - 1)


def test_anchor_a_line():
    rows = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 5.0]])
    found = principal_components(lambda: [rows[:2], rows[2:]], 1)
    np.testing.assert_allclose(found.mean, [2, 3])
    np.testing.assert_allclose(found.axes, [[1 / 5**0.5, 2 / 5**0.5]])
    np.testing.assert_allclose(found.sd, [5**0.5])
    np.testing.assert_allclose(found.encode(rows), [[-(5**0.5)], [0], [5**0.5]], atol=1e-12)
    np.testing.assert_allclose(found.decode(found.encode(rows)), rows)


@given(seeds, st.integers(1, 5), st.integers(1, 30))
def test_reference_is_sklearn_whatever_the_blocks(seed, n_components, step):
    rng = np.random.default_rng(seed)
    rows = rng.normal(100, 1, (30, 6)) * [1, 2, 3, 4, 5, 6]
    found = principal_components(lambda: (rows[i : i + step] for i in range(0, 30, step)), n_components)
    pca = PCA(n_components, svd_solver="full").fit(rows)
    np.testing.assert_allclose(found.sd**2, pca.explained_variance_, rtol=1e-6)
    np.testing.assert_allclose(found.decode(found.encode(rows)), pca.inverse_transform(pca.transform(rows)), atol=1e-6)
    assert (found.axes.max(1) == np.abs(found.axes).max(1)).all()


@pytest.mark.parametrize(
    ("rows", "n", "error", "match"),
    [
        (np.ones((3, 5)), 3, ValueError, "n_components=3 is more than the 2 of 3 rows and 5 features"),
        (np.ones((5, 2)), 3, ValueError, "n_components=3 is more than the 2 of 5 rows and 2 features"),
        (np.ones((5, 2)), 1.5, TypeError, "n_components must be an integer"),
        (np.full((5, 2), np.nan), 1, ValueError, "rows holds NaN or infinite values in 5 of 5"),
    ],
)
def test_error(rows, n, error, match):
    with pytest.raises(error, match=match):
        principal_components(lambda: [rows], n)
