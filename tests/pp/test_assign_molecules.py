import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from crepr.images._source import Source
from crepr.pp import _assign_molecules
from crepr.pp._assign_molecules import cells_by_label, cells_by_polygon, positions_of


def tissue(seed, n=300, side=30):
    """Random labels, the cells that have them, and molecules of which some lie outside."""
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, 9, (side // 3, side // 3)), np.ones((3, 3), int)).astype(np.uint16)
    y, x = rng.uniform(-2, side + 2, (2, n)).astype(np.float32)
    of_cells = rng.permutation(np.r_[1:7, 20])  # 7 and 8 are no cells, 20 is not in the image
    of_cells[3] = 0  # a cell without a mask
    return labels, of_cells, y, x


def by_loop(labels, of_cells, y, x):
    found = []
    for row, column in zip(np.floor(y).astype(int), np.floor(x).astype(int), strict=True):
        inside = 0 <= row < len(labels) and 0 <= column < len(labels)
        label = labels[row, column] if inside else 0
        found.append(of_cells.tolist().index(label) if label and label in of_cells else -1)
    return found


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_reference_labels_by_loop_whatever_the_strips(seed, rows):
    labels, of_cells, y, x = tissue(seed)
    source = Source("uns:labels", labels[None], "cyx", ("0",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_assign_molecules, "STRIP", rows * 30 * 2)
        assert cells_by_label(y, x, source, of_cells).tolist() == by_loop(labels, of_cells, y, x)


def test_property_plane_of_a_label_image_with_depth():
    labels, of_cells, y, x = tissue(0)
    source = Source("uns:labels", np.stack([labels * 0, labels])[None], "czyx", ("0",))
    assert cells_by_label(y, x, source, of_cells, z=1).tolist() == by_loop(labels, of_cells, y, x)
    assert (cells_by_label(y, x, source, of_cells, z=0) == -1).all()


def test_anchor_labels_without_any_cell():
    source = Source("uns:labels", np.ones((1, 2, 2), np.uint8), "cyx", ("0",))
    assert cells_by_label(np.ones(1), np.ones(1), source, np.zeros(3, int)).tolist() == [-1]


def polygons(seed, n=12):
    rng = np.random.default_rng(seed)
    shapes = shapely.buffer(shapely.points(rng.uniform(0, 30, (n, 2))), rng.uniform(2, 6, n))
    return shapes, rng.integers(0, 8, n)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(10, 400))
def test_reference_polygons_by_loop_whatever_the_blocks(seed, block):
    _, _, y, x = tissue(seed)
    shapes, cells = polygons(seed)
    inside = [
        {int(c) for c, shape in zip(cells, shapes, strict=True) if shapely.intersects_xy(shape, *at)}
        for at in zip(x, y, strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_assign_molecules, "BLOCK", block)
        found, n_shared = cells_by_polygon(y, x, shapes, cells)
    assert found.tolist() == [min(owners, default=-1) for owners in inside]
    assert n_shared == sum(len(owners) > 1 for owners in inside)


def test_anchor_the_edge_is_inside():
    square = np.array([shapely.box(0, 0, 1, 1)])
    found, _ = cells_by_polygon(np.array([1.0, 1.01]), np.array([0.5, 0.5]), square, np.array([4]))
    assert found.tolist() == [4, -1]


def test_anchor_names():
    cells = pd.Index(["1", "2.0", "a"])
    assert positions_of(["a", "1.0", "2.0", "2", "nan", "0"], cells).tolist() == [2, 0, 1, -1, -1, -1]
