import numpy as np
import pytest
from scipy.stats import false_discovery_control

from crepr.tl._corrections import corrected


def test_anchor_nan_are_no_tests():
    found = corrected(np.array([0.01, np.nan, 0.04]), "bonferroni")
    np.testing.assert_allclose(found, [0.02, np.nan, 0.08])
    assert np.isnan(corrected(np.full(3, np.nan), "fdr_bh")).all()


@pytest.mark.parametrize("axis", [0, 1, None])
def test_reference_is_scipy(axis):
    pval = np.random.default_rng(0).uniform(size=(5, 7))
    np.testing.assert_allclose(
        corrected(pval, "fdr_bh", axis=axis).ravel(), false_discovery_control(pval, axis=axis).ravel()
    )
    assert corrected(pval, None, axis=axis) is pval
