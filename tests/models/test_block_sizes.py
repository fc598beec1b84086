import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.models._block_sizes import block_sizes


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (100, (100, 49, 24, 11, 5, 2)),
        (150, (150, 74, 36, 17, 8, 3)),
        (200, (200, 99, 49, 24, 11, 5)),
        (300, (300, 149, 74, 36, 17, 8)),
    ],
)
def test_anchor_published_geometry(size, expected):
    # Moser et al. 2025: five convolutions of kernel 3, stride 2, without padding
    assert block_sizes(size, 5, kernel=3, padding=0) == expected


@given(st.integers(1, 1000), st.integers(0, 9))
def test_property_same_padding_halves_upwards(size, n_blocks):
    assert block_sizes(size, n_blocks)[-1] == -(-size // 2**n_blocks)


def test_error_nothing_left():
    with pytest.raises(ValueError, match=r"4 blocks are too many for size=20.*after block 3 \(1 pixels"):
        block_sizes(20, 4, padding=0)
