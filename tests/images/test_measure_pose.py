import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import regionprops
from skimage.morphology import convex_hull_image

from crepr.images._measure_pose import MEASURES, N_ANGLES, measure_pose

SIZE = 64
Y, X = np.mgrid[:SIZE, :SIZE] + 0.5


def ellipse(*, length=18.0, width=9.0, angle=0.0, y=32.0, x=32.0, lobes=0.0):
    """An ellipse whose major axis is turned counter-clockwise on the screen, in degrees."""
    turn = np.deg2rad(angle)
    dx, dy = X - x, Y - y
    along, across = dx * np.cos(turn) - dy * np.sin(turn), dx * np.sin(turn) + dy * np.cos(turn)
    wave = 1 + lobes * np.cos(3 * np.arctan2(across, along))
    return np.hypot(along / length, across / width) < wave


def measured(own, light=None, **options):
    measures, radius = measure_pose(
        np.array([own]), None if light is None else np.array([light], np.float32), **options
    )
    return dict(zip(MEASURES, measures[0], strict=True)), radius[0]


def test_anchor_rectangle():
    own = np.zeros((12, 12), bool)
    own[4:6, 2:10] = True  # 8 wide, 2 high
    found, radius = measured(own)
    assert (found["y"], found["x"], found["area"], found["angle"]) == (5, 6, 16, 0)
    # variances of 8 and 2 pixels in a row: 63 / 12 and 3 / 12
    assert found["elongation"] == pytest.approx(60 / 66)
    assert found["eccentricity"] == pytest.approx(np.sqrt(1 - 3 / 63))
    assert (found["solidity"], found["cut"]) == (1, 0)
    np.testing.assert_allclose(radius[[0, N_ANGLES // 4, N_ANGLES // 2]], [4, 1, 4], atol=0.01)


@pytest.mark.parametrize("angle", [0, 30, 77, 120, 165])
def test_anchor_directions_are_counter_clockwise_on_the_screen(angle):
    own = ellipse(angle=angle)
    direction = np.deg2rad(angle)
    # light at the end that the angle points to
    light = 1 + 0.5 * ((X - 32) * np.cos(direction) - (Y - 32) * np.sin(direction)) / 18
    found, radius = measured(own, light)
    assert abs((found["angle"] - angle + 90) % 180 - 90) < 1.5
    assert abs((found["polarity"] - angle + 180) % 360 - 180) < 2
    assert abs((np.argmax(radius) * 360 / N_ANGLES - angle + 90) % 180 - 90) < 6


def test_reference_scikit_image(rng):
    own = np.array(
        [
            ellipse(
                length=rng.uniform(8, 20), width=rng.uniform(5, 8), angle=rng.uniform(0, 180), lobes=rng.uniform(0, 0.3)
            )
            for _ in range(30)
        ]
    )
    light = rng.random(own.shape).astype(np.float32)
    measures, radius = measure_pose(own, light)
    found = dict(zip(MEASURES, measures.T, strict=True))
    for i, mask in enumerate(own):
        (cell,) = regionprops(mask.astype(int), intensity_image=light[i])
        np.testing.assert_allclose([found["y"][i], found["x"][i]], np.array(cell.centroid) + 0.5)
        assert found["area"][i] == cell.area
        assert found["eccentricity"][i] == pytest.approx(cell.eccentricity)
        assert abs((found["angle"][i] - np.degrees(cell.orientation) - 90 + 90) % 180 - 90) < 1e-6
        hull = convex_hull_image(mask, offset_coordinates=False)
        assert found["solidity"][i] == pytest.approx(mask.sum() / hull.sum())
        dy, dx = np.array(cell.centroid_weighted) - cell.centroid
        assert found["offset"][i] == pytest.approx(np.hypot(dy, dx) / np.sqrt(cell.area / np.pi), rel=1e-4)
    # the outline holds the area
    np.testing.assert_allclose(0.5 * (radius**2).sum(1) * 2 * np.pi / N_ANGLES / found["area"], 1, atol=0.03)


@given(st.integers(0, 2**32 - 1))
def test_property_quarter_turns_and_mirrors(seed):
    rng = np.random.default_rng(seed)
    own = ellipse(angle=rng.uniform(0, 180), lobes=0.2, y=30, x=33)
    light = rng.random(own.shape)
    found, radius = measured(own, light)
    turned, radius_turned = measured(np.rot90(own), np.rot90(light))
    for name, degrees in (("angle", 180), ("polarity", 360)):
        assert abs((turned[name] - found[name] - 90 + degrees / 2) % degrees - degrees / 2) < 1e-3
    np.testing.assert_allclose(radius_turned, np.roll(radius, N_ANGLES // 4), atol=1e-3)
    mirrored, _ = measured(own[:, ::-1], light[:, ::-1])
    assert abs((180 - found["polarity"] - mirrored["polarity"] + 180) % 360 - 180) < 1e-3
    for name in ("area", "elongation", "offset", "eccentricity", "solidity"):
        assert turned[name] == pytest.approx(found[name], abs=1e-5)
        assert mirrored[name] == pytest.approx(found[name], abs=1e-5)


def test_property_cells_do_not_know_of_each_other(rng):
    own = np.array([ellipse(angle=angle) for angle in (10, 80, 140)])
    light = rng.random(own.shape).astype(np.float32)
    together = measure_pose(own, light)
    for i in range(3):
        for alone, all_ in zip(measure_pose(own[[i]], light[[i]]), together, strict=True):
            np.testing.assert_array_equal(alone[0], all_[i])


def test_axis_of_the_light():
    own = ellipse(length=14, width=14)
    light = own * (1 + np.exp(-((Y - 32) ** 2) / 8))  # a bright bar along x
    assert measured(own, light)[0]["elongation"] < 0.01
    by_light = measured(own, light, weighted=True)[0]
    assert by_light["elongation"] > 0.05
    assert min(by_light["angle"], 180 - by_light["angle"]) < 1


def test_what_is_not_there_is_nan():
    empty, radius = measured(np.zeros((8, 8), bool), np.ones((8, 8)))
    assert np.isnan(list(empty.values())).all()
    assert np.isnan(radius).all()
    dark, _ = measured(ellipse(), np.zeros((SIZE, SIZE)))
    assert np.isnan([dark["polarity"], dark["offset"]]).all()
    assert dark["area"] > 0
    assert np.isnan(measured(ellipse())[0]["polarity"])
    pixel = np.zeros((8, 8), bool)
    pixel[3, 4] = True
    single, _ = measured(pixel)
    assert (single["area"], single["elongation"], single["eccentricity"], single["solidity"]) == (1, 0, 0, 1)


def test_cells_at_the_border_are_cut():
    assert measured(ellipse(x=10))[0]["cut"] == 1
