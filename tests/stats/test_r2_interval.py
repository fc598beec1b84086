import numpy as np
import pytest

from crepr.stats._r2_interval import r2_interval


def test_anchor():
    # 2 e - e* is 1, 2, 3, 4 and 2 c - c* 10; the last may be nothing
    error, change = np.array([5.0, 5, np.nan]), np.array([10.0, 10, 10])
    drawn_error, drawn_change = np.repeat([[9.0], [8], [7], [6]], 3, axis=1), np.full((4, 3), 10.0)
    drawn_change[3, 1] = 21
    low, high = r2_interval(error, change, drawn_error, drawn_change, coverage=0.5)
    np.testing.assert_allclose(low, [0.6, -np.inf, np.nan])
    np.testing.assert_allclose(high, [0.8, 0.8, np.nan])
    # an error that is all noise
    _, high = r2_interval(np.array(1.0), np.array(10.0), np.full(4, 3.0), np.full(4, 10.0))
    assert high == 1


def draws(rng, means, n, sd, m):
    """Squared lengths of A + B - 2 control - truth and of truth - control, found and drawn."""
    x = means[:, None] + rng.normal(0, sd, (4, n, means.shape[1]))
    rows = rng.integers(n, size=(m, 4, n, 1))
    of_draws = np.take_along_axis(x[None], rows, axis=2).mean(2)

    def lengths(mean):
        control, a, b, truth = np.moveaxis(mean, -2, 0)
        return ((a + b - control - truth) ** 2).sum(-1), ((truth - control) ** 2).sum(-1)

    return *lengths(x.mean(1)), *lengths(of_draws)


@pytest.mark.parametrize(("n", "sd"), [(8, 0.7), (30, 0.4)])
def test_property_holds_the_truth(n, sd):
    rng = np.random.default_rng(0)
    means = np.zeros((4, 50))
    means[1, :10], means[2, 10:20], means[3, :20], means[3, 20:24] = 1, 1, 1, 1.5
    truth = 1 - 9 / 29
    ends = [r2_interval(*draws(rng, means, n, sd, 200)) for _ in range(100)]
    assert np.mean([low <= truth <= high for low, high in ends]) >= 0.88
