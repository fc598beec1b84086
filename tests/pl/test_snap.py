import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.pl._snap import snap


def test_anchor_nearest_to_the_middle_is_chosen():
    # two squares of side 1 side by side: their middles are (0.5, 0.5) and (1.5, 0.5)
    points = np.array([[0.0, 0.0], [0.6, 0.5], [0.3, 0.3], [1.5, 0.9], [2.0, 0.5]])
    chosen, column, row, (left, bottom, side) = snap(points, 2)
    assert chosen.tolist() == [1, 3]
    assert column.tolist() == [0, 1]
    assert row.tolist() == [0, 0]
    assert (left, bottom, side) == (0.0, 0.0, 1.0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_property_one_cell_per_square_and_inside_it(seed, grid):
    points = np.random.default_rng(seed).normal(size=(60, 2)) * [3, 1]
    chosen, column, row, (left, bottom, side) = snap(points, grid)
    assert len(set(zip(column.tolist(), row.tolist(), strict=True))) == len(chosen)
    assert max(column.max(), row.max()) == grid - 1
    place = (points[chosen] - [left, bottom]) / side - np.stack([column, row], axis=1)
    assert (place >= -1e-9).all()
    assert (place <= 1 + 1e-9).all()
    # every occupied square shows a cell
    occupied = np.minimum((points - [left, bottom]) // side, grid - 1)
    assert len(np.unique(occupied, axis=0)) == len(chosen)


def test_error_all_in_one_point():
    with pytest.raises(ValueError, match="All 3 cells lie in one point"):
        snap(np.ones((3, 2)), 4)
