import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crepr.images._molecule_reader import MoleculeReader
from crepr.images._molecules import write_molecules
from crepr.train._gene_counts import mean_occupied_pixels
from crepr.train._planes import spot_planes


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    rng = np.random.default_rng(0)
    cell = np.sort(rng.integers(0, 12, 400))
    y, x = rng.uniform(-2, 7, (2, 400)) + 20 * cell
    uri = write_molecules(
        tmp_path_factory.mktemp("molecules") / "table.parquet",
        y=y, x=x, gene=rng.integers(0, 3, 400), cell=cell, genes=["a", "b", "c"], fingerprint="0" * 16,
    )  # fmt: skip
    stop = np.bincount(cell, minlength=12).cumsum()
    return MoleculeReader(
        pd.DataFrame({"table": uri, "start": np.r_[0, stop[:-1]], "stop": stop}), genes=["c", "a", "b"]
    )


CORNERS = np.arange(12) * 20


def test_anchor_two_spots_in_a_pixel_count_once(tmp_path):
    uri = write_molecules(
        tmp_path / "table.parquet", y=np.array([1.1, 1.2, 3.0, 9.0]), x=np.array([2.1, 2.9, 2.0, 2.0]),
        gene=np.zeros(4, int), cell=np.zeros(4, int), genes=["a"], fingerprint="0" * 16,
    )  # fmt: skip
    reader = MoleculeReader(pd.DataFrame({"table": [uri] * 2, "start": [0, 4], "stop": [4, 4]}), genes=["a"])
    corner = np.zeros(2, np.int64)
    # pixels (1, 2) and (3, 2) in the first cell, none in the second; (9, 2) is outside
    assert mean_occupied_pixels(reader, top=corner, left=corner, size=5).tolist() == [1.0]


def test_reference_is_planes_without_dilation(reader):
    cell, y, x, gene = (torch.from_numpy(values) for values in reader.read(np.arange(12)))
    corner = torch.from_numpy(CORNERS)
    planes = spot_planes(cell, y, x, gene, n_cells=12, n_genes=3, size=5, top=corner, left=corner, dilation=0)
    expected = planes.sum((2, 3)).mean(0).numpy()
    np.testing.assert_allclose(mean_occupied_pixels(reader, top=CORNERS, left=CORNERS, size=5), expected, rtol=1e-6)


@given(st.integers(1, 20), st.permutations(range(12)))
def test_property_blocks_and_order_do_not_matter(reader, block, order):
    expected = mean_occupied_pixels(reader, top=CORNERS, left=CORNERS, size=5)
    found = mean_occupied_pixels(reader, top=CORNERS, left=CORNERS, size=5, cells=np.array(order), block=block)
    np.testing.assert_allclose(found, expected)


def test_error(reader):
    with pytest.raises(ValueError, match="no cells"):
        mean_occupied_pixels(reader, top=CORNERS, left=CORNERS, size=5, cells=np.array([], int))
    with pytest.raises(ValueError, match="each of the 12 cells, got 11 and 12"):
        mean_occupied_pixels(reader, top=CORNERS[:11], left=CORNERS, size=5)
