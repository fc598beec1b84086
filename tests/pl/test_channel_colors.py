from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from crepr.pl._channel_colors import COLORS, NUCLEAR_COLOR, channel_colors

#: Machado, Oliveira and Fernandes (2009): what is seen without the cones for long, middle and short waves; linear RGB.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def test_anchor_nucleus_is_blue_and_a_lone_channel_white():
    assert channel_colors(["membrane", "DAPI"]) == {"membrane": COLORS[0].lower(), "DAPI": NUCLEAR_COLOR.lower()}
    assert channel_colors(["DAPI"]) == {"DAPI": "#ffffff"}


@pytest.mark.parametrize("name", ["dapi", "Hoechst 33342", "DRAQ5", "DNA", "cell_nucleus", "Hoechst33342"])
def test_anchor_nuclear_stains(name):
    assert channel_colors(["actin", name])[name] == NUCLEAR_COLOR.lower()


def test_anchor_given_colours_win():
    assert channel_colors(["DAPI", "a", "b"], {"a": "red"}) == {
        "DAPI": NUCLEAR_COLOR.lower(),
        "a": "#ff0000",
        "b": COLORS[0].lower(),
    }
    assert channel_colors(["DAPI"], ["red"]) == {"DAPI": "#ff0000"}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_reference_first_colours_stay_apart_for_the_colour_blind(kind):
    linear = np.array([to_rgb(color) for color in (NUCLEAR_COLOR, *COLORS[:2])]) ** 2.2
    seen = (linear @ np.array(BLINDNESS[kind]).T).clip(0, 1) ** (1 / 2.2)
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.3


@pytest.mark.parametrize(
    ("channels", "colors", "error", "match"),
    [
        (["a", "b"], {"c": "red"}, KeyError, "No 'c' in the channels shown.*'a', 'b'"),
        (["a", "b"], ["red"], ValueError, "one colour for each of the 2 channels"),
        (["a", "b"], "red", ValueError, "one colour for each of the 2 channels"),
        (["a", "b"], {"a": "reddish"}, ValueError, "'reddish' for channel 'a'"),
        ([f"c{i}" for i in range(9)], None, ValueError, "default colours for 7 channels"),
    ],
)
def test_error(channels, colors, error, match):
    with pytest.raises(error, match=match):
        channel_colors(channels, colors)
