import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycytominer_choice import removed

from crepr.pp._correlated_columns import correlated_columns

seeds = st.integers(0, 2**32 - 1)


def table(seed, n=80, p=30, holes=0.0):
    """Columns in families that share a source, more or less of it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))[:, rng.integers(0, 6, p)] + rng.choice([0.1, 0.4, 1], p) * rng.normal(size=(n, p))
    x = x * 10.0 ** rng.integers(-6, 7, p) + rng.normal(size=p)
    x[:, rng.random(p) < 0.1] = 2  # of other constants rounding leaves a rest, which np.corrcoef correlates with all
    holed = rng.random(p) < 0.5
    x[(rng.random((n, p)) < holes) & holed] = np.nan
    return x


def test_anchor_the_better_connected_of_two_goes():
    # a and b correlate at 0.95, b and c at 0.31, a and c not at all
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(50, 2))
    q, _ = np.linalg.qr(noise - noise.mean(0))
    a, b, c = q[:, 0], 0.95 * q[:, 0] + 0.31 * q[:, 1], q[:, 1]
    assert correlated_columns(np.stack([a, b, c], 1), 0.9).tolist() == [False, True, False]


def test_anchor_constant_columns_correlate_with_nothing():
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[:, 1:] = 0.1, 1e9 / 7
    x[::3, 2] = np.nan
    assert not correlated_columns(x, 0.0)[1:].any()


def test_anchor_mirrored_columns_stay_and_of_copies_the_first_stays():
    x = np.random.default_rng(0).normal(size=(40, 1))
    assert correlated_columns(np.hstack([x, -x]), 0.9).tolist() == [False, False]
    assert correlated_columns(np.hstack([x, 1e6 * x, x + 3, x]), 0.9).tolist() == [False, True, True, True]


@settings(max_examples=25)
@given(seeds, st.sampled_from([0.0, 0.02, 0.3]), st.sampled_from([0.5, 0.9, 0.95]))
def test_reference_is_pycytominer(seed, holes, threshold):
    x = table(seed, holes=holes)
    np.testing.assert_array_equal(
        correlated_columns(x, threshold), removed(x, "correlation_threshold", corr_threshold=threshold)
    )


@settings(max_examples=20)
@given(seeds, st.sampled_from([0.0, 0.1]), st.integers(1, 40), st.integers(1, 90))
def test_property_blocks_do_not_matter(seed, holes, block_columns, block_rows):
    x = table(seed, holes=holes)
    found = correlated_columns(x, 0.9, block_columns=block_columns, block_rows=block_rows)
    np.testing.assert_array_equal(found, correlated_columns(x, 0.9))


@given(seeds)
def test_property_units_and_order_of_rows_do_not_matter(seed):
    x = table(seed, holes=0.05)
    rng = np.random.default_rng(seed)
    np.testing.assert_array_equal(correlated_columns(rng.permutation(x) * 8 + 1, 0.9), correlated_columns(x, 0.9))


@given(seeds)
def test_property_what_stays_does_not_correlate(seed):
    x = table(seed)
    kept = x[:, ~correlated_columns(x, 0.9)]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.corrcoef(kept.T) - np.eye(kept.shape[1])
    assert not (correlations > 0.9).any()


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_property_types(dtype):
    x = np.random.default_rng(0).integers(0, 9, (30, 5)).astype(dtype)
    x[:, 4] = x[:, 0] + (np.arange(30) == 3)
    assert correlated_columns(x, 0.9).sum() == 1
