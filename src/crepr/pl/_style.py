"""Sizes and colours that all figures share; settings of matplotlib itself are never changed."""

from typing import Final

LABEL_SIZE: Final = 8.0
SMALL_SIZE: Final = 7.0
GREY: Final = "0.35"
#: More points than this are pixels in vector files.
MANY: Final = 2000

# Okabe and Ito (2008): told apart by all common kinds of colour vision
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
# the first six are theirs; each of the others is the farthest in CIELAB from all before, for normal vision and for the three kinds of colour blindness as
# Machado et al. (2009) simulate them
COLORS: Final = (
    BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1F29A3", "#70471F", "#C2D67A", "#700A66",
    "#335C52", "#9985FF", "#14F5B8", "#858547", "#ADEB52", "#F5CCF5", "#FF6685", "#850033", "#CC9947", "#7A5C85",
    "#1452AD", "#70D6C2", "#99470A", "#F5B899", "#0070F5", "#FF70E0", "#522985", "#99AD99", "#473D52", "#A3B8CC",
    "#527047", "#B85CCC", "#CC0085", "#479914", "#C2AD70", "#9985C2", "#C26666", "#A34766", "#7A52CC", "#8F0000",
)  # fmt: skip
