import numpy as np
import pytest

from crepr.stats import _permuted
from crepr.stats._permutation_anova import permutation_anova


def sample():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 3)), rng.normal(size=(30, 1)), rng.integers(0, 3, 30)


def test_property_representations_do_not_matter_to_each_other():
    x, y, codes = sample()
    assert permutation_anova([x, y], codes) == [permutation_anova([part], codes)[0] for part in (x, y)]


def test_property_blocks_do_not_matter(monkeypatch):
    x, y, codes = sample()
    expected = permutation_anova([x, y], codes)
    monkeypatch.setattr(_permuted, "BLOCK", 100)
    assert permutation_anova([x, y], codes) == expected


def test_anchor_all_permutations_equal():
    # as large as all others is as large as they come
    (test,) = permutation_anova([np.ones((6, 2))], np.array([0, 0, 0, 1, 1, 1]), n_perms=99)
    assert test.pval == 1
    (test,) = permutation_anova([np.eye(4)], np.array([0, 0, 1, 1]), n_perms=99)
    assert test.pval == 1


def test_error():
    with pytest.raises(ValueError, match=r"one group for each row of x, got shapes \(2,\) and \(3, 1\)"):
        permutation_anova([np.zeros((3, 1))], np.array([0, 1]))
