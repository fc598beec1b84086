import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from scipy.stats import linregress

import crepr as cr

SIZE, RADIUS = 48, 18
Y, X = np.mgrid[:SIZE, :SIZE] + 0.5


def outlined(length, width, angle, y=SIZE / 2, x=SIZE / 2):
    """Share of the way from the centre of an ellipse to its outline."""
    turn = np.deg2rad(angle)
    dx, dy = X - x, -(Y - y)
    along, across = dx * np.cos(turn) + dy * np.sin(turn), -dx * np.sin(turn) + dy * np.cos(turn)
    return np.hypot(along / length, across / width)


def cells(shares, light):
    """Cells whose light, in three channels, depends on the share of the way alone."""
    shares = np.array(shares)
    adata = ad.AnnData(obs=pd.DataFrame({"label": 1}, index=[f"c{i}" for i in range(len(shares))]))
    pixels = np.stack([(shares < 1) * each(shares) for each in light.values()], axis=1)
    cr.pp.crops(adata, (1000 * pixels).astype(np.uint16), axes="ncyx", channel_names=list(light))
    cr.pp.masks(adata, (shares < 1)[:, None].astype(np.uint8), labels="label", axes="ncyx")
    # intensities as they are: 0 to 1000 become 0 to 1
    limits = pd.DataFrame({"low": 0.0, "high": 1000.0}, index=list(light))
    adata.uns["crops"]["intensity"] = {"per": "dataset", "limits": limits}
    cr.pp.pose(adata, progress=False)
    return adata


LIGHT = {
    "even": lambda share: 0 * share + 0.5,
    "rim": lambda share: 0.2 + 0.6 * share,
    "core": lambda share: 0.9 - 0.6 * share,
}


@pytest.fixture
def discs():
    return cells([outlined(RADIUS, RADIUS, 0), outlined(RADIUS, RADIUS, 0)], LIGHT)


@pytest.fixture
def shapes():
    """Cells of one stain, and of different size, shape, direction and place."""
    forms = [(18, 18, 0), (12, 12, 0), (20, 10, 30), (16, 8, 110), (14, 11, 160), (20, 14, 75)]
    return cells([outlined(*form, y=24 + i % 3, x=25 - i % 2) for i, form in enumerate(forms)], LIGHT)


def profile(data, **options):
    return cr.tl.radial_profile(data, progress=False, **options)


def test_anchor_slopes_of_discs(discs):
    assert profile(discs, radius=RADIUS) is None
    found = discs.obsm["X_radial_profile"].loc["c0"]
    # intensities are linear in the share of the radius, and so is the profile; pixels of the rim lie partly outside
    assert found[["even_slope", "rim_slope", "core_slope"]].to_numpy() == pytest.approx([0, 0.6, -0.6], abs=0.03)
    np.testing.assert_allclose(
        found[[f"even_{name}" for name in ("inner", "middle", "outer", "whole")]], 0.5, atol=0.01
    )
    # mean share of the radius in the inner third, the ring around it, and the rest: 2/3 of (b^3 - a^3) / (b^2 - a^2)
    edges = np.array([0, 1 / 3, 2 / 3, 1])
    shares = 2 / 3 * np.diff(edges**3) / np.diff(edges**2)
    np.testing.assert_allclose(found[["rim_inner", "rim_middle", "rim_outer"]], 0.2 + 0.6 * shares, atol=0.02)
    assert found["rim_whole"] == pytest.approx(0.2 + 0.6 * 2 / 3, abs=0.01)
    np.testing.assert_allclose(discs.uns["X_radial_profile"]["radii"], (np.arange(RADIUS) + 0.5) / RADIUS)
    assert set(discs.uns["X_radial_profile"]) == {"function", "params", "radii", "crepr_version"}


def test_reference_rings_of_an_undistorted_disc(discs, rng):
    profile(discs, radius=RADIUS)
    found = discs.obsm["X_radial_profile"].loc["c1"]
    ring = np.floor(np.hypot(Y - SIZE / 2, X - SIZE / 2)).astype(int)
    pixels = cr.get.crops(discs, scaled=False)[1].astype(float) / 1000
    counts = np.bincount(ring.ravel())[:RADIUS]
    for channel, plane in zip(LIGHT, pixels, strict=True):
        means = np.bincount(ring.ravel(), plane.ravel())[:RADIUS] / counts
        rings = found[[f"{channel}_ring_{k}" for k in range(RADIUS)]].to_numpy(float)
        # all but the rim, which the outline of a mask of pixels does not reach everywhere
        np.testing.assert_allclose(rings[:-1], means[:-1], atol=0.01)
        assert found[f"{channel}_slope"] == pytest.approx(
            linregress(discs.uns["X_radial_profile"]["radii"], rings).slope, abs=1e-5
        )
        third = np.hypot(Y - SIZE / 2, X - SIZE / 2) < RADIUS / 3
        assert found[f"{channel}_inner"] == pytest.approx(plane[third].mean(), abs=0.01)


def test_property_size_shape_and_place_do_not_matter(shapes):
    profile(shapes)
    found = shapes.obsm["X_radial_profile"]
    assert np.ptp(found["rim_slope"]) < 0.06
    assert np.ptp(found[["even_whole", "rim_inner", "rim_outer", "core_middle"]], axis=0).max() < 0.04
    assert (found["rim_slope"] > 0.5).all()
    assert (found["core_slope"] < -0.5).all()


def test_property_order_batches_and_radius(shapes, rng):
    profile(shapes)
    order = rng.permutation(6)
    other = shapes[order].copy()
    profile(other, batch_size=2)
    expected = shapes.obsm["X_radial_profile"].iloc[order]
    pd.testing.assert_frame_equal(other.obsm["X_radial_profile"], expected, atol=1e-5)
    profile(other, radius=24, channels=["core", "rim"])
    finer = other.obsm["X_radial_profile"]
    assert [name for name in finer if name.endswith("slope")] == ["core_slope", "rim_slope"]
    assert "rim_ring_23" in finer
    np.testing.assert_allclose(finer["rim_slope"], expected["rim_slope"], atol=0.05)
    profile(other, cuts=(0.5, 0.9))
    assert (other.obsm["X_radial_profile"]["rim_inner"] > expected["rim_inner"]).all()


def test_property_light_scales_the_profile(shapes):
    profile(shapes)
    before = shapes.obsm["X_radial_profile"]
    shapes.uns["crops"]["intensity"]["limits"]["high"] = 2000.0
    profile(shapes)
    pd.testing.assert_frame_equal(shapes.obsm["X_radial_profile"], before / 2, atol=1e-5)


def test_property_copy_modality_and_files(shapes, tmp_path):
    copy = profile(shapes, copy=True, key_added="X_rings")
    assert "X_rings" not in shapes.obsm
    rna = ad.AnnData(np.ones((6, 2), np.float32), obs=shapes.obs[[]].copy())
    mdata = MuData({"rna": rna, "stain": shapes})
    profile(mdata)
    mdata.write(tmp_path / "a.h5mu")
    read = mudata.read_h5mu(tmp_path / "a.h5mu")["stain"]
    pd.testing.assert_frame_equal(read.obsm["X_radial_profile"], copy.obsm["X_rings"])
    profile(read)  # its own results are its to replace
    copy.write(tmp_path / "a.h5ad")
    profile(ad.read_h5ad(tmp_path / "a.h5ad"), key_added="X_rings")


def test_property_cells_without_an_outline_are_told(shapes):
    shapes.obsm["pose"].iloc[3] = np.nan
    with pytest.warns(
        UserWarning, match=r"1 of 6 cells have no outline \('c3'\); their profile is NaN. Leave them out"
    ):
        profile(shapes)
    assert shapes.obsm["X_radial_profile"].isna().all(axis=1).tolist() == [False] * 3 + [True] + [False] * 2


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"channels": ["DAPI"]}, ValueError, r"channels=\['DAPI'\] are not in"),
        ({"channels": "rim"}, TypeError, "channels must be a list of names, got the text 'rim'"),
        ({"radius": 2}, ValueError, "radius=2 must be at least 3 pixels.*at most half a crop, 24. Set radius"),
        ({"radius": 25}, ValueError, "radius=25 must be at least 3 pixels.*larger size"),
        ({"radius": np.nan}, ValueError, "radius must be a finite number of at least 0, got nan"),
        ({"radius": "all"}, TypeError, "radius must be a number, got 'all'"),
        *[
            ({"cuts": cuts}, ValueError, "cuts must be two numbers that rise between 0 and 1")
            for cuts in (0.5, (0.1, 0.2, 0.3), (0.6, 0.5), (0, 0.5), (np.nan, 0.5), ("a", "b"))
        ],
        ({"cuts": (0.01, 0.5)}, ValueError, r"cuts=\(0.01, 0.5\) leave a compartment without any of the 18 rings"),
        ({"cuts": (0.5, 0.501)}, ValueError, "leave a compartment without"),
        ({"cuts": (0.5, 0.99)}, ValueError, "leave a compartment without"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"device": "foo"}, ValueError, "device must be 'auto'.*got 'foo'"),
        ({"key_added": "pose"}, ValueError, ".uns has an entry 'pose' that cr.tl.radial_profile did not write"),
        ({"key_added": "a/b"}, ValueError, "key_added must be a name without slashes"),
        ({"mod": "stain"}, ValueError, "mod='stain' needs a MuData"),
    ],
)
def test_error(discs, options, error, match):
    before = set(discs.obsm), set(discs.uns)
    with pytest.raises(error, match=match):
        profile(discs, **options)
    assert (set(discs.obsm), set(discs.uns)) == before


def test_error_what_is_missing_or_in_the_way(discs):
    discs.obsm["X_radial_profile"] = np.zeros((2, 2))
    with pytest.raises(
        ValueError, match=r".obsm has an entry 'X_radial_profile' that cr.tl.radial_profile did not write"
    ):
        profile(discs)
    del discs.obsm["X_radial_profile"], discs.obsm["pose"]
    with pytest.raises(KeyError, match=r"No 'pose' in .obsm.*Run cr.pp.pose first"):
        profile(discs)
    del discs.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr.pp.crops first"):
        profile(discs)


def test_error_pixels_not_finite(discs):
    pixels = cr.get.crops(discs, scaled=False).astype(np.float32)
    pixels[1, 0, 20, 20] = np.nan
    other = ad.AnnData(obs=discs.obs, obsm={"pose": discs.obsm["pose"]})
    cr.pp.crops(other, pixels, axes="ncyx", channel_names=list(LIGHT))
    with pytest.raises(
        ValueError, match=r"Light within the outline holds NaN or infinite values in 1 of 2 cells \('c1'\)"
    ):
        profile(other)
    assert "radial_profile" not in other.uns
