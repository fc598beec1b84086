import matplotlib as mpl
import numpy as np
import pytest

from crepr.pl._colormap import colormap


def test_colormap():
    assert colormap("viridis") == colormap(mpl.colormaps["viridis"]) == mpl.colormaps["viridis"]


def test_error():
    with pytest.raises(KeyError, match="No 'virids' in matplotlib's colour maps.*Set cmap to one of them"):
        colormap("virids")
    for value in (2, ["viridis"], np.array([1, 2]), None):
        with pytest.raises(TypeError, match="cmap must be the name of a colour map of matplotlib or a Colormap"):
            colormap(value)
