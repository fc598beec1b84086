import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, directed_hausdorff

from crepr.stats._hausdorff import hausdorff

seeds = st.integers(0, 2**32 - 1)


def points(seed, n=70, m=90, d=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(0.5, 2, size=(m, d))


def test_anchor_by_hand():
    # 0 and 1 are in y; 5 is 4 from the nearest of x
    found = hausdorff(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0], [5.0]]), device="cpu")
    assert found == (4.0, 0.0, 4.0)
    assert found.distance == 4
    assert (found.x_to_y, found.y_to_x) == (0, 4)


@settings(max_examples=40)
@given(seeds, st.integers(1, 200), st.integers(1, 200), st.integers(1, 9), st.integers(1, 3000))
def test_reference_is_scipy_whatever_the_block(seed, n, m, d, block):
    x, y = points(seed, n, m, d)
    found = hausdorff(x, y, block=block, device="cpu")
    assert found.x_to_y == pytest.approx(directed_hausdorff(x, y)[0], rel=1e-12)
    assert found.y_to_x == pytest.approx(directed_hausdorff(y, x)[0], rel=1e-12)
    assert found.distance == max(found[1:])


def test_reference_many_points():
    x, y = points(0, 3000, 2000, 20)
    distances = cdist(x, y)
    expected = distances.min(1).max(), distances.min(0).max()
    np.testing.assert_allclose(hausdorff(x, y, device="cpu")[1:], expected, rtol=1e-12)


@given(seeds)
def test_property_of_a_part_and_of_any_order(seed):
    x, _ = points(seed)
    part = np.random.default_rng(seed).permutation(x)[:40]
    assert hausdorff(part, x, device="cpu").x_to_y == 0
    assert hausdorff(x, x[::-1], device="cpu").distance == 0


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1e200])
def test_property_near_points_far_from_the_origin_and_any_units(scale):
    x, y = points(0)
    assert hausdorff(x * scale, y * scale, device="cpu").distance == pytest.approx(
        scale * hausdorff(x, y, device="cpu").distance, rel=1e-12
    )
    # products of matrices would say 0 or 1e-5
    lattice = np.arange(30.0)[:, None] * 2**-20 + 1000
    assert hausdorff(lattice, lattice + 2**-22, device="cpu").x_to_y == 2**-22


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_property_on_the_gpu():
    x, y = points(0, 4000, 3000, 50)
    np.testing.assert_allclose(hausdorff(x, y, device="cuda"), hausdorff(x, y, device="cpu"), rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "match"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), {}, ValueError, r"equal width.*\(3, 2\) and \(3, 4\)"),
        (np.zeros(3), np.zeros((3, 4)), {}, ValueError, r"2-D.*\(3,\)"),
        (np.zeros((0, 2)), np.zeros((3, 2)), {}, ValueError, "need a point"),
        (np.zeros((3, 0)), np.zeros((3, 0)), {}, ValueError, "need a point and a dimension"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), {}, ValueError, "x holds NaN"),
        (np.zeros((3, 2)), np.full((3, 2), np.inf), {}, ValueError, "y holds NaN or infinite"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"block": 0}, ValueError, "block must be at least 1"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"block": 1.5}, TypeError, "block must be an integer"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"device": "abacus"}, ValueError, "device must be"),
    ],
)
def test_error(x, y, options, error, match):
    with pytest.raises(error, match=match):
        hausdorff(x, y, **options)
