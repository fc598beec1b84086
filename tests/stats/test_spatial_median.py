import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from crepr.stats._spatial_median import spatial_median


def median(x):
    return spatial_median(torch.as_tensor(np.asarray(x, dtype=np.float64))).numpy()


def test_anchor_middle_of_a_line():
    assert median([[0], [1], [10]])[0] == pytest.approx(1.0, abs=1e-6)
    assert median([[4, 4]] * 3).tolist() == [4, 4]


def test_anchor_starts_on_a_row_that_is_not_the_median():
    # the mean is the last row, where the plain iteration would stay for ever
    x = np.array([[-6.0, 0.0], [1.0, 1.0], [1.0, -1.0], [4.0, 0.0], [0.0, 0.0]])
    assert median(x)[0] == pytest.approx(minimize(sum_of_distances, [0.5, 0.1], args=(x,), tol=1e-12).x[0], abs=1e-4)


def sum_of_distances(point, x):
    return np.linalg.norm(x - point, axis=1).sum()


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.integers(1, 4))
def test_reference_no_point_is_nearer(seed, n, d):
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, size=(n, d))
    found = median(x)
    best = minimize(sum_of_distances, found, args=(x,), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    assert sum_of_distances(found, x) <= best.fun * (1 + 1e-6)
