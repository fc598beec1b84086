import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.pl._scale_bar import scale_bar


@pytest.mark.parametrize(
    ("width", "pixel_size", "length", "label"),
    [
        (100, 0.1, 50.0, "5 µm"),  # 10 µm across
        (48, 0.5, 20.0, "10 µm"),  # 24 µm across
        (100, None, 50.0, "50 px"),
        (30, 0.01, 10.0, "0.1 µm"),
        (4000, 1.0, 2000.0, "2000 µm"),
    ],
)
def test_anchor(width, pixel_size, length, label):
    assert scale_bar(width, pixel_size) == (pytest.approx(length), label)


@given(st.floats(2, 5000), st.one_of(st.none(), st.floats(0.01, 10)))
def test_property_takes_a_fifth_to_half_of_the_picture(width, pixel_size):
    length, _ = scale_bar(width, pixel_size)
    assert 0.2 * width * (1 - 1e-9) <= length <= 0.5 * width * (1 + 1e-9)
