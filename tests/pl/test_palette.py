import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scanpy.plotting.palettes import default_20, default_102

from crepr.pl._palette import default_palette
from crepr.pl._style import COLORS

# Machado et al. (2009), severity 1, of linear RGB
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def least_distance(colors, kind):
    """Return the least distance of two colours in CIELAB, as they are seen."""
    rgb = np.array([to_rgb(color) for color in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = (linear @ np.transpose(VISION[kind])).clip(0, 1) @ XYZ.T / XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
    return np.linalg.norm(lab[:, None] - lab, axis=2)[np.triu_indices(len(lab), 1)].min()


@pytest.mark.parametrize("kind", VISION)
def test_property_colours_are_told_apart(kind):
    # about 2 is just seen where colours lie side by side
    assert least_distance(COLORS[:20], kind) > 15
    assert least_distance(COLORS[:30], kind) > 11
    assert least_distance(COLORS, kind) > 10
    if kind != "normal":
        assert least_distance(default_20, kind) < 7


def test_anchor_colours_by_the_number_of_groups():
    names = [str(i) for i in range(103)]
    assert list(default_palette(names[:40]).values()) == list(COLORS)
    many = default_palette(names)
    assert [many[name] for name in names] == [*default_102, default_102[0]]
    assert default_palette([]) == {}
