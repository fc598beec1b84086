import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.stats._bootstrapped_arithmetic import bootstrapped_arithmetic
from crepr.stats._group_arithmetic import group_arithmetic
from crepr.stats._permuted_arithmetic import permuted_arithmetic

seeds = st.integers(0, 2**32 - 1)


def test_anchor_by_hand():
    # control at 1, A at 3, B at 5: A and B at 7
    x = np.array([[0.0], [2.0], [3.0], [4.0], [6.0], [100.0]])
    codes = np.array([0, 0, 1, 2, 2, -1])
    assert group_arithmetic(x, codes, np.array([[-1, 1, 1]])).tolist() == [[7]]
    # a group without rows does no harm where no combination names it
    assert group_arithmetic(x, codes, np.array([[0, 1, 0, 0], [0.5, 0, 0.5, 0]])).tolist() == [[3], [3]]
    # three times the weight for the second control: mean 1.5
    assert group_arithmetic(x, codes, np.array([[-1, 1, 1]]), weights=np.array([1, 3, 1, 1, 1, 1])).tolist() == [[6.5]]


@given(seeds)
def test_reference_is_a_loop(seed):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.r_[np.arange(4), rng.integers(-1, 4, 20)])
    x, coefficients, weights = rng.normal(size=(24, 3)), rng.normal(size=(5, 4)), rng.uniform(0.1, 2, 24)
    expected = np.zeros((5, 3))
    for combination in range(5):
        for group in range(4):
            mean = np.average(x[codes == group], axis=0, weights=weights[codes == group])
            expected[combination] += coefficients[combination, group] * mean
    np.testing.assert_allclose(group_arithmetic(x, codes, coefficients, weights=weights), expected, atol=1e-12)


@given(seeds)
def test_property_order_of_rows_and_affine_maps(seed):
    rng = np.random.default_rng(seed)
    codes, x = np.r_[np.arange(3), rng.integers(-1, 3, 15)], rng.normal(size=(18, 2))
    coefficients = np.array([[-1, 1, 1], [0.5, 0.5, 0]])  # both add up to 1, so that a shift is a shift
    expected = group_arithmetic(x, codes, coefficients)
    order = rng.permutation(18)
    np.testing.assert_allclose(group_arithmetic(x[order], codes[order], coefficients), expected, atol=1e-12)
    turned = rng.normal(size=(2, 4))
    np.testing.assert_allclose(group_arithmetic(x @ turned + 3, codes, coefficients), expected @ turned + 3, atol=1e-9)


@pytest.mark.parametrize("function", [group_arithmetic, permuted_arithmetic, bootstrapped_arithmetic])
@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"x": np.zeros(4)}, r"x must be \(n, d\).*got shapes \(4,\), \(4,\) and \(1, 3\)"),
        ({"codes": np.array([0, 1, 2])}, r"got shapes \(4, 2\), \(3,\) and"),
        ({"coefficients": np.ones(3)}, r"and \(3,\)"),
        ({"codes": np.array([0, 1, 2, 3])}, r"codes must lie in -1 to 2, as coefficients has 3 columns; got 0 to 3"),
        ({"codes": np.array([0, 1, 2, -2])}, "got -2 to 2"),
        ({"codes": np.array([0, 1, 1, -1])}, r"Groups \[2\] have coefficients but no row \(1 in all\). Leave out"),
        ({"weights": np.array([1, 1, 0, 1])}, "weights must be 4 finite numbers above 0"),
        ({"weights": np.array([1, np.nan, 1, 1])}, "weights must be 4 finite numbers above 0"),
        ({"weights": np.ones(3)}, "weights must be 4 finite numbers above 0"),
    ],
)
def test_error(function, changes, match):
    arguments = {"x": np.zeros((4, 2)), "codes": np.array([0, 1, 2, 2]), "coefficients": np.array([[-1, 1, 1]])}
    if function is not group_arithmetic:
        arguments["n_perms" if function is permuted_arithmetic else "n_draws"] = 3
    # at once, not when the first block is asked for
    with pytest.raises(ValueError, match=match):
        function(**(arguments | changes))
