import numpy as np
import pytest

from crepr.pl._inches import inches


def test_inches():
    assert inches(None, (4.0, 3.0)) == (4.0, 3.0)
    assert inches([2, 1.5], (4.0, 3.0)) == inches(np.array([2, 1.5]), (4.0, 3.0)) == (2.0, 1.5)


@pytest.mark.parametrize("figsize", ["ab", 3, (1,), (1, 2, 3), {"a": 1, "b": 2}, ("a", 2), (True, 2)])
def test_error_wrong_type(figsize):
    with pytest.raises(TypeError, match="figsize must be"):
        inches(figsize, (4.0, 3.0))


@pytest.mark.parametrize("figsize", [(0, 2), (-1, 2), (np.nan, 2), (2, np.inf)])
def test_error_no_size(figsize):
    with pytest.raises(ValueError, match="figsize must be a finite number above 0"):
        inches(figsize, (4.0, 3.0))
