"""The verb: what it writes, what it checks. Kinds of images: test_images; files and joins: test_crops_round_trip."""

import mudata as md
import numpy as np
import pytest
import shapely
import xarray as xr
from cells import CHANNELS, cells_on, cut, noise_image
from hypothesis import given
from hypothesis import strategies as st

import crepr as cr
from crepr.images._open_memory import array_fingerprint


@pytest.fixture
def image(rng):
    return noise_image(rng)


@pytest.fixture
def adata(rng, image):
    return cells_on(rng, image)


def register(adata, image, **options):
    cr.pp.crops(adata, image, **{"size": 16, "channel_names": CHANNELS} | options)


def test_anchor_what_is_written(adata, image):
    adata.obsm["spatial"][0] = [30.0, 20.0]
    register(adata, image)
    table, recorded = adata.obsm["crops"], adata.uns["crops"]
    assert table.columns.tolist() == ["image", "y", "x"]
    uri = f"uns:spatial/library/images/image#{array_fingerprint(image)}"
    assert table.iloc[0].tolist() == [uri, 20.0, 30.0]
    assert table["image"].dtype == "category"
    assert recorded["size"] == 16
    assert recorded["channels"].tolist() == CHANNELS
    assert (recorded["border"], recorded["z"]) == ("shift", None)
    assert recorded["images"].loc[uri, ["axes", "shape"]].tolist() == ["cyx", "[2, 90, 110]"]
    np.testing.assert_array_equal(recorded["affine"]["0"], np.eye(3))
    np.testing.assert_array_equal(cr.get.crops(adata, [0], scaled=False)[0], image[:, 12:28, 22:38])


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from(["shift", "pad"]))
def test_reference_is_slicing(seed, size, border):
    rng = np.random.default_rng(seed)
    image = noise_image(rng, *rng.integers(40, 70, 2))
    adata = cells_on(rng, image, n_obs=8)
    register(adata, image, size=size, border=border)
    expected = cut(image, adata.obsm["spatial"], size, border)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)


def test_positions_become_pixels(adata, image):
    pixels = adata.obsm["spatial"].copy()
    expected = cut(image, pixels, 16)
    adata.obsm["spatial"] = pixels * 0.25
    register(adata, image, pixel_size=0.25)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)
    assert adata.uns["crops"]["images"]["pixel_size"].tolist() == [0.25]
    # of_right by a quarter and moved, with pixels of a half
    adata.obsm["spatial"] = np.stack([pixels[:, 1], -pixels[:, 0]], axis=1) * 0.5 + [7, 100]
    affine = [[0, -2, 200], [2, 0, -14], [0, 0, 1]]
    register(adata, image, affine=affine, pixel_size=0.5)
    np.testing.assert_allclose(adata.obsm["crops"][["x", "y"]], pixels)
    np.testing.assert_array_equal(adata.uns["crops"]["affine"]["0"], affine)


def test_channels_are_named_and_selected(adata, image):
    register(adata, image, channels=["membrane"])
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), cut(image, adata.obsm["spatial"], 16)[:, 1:])
    assert adata.uns["crops"]["channels"].tolist() == ["membrane"]
    np.testing.assert_array_equal(
        cr.get.crops(adata, channels=["membrane", "DAPI"], scaled=False),
        cut(image, adata.obsm["spatial"], 16)[:, ::-1],
    )


@pytest.mark.parametrize("z", [1, "max"])
def test_planes_of_an_image_with_depth(rng, adata, z):
    stack = rng.integers(0, 4000, (2, 3, 90, 110)).astype("u2")
    register(adata, stack, axes="czyx", z=z)
    plane = stack.max(axis=1) if z == "max" else stack[:, z]
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), cut(plane, adata.obsm["spatial"], 16))


@pytest.mark.parametrize(("left", "right"), [("left", "right"), (1, 12)])
def test_several_images(rng, image, left, right):
    other = noise_image(rng, 60, 70)
    adata = cells_on(rng, other, n_obs=20)
    adata.obs["slide"] = [right, left] * 10
    adata.obsm["spatial"][adata.obs["slide"] == right] *= 0.5
    sizes = {left: 1.0, right: 0.5}
    register(adata, {left: image, right: other, "unused": image}, library_key="slide", pixel_size=sizes)
    expected = cut(image, adata.obsm["spatial"], 16)
    of_right = (adata.obs["slide"] == right).to_numpy()
    expected[of_right] = cut(other, adata.obsm["spatial"][of_right] * 2, 16)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)
    places = [uri.partition("#")[0] for uri in adata.uns["crops"]["images"].index]
    assert places == [f"uns:spatial/{side}/images/image" for side in (left, right)]
    assert adata.uns["crops"]["affine"]["1"][0, 0] == 2


def test_channels_that_only_some_images_have_are_left_out(rng, adata, image):
    adata.obs["slide"] = ["a", "b"] * 12 + ["a"]
    images = {"a": image, "b": image[:1]}
    with pytest.raises(ValueError, match="channel_names must name the 1 channels"):
        register(adata, images, library_key="slide")
    with pytest.warns(UserWarning, match="Only some images have the channels '1'"):
        register(adata, images, library_key="slide", channel_names=None, axes="cyx")
    assert adata.uns["crops"]["channels"].tolist() == ["0"]


def test_ready_made_crops(rng, adata):
    stack = rng.random((30, 2, 12, 12)).astype("f4")
    rows = rng.permutation(30)[:25]
    adata.obs["row"] = rows
    for index in ("row", rows):
        cr.pp.crops(adata, stack, axes="ncyx", index=index)
        np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), stack[rows])
    cr.pp.crops(adata, stack[:25], axes="ncyx", size=8)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), stack[:25, :, 2:10, 2:10])
    assert adata.obsm["crops"].columns.tolist() == ["image", "index"]
    assert adata.obsm["crops"]["index"].dtype == np.int64


def test_a_modality_is_made(rng, adata, image):
    mdata = md.MuData({"rna": adata})
    cr.pp.crops(mdata, image, size=16, mod="stain")
    assert list(mdata.mod) == ["rna", "stain"]
    assert mdata["stain"].shape == (25, 0)
    assert mdata.shape == (25, 3)
    np.testing.assert_array_equal(mdata["stain"].obsm["spatial"], adata.obsm["spatial"])
    np.testing.assert_array_equal(cr.get.crops(mdata, scaled=False), cut(image, adata.obsm["spatial"], 16))
    assert "crops" not in mdata["rna"].obsm
    cr.pp.crops(mdata, size=8)  # finds the modality that has crops
    assert mdata["stain"].uns["crops"]["size"] == 8


def test_a_view_becomes_an_object(adata, image):
    """Warnings are errors: anndata's own, at the first write into a view, says nothing that a user can act on."""
    view = adata[5:15]
    register(view, image)
    cr.pp.intensity(view[:8], per="cell", progress=False)
    masked = view[:8]
    cr.pp.masks(masked, {name: shapely.Point(x, y).buffer(2) for name, (x, y) in _places(masked)})
    np.testing.assert_array_equal(cr.get.crops(view, scaled=False), cut(image, adata.obsm["spatial"][5:15], 16))
    assert not view.is_view
    assert list(masked.uns["spatial"]["library"]["images"]) == ["image", "masks"]
    assert list(view.uns["spatial"]["library"]["images"]) == ["image"]
    assert not adata.uns


def _places(adata):
    return zip(adata.obs_names, adata.obsm["spatial"], strict=True)


def test_copy_leaves_the_original(adata, image):
    changed = cr.pp.crops(adata, image, size=16, copy=True)
    assert "crops" in changed.obsm
    assert "crops" not in adata.obsm
    assert not adata.uns


def test_registering_again_changes_what_is_asked(adata, image):
    register(adata, image, border="pad", channels=["membrane"], pixel_size=1.0)
    cr.pp.intensity(adata, progress=False)
    cr.pp.crops(adata)
    assert "intensity" in adata.uns["crops"]
    affine = adata.uns["crops"]["affine"]["0"]
    cr.pp.crops(adata, size=9)
    assert adata.uns["crops"]["size"] == 9
    assert adata.uns["crops"]["border"] == "pad"
    assert "intensity" not in adata.uns["crops"]
    np.testing.assert_array_equal(adata.uns["crops"]["affine"]["0"], affine)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), cut(image, adata.obsm["spatial"], 9, "pad")[:, 1:])
    cr.pp.crops(adata, channel_names=["a", "b"], channels=["b", "a"])
    assert adata.uns["crops"]["channels"].tolist() == ["b", "a"]


def _nan(adata):
    adata.obsm["spatial"][[3, 7], 0] = np.nan


def _outside(adata):
    adata.obsm["spatial"][[1, 4, 9]] = 500


def _repeat(adata):
    adata.obs_names = ["cell0", *adata.obs_names[:-1]]


def _drop_positions(adata):
    del adata.obsm["spatial"]


@pytest.mark.parametrize(
    ("spoil", "options", "error", "match"),
    [
        (_nan, {}, ValueError, r"NaN or infinite values in 2 of 25 cells \('cell3', 'cell7'\)"),
        (
            _outside,
            {},
            ValueError,
            r"3 of 25 cells lie outside .* 90 x 110 .*'cell1', 'cell4', 'cell9'.*Check pixel_size",
        ),
        (_repeat, {}, ValueError, "obs_names must be unique; 1 are repeated"),
        (_drop_positions, {}, KeyError, "No 'spatial' in .obsm .*spatial_key"),
        (None, {"pixel_size": 0.01}, ValueError, "cells lie outside"),
        (None, {"pixel_size": 0}, ValueError, "pixel_size must be a finite number above 0"),
        (None, {"size": 91}, ValueError, "size=91 is larger than the image .* of 90 x 110 pixels"),
        (None, {"size": None}, ValueError, "Set size"),
        (None, {"size": 0}, ValueError, "size must be at least 1"),
        (None, {"size": 60, "border": "error"}, ValueError, "windows of size=60 cross the border .*cell"),
        (None, {"border": "mirror"}, ValueError, "border must be one of"),
        (None, {"channels": ["DAPI", "actin"]}, ValueError, r"\['actin'\] are not in .*\['DAPI', 'membrane'\]"),
        (None, {"channels": "DAPI"}, TypeError, "must be a list of names"),
        (None, {"channels": ["DAPI", "DAPI"]}, ValueError, "each once"),
        (None, {"channel_names": ["a"]}, ValueError, "channel_names must name the 2 channels"),
        (
            None,
            {"axes": "yxc", "channel_names": None},
            ValueError,
            r"Check pixel_size or affine, or axes \('yxc' for an image of shape \(2, 90, 110\)\)",
        ),
        (None, {"z": "mean"}, TypeError, "z must be an integer or 'max', got 'mean'"),
        (None, {"affine": "hi"}, TypeError, "affine must be a 3 x 3 matrix of numbers, got 'hi'"),
        (None, {"affine": [[1, 0], [0, 1, 2]]}, TypeError, "affine must be a 3 x 3 matrix of numbers, got"),
        (None, {"axes": "czyx"}, ValueError, "axes='czyx' name 4 dimensions"),
        (None, {"z": 1}, ValueError, "has no depth"),
        (None, {"affine": np.eye(2)}, ValueError, "affine must be an invertible 3 x 3 matrix"),
        (None, {"affine": np.diag([1, 0, 1])}, ValueError, "affine must be an invertible 3 x 3 matrix"),
        (None, {"index": np.arange(25)}, ValueError, "index is for stacks"),
        (None, {"library_key": "slide"}, ValueError, "library_key='slide' needs a mapping"),
        (None, {"element": "image"}, ValueError, "names a part of a SpatialData object"),
        (None, {"relocate": {"a": "b"}}, ValueError, "Leave image or relocate out"),
        (None, {"mod": "stain"}, ValueError, "mod='stain' needs a MuData"),
    ],
)
def test_error_writes_nothing(adata, image, spoil, options, error, match):
    if spoil is not None:
        spoil(adata)
    with pytest.raises(error, match=match):
        register(adata, image, **options)
    assert "crops" not in adata.obsm
    assert not adata.uns


@pytest.mark.parametrize(
    ("stack", "options", "error", "match"),
    [
        (np.zeros((9, 1, 8, 8)), {}, ValueError, "holds 9 crops for 25 cells. Set index"),
        (np.zeros((9, 1, 8, 8)), {"index": "row"}, KeyError, "No 'row' in .obs"),
        (np.zeros((9, 1, 8, 8)), {"index": np.full(25, 9)}, ValueError, "rows outside of 0 to 8 .*in 25 cells"),
        (np.zeros((9, 1, 8, 8)), {"index": np.zeros(25)}, ValueError, "one integer for each of 25 cells"),
        (np.zeros((25, 1, 8, 8)), {"size": 9}, ValueError, "size=9 is larger than the crops"),
        (np.zeros((25, 1, 8, 9)), {}, ValueError, "Set size"),
        (np.zeros((25, 1, 8, 8)), {"affine": np.eye(3)}, ValueError, "crops have no positions"),
    ],
)
def test_error_of_stacks(adata, stack, options, error, match):
    with pytest.raises(error, match=match):
        cr.pp.crops(adata, stack, axes="ncyx", **options)
    assert "crops" not in adata.obsm


def test_error_of_libraries(adata, image):
    adata.obs["slide"] = ["a", "b", "c", "b", "a"] * 5
    with pytest.raises(
        KeyError, match=r"15 of 25 cells belong to libraries without an image: 'b', 'c' \(there are: 'a'\)"
    ):
        register(adata, {"a": image}, library_key="slide")
    with pytest.raises(KeyError, match="No 'lib' in .obs .*Set library_key to one of them"):
        register(adata, {"a": image}, library_key="lib")
    with pytest.raises(ValueError, match="There are no cells"):
        register(adata[:0].copy(), image)
    with pytest.raises(ValueError, match="pixel_size maps libraries to values: set library_key"):
        register(adata, image, pixel_size={"a": 1.0})
    stack = xr.DataArray(np.zeros((10, 2, 20, 20)), dims=list("ncyx"))
    both = {"a": image, "b": stack, "c": image}
    with pytest.raises(ValueError, match="Some images are stacks"):
        register(adata, both, library_key="slide")
    assert "crops" not in adata.obsm


def test_error_without_image(adata, image):
    with pytest.raises(KeyError, match=r"No 'crops' in .*Give an image"):
        cr.pp.crops(adata, size=16)
    register(adata, image)
    with pytest.raises(ValueError, match="index, store cannot be set without an image"):
        cr.pp.crops(adata, index="row", store="folder")
    adata.obsm["crops"].loc["cell3", "image"] = np.nan
    with pytest.raises(ValueError, match="1 of 25 cells have no image"):
        cr.pp.crops(adata, size=16)


def test_error_of_a_new_modality(rng, adata, image):
    atac = adata.copy()
    atac.var_names = ["x", "y", "z"]
    mdata = md.MuData({"rna": adata[:20].copy(), "atac": atac})
    with pytest.raises(ValueError, match="Several modalities have 'spatial'"):
        cr.pp.crops(mdata, image, size=16, mod="stain")
    del mdata["atac"].obsm["spatial"]
    with pytest.raises(ValueError, match=r"5 of 25 cells are not in modality 'rna'.*intersect_obs"):
        cr.pp.crops(mdata, image, size=16, mod="stain")
    del mdata["rna"].obsm["spatial"]
    with pytest.raises(KeyError, match="No 'spatial'"):
        cr.pp.crops(mdata, image, size=16, mod="stain")
    assert list(mdata.mod) == ["rna", "atac"]


def test_crops_are_written_whatever_is_wrong_with_transcripts(rng):
    image = noise_image(rng)
    adata = cells_on(rng, image)
    adata.obsm["transcripts"] = np.zeros((adata.n_obs, 3))
    with pytest.warns(UserWarning, match=r"\.obsm\['transcripts'\] must be a DataFrame of references, got ndarray"):
        cr.pp.crops(adata, image, size=8, axes="cyx")
    assert cr.get.crops(adata, scaled=False).shape == (25, 2, 8, 8)
