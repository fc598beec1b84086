import pytest

from crepr.images._axes import guess_axes, normalised_axes


@pytest.mark.parametrize(
    ("stored", "shape", "axes"),
    [
        ("yx", (9, 8), "cyx"),
        ("yxc", (9, 8, 3), "cyx"),
        ("cyx", (2, 9, 8), "cyx"),
        ("tcyx", (1, 2, 9, 8), "cyx"),
        ("zyx", (4, 9, 8), "czyx"),
        ("zcyx", (4, 2, 9, 8), "czyx"),
        ("tczyx", (1, 2, 1, 9, 8), "czyx"),
        ("nyx", (7, 9, 8), "ncyx"),
        ("nyxc", (7, 9, 8, 3), "ncyx"),
    ],
)
def test_anchor_normalised(stored, shape, axes):
    assert normalised_axes(stored, shape, uri="a") == axes


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((9, 8), "yx"),
        ((90, 80, 3), "yxc"),
        ((90, 80, 4), "yxc"),
        ((3, 90, 80), "cyx"),
        ((40, 90, 80), "cyx"),
        ((1, 90, 80), "cyx"),
    ],
)
def test_anchor_guessed(shape, axes):
    assert guess_axes(shape, uri="a") == axes


@pytest.mark.parametrize("shape", [(9,), (100, 90, 80), (80, 40, 40), (3, 4, 3), (5, 3, 90, 80), (1, 1, 5, 90, 80)])
def test_error_not_to_be_guessed(shape):
    with pytest.raises(
        ValueError, match=r"The axes of 'a.zarr' \(shape .*\) cannot be told from its metadata. Set axes"
    ):
        guess_axes(shape, uri="a.zarr")


@pytest.mark.parametrize(
    ("stored", "shape", "match"),
    [
        ("cyx", (9, 8), r"axes='cyx' name 3 dimensions, but 'a.tif' has 2 \(shape \(9, 8\)\)"),
        ("cy", (9, 8), "must hold y and x"),
        ("yxyx", (9, 8, 9, 8), "each once"),
        ("qyx", (3, 9, 8), r"axes='qyx' of 'a.tif' must hold y and x"),
        ("nzyx", (3, 4, 9, 8), "crops with depth are not supported"),
        ("tyx", (3, 9, 8), "'a.tif' holds 3 time points"),
        ("cyx", (2, 0, 8), r"'a.tif' is empty \(shape \(2, 0, 8\)\)"),
    ],
)
def test_error_normalised(stored, shape, match):
    with pytest.raises(ValueError, match=match):
        normalised_axes(stored, shape, uri="a.tif")
