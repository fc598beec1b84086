import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.images._pixel_percentiles import pixel_percentiles

TYPES = ["bool", "u1", "i1", "u2", "i2", ">u2", "u4", "i4", "f2", "f4", "f8"]
ENDS = (0, 1, 37.5, 50, 99, 100)


def pixels(rng, dtype, n=40):
    spread = rng.choice([3, 90, 1000]) if np.dtype(dtype).itemsize > 1 else rng.choice([3, 30])
    values = rng.normal(0, spread, (n, 2, 3, 5))
    if dtype == "bool":
        return values > 1
    return (np.abs(values) if np.dtype(dtype).kind == "u" else values).astype(dtype)


def test_anchor_hundred_and_one_pixels():
    crops = np.arange(101, dtype="u2").reshape(1, 1, 1, 101)
    np.testing.assert_array_equal(pixel_percentiles(lambda: [crops], (1, 99.5)), [[1, 99.5]])
    np.testing.assert_array_equal(pixel_percentiles(lambda: [crops - 50.0], (0, 50, 100)), [[-50, 0, 50]])


@pytest.mark.parametrize("dtype", TYPES)
@given(seed=st.integers(0, 2**32 - 1))
def test_reference_is_numpy(dtype, seed):
    rng = np.random.default_rng(seed)
    crops = pixels(rng, dtype)
    ours = pixel_percentiles(lambda: np.array_split(crops, 3), ENDS)
    values = crops.astype(np.float32).astype(np.float64)
    theirs = np.percentile(np.moveaxis(values, 1, 0).reshape(2, -1), ENDS, axis=1).T
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from(TYPES))
def test_property_batches_and_order_do_not_matter(seed, n_batches, dtype):
    rng = np.random.default_rng(seed)
    crops = pixels(rng, dtype)
    expected = pixel_percentiles(lambda: [crops], ENDS)
    shuffled = np.array_split(rng.permutation(crops), n_batches)
    np.testing.assert_array_equal(pixel_percentiles(lambda: shuffled, ENDS), expected)


@pytest.mark.parametrize(("dtype", "passes"), [("u1", 1), ("i2", 1), ("u4", 2), ("f4", 2)])
def test_how_often_pixels_are_read(rng, dtype, passes):
    started, crops = [], pixels(rng, dtype)

    def batches():
        started.append(1)
        yield crops

    pixel_percentiles(batches, (1, 99))
    assert len(started) == passes


def test_error_nothing_to_read():
    with pytest.raises(ValueError, match="no pixels"):
        pixel_percentiles(list, (1, 99))
