import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from crepr.train._resample import resample


def grid(rows, columns):
    y, x = torch.meshgrid(torch.arange(rows) + 0.5 - rows / 2, torch.arange(columns) + 0.5 - columns / 2, indexing="ij")
    return torch.stack([x, y], -1)[None]


def test_anchor_own_pixels(rng):
    planes = torch.from_numpy(rng.random((1, 2, 7, 7)).astype(np.float32))
    torch.testing.assert_close(resample(planes, grid(7, 7)), planes)
    torch.testing.assert_close(resample(planes, grid(3, 3)), planes[..., 2:5, 2:5])


def test_reference_scipy(rng):
    planes = rng.random((3, 2, 11, 13)).astype(np.float32)
    places = rng.uniform(-8, 8, (3, 5, 4, 2)).astype(np.float32)
    found = resample(torch.from_numpy(planes), torch.from_numpy(places))
    for i in range(3):
        x, y = places[i, ..., 0] + 13 / 2 - 0.5, places[i, ..., 1] + 11 / 2 - 0.5
        for c in range(2):
            expected = map_coordinates(planes[i, c], [y, x], order=1, mode="nearest")
            np.testing.assert_allclose(found[i, c], expected, atol=1e-5)


def test_nothing_is_dark(rng):
    places = grid(5, 5).clone()
    places[0, 2, 3, 1] = torch.nan
    found = resample(torch.ones(1, 1, 5, 5), places)
    assert found[0, 0, 2, 3] == 0
    assert found.sum() == pytest.approx(24)
