"""Sizes and colours that all figures share; settings of matplotlib itself are never changed."""

from typing import Final

LABEL_SIZE: Final = 8.0
SMALL_SIZE: Final = 7.0
GREY: Final = "0.35"

# Okabe and Ito (2008): told apart by all common kinds of colour vision
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
COLORS: Final = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
