from math import comb

import numpy as np
import pytest

from crepr.cluster._weight_simplex import weight_simplex


def test_anchor():
    np.testing.assert_allclose(weight_simplex(2, 0.25), [[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]])
    assert weight_simplex(1, 0.5).tolist() == [[1.0]]


@pytest.mark.parametrize("n_layers", [2, 3, 4])
def test_property_all_and_each_once(n_layers):
    weights = weight_simplex(n_layers, 0.05)
    assert len(np.unique(weights.round(9), axis=0)) == len(weights) == comb(19, n_layers - 1)
    np.testing.assert_allclose(weights.sum(1), 1)
    assert weights.min() == pytest.approx(0.05)


@pytest.mark.parametrize("step", [0, -0.1, 0.3, 0.7, 2])
def test_error(step):
    with pytest.raises(ValueError, match=f"weight_step must divide 1 into at least 2 equal parts.*got {step}"):
        weight_simplex(2, step)
