import matplotlib.pyplot as plt
import pytest

from crepr.pl._check_axes import check_axes


def test_check_axes():
    check_axes(None)
    check_axes(plt.subplots()[1])
    for value in (3, "ax", plt.subplots(2)[1]):
        with pytest.raises(TypeError, match="ax must be Axes of matplotlib, such as plt.subplots"):
            check_axes(value)
