"""Frozen results of R's vegan; reference/vegan.R made them."""

import json
from pathlib import Path

import numpy as np
import pytest

from crepr.stats._center_distances import center_distances
from crepr.stats._permanova import permanova
from crepr.stats._permdisp import permdisp

CODES = np.repeat([0, 1, 2], [12, 9, 15])
ROW, COLUMN = np.arange(1, 37)[:, None], np.arange(1, 5)
X = np.sin(1.7 * ROW + 3.1 * COLUMN + ROW * COLUMN / 7) * (1 + 0.12 * CODES[:, None]) + 0.5 * CODES[:, None]
VEGAN = {
    name: np.squeeze(values)
    for name, values in json.loads((Path(__file__).parent / "reference" / "vegan.json").read_text()).items()
}


def test_reference_permanova():
    test = permanova(X, CODES, n_perms=9999)
    assert test.statistic == pytest.approx(VEGAN["f"], rel=1e-6)
    assert test.r2 == pytest.approx(VEGAN["r2"], rel=1e-6)
    # four standard errors of 9,999 permutations
    p = VEGAN["pval"]
    assert test.pval == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 9999))


@pytest.mark.parametrize("center", ["median", "centroid"])
def test_reference_permdisp(center):
    # vegan's search for the spatial median ends earlier
    near = 1e-6 if center == "centroid" else 1e-3
    dispersion = np.bincount(CODES, weights=center_distances(X, CODES, center=center)) / np.bincount(CODES)
    np.testing.assert_allclose(dispersion, VEGAN[f"{center}_dispersion"], rtol=near)
    test = permdisp(X, CODES, center=center, n_perms=9999)
    assert test.statistic == pytest.approx(VEGAN[f"{center}_f"], rel=10 * near)
    # vegan permutes the distances less the mean of their group
    assert test.pval == pytest.approx(VEGAN[f"{center}_pval"], abs=0.02)


def test_reference_bias_adjust():
    test = permdisp(X, CODES, center="centroid", bias_adjust=True, n_perms=1)
    assert test.statistic == pytest.approx(VEGAN["adjusted_f"], rel=1e-6)
