"""References hold through files, subsets and joins, and cost little."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
from cells import CHANNELS, cells_on, cut, nearest_labels, noise_image

import crepr as cr
from crepr.images._source import Source
from crepr.images._write_image import write_image


@pytest.fixture
def slides(rng, tmp_path):
    """Two slides on disk with limits and masks, and the crops that they must give."""
    made, expected = [], []
    for name in "ab":
        image = noise_image(rng)
        adata = cells_on(rng, image, prefix=name)
        path = write_image(tmp_path / f"{name}.ome.zarr", Source("uns:i", image, "cyx", tuple(CHANNELS), 0.5))
        expected.append(cut(image, adata.obsm["spatial"], 16, "pad"))
        adata.obsm["spatial"] *= 0.5
        cr.pp.crops(adata, path, size=16, pixel_size=0.5, border="pad")
        cr.pp.intensity(adata, per="cell", progress=False)
        adata.obs["label"] = range(1, 26)
        labels = nearest_labels((90, 110), adata.obsm["spatial"] * 2)
        cr.pp.masks(adata, labels, labels="label", store=tmp_path / f"masks_{name}")
        made.append(adata)
    return made, expected


def through_h5ad(adata, folder):
    adata.write_h5ad(folder / "a.h5ad")
    return ad.read_h5ad(folder / "a.h5ad")


def through_zarr(adata, folder):
    adata.write_zarr(folder / "a.zarr")
    return ad.read_zarr(folder / "a.zarr")


def through_h5mu(adata, folder):
    md.MuData({"stain": adata}).write(folder / "a.h5mu")
    return md.read(folder / "a.h5mu")["stain"]


@pytest.mark.parametrize("through", [through_h5ad, through_zarr, through_h5mu])
def test_files(tmp_path, slides, through):
    (adata, _), (expected, _) = slides
    read = through(adata, tmp_path)
    np.testing.assert_array_equal(cr.get.crops(read, scaled=False), expected)
    np.testing.assert_array_equal(cr.get.crops(read, hide_neighbours=True), cr.get.crops(adata, hide_neighbours=True))
    assert read.obsm["crops"]["image"].dtype == "category"
    cr.pp.crops(read, size=9, channels=["membrane"])
    assert cr.get.crops(read, scaled=False).shape == (25, 1, 9, 9)
    cr.pp.crops(read, size=16)
    cr.pp.intensity(read, progress=False)
    again = through(read, tmp_path)
    np.testing.assert_array_equal(cr.get.crops(again), cr.get.crops(read))


@pytest.mark.parametrize("through", [through_h5ad, through_zarr, through_h5mu])
def test_arrays_in_uns_are_written_too(tmp_path, rng, through):
    image = rng.integers(0, 99, (2, 3, 50, 60)).astype("u1")
    adata = cells_on(rng, image)
    cr.pp.crops(adata, image, axes="czyx", size=16, z="max")
    expected = cut(image.max(axis=1), adata.obsm["spatial"], 16)
    np.testing.assert_array_equal(cr.get.crops(through(adata, tmp_path), scaled=False), expected)
    cr.pp.crops(adata, image, axes="czyx", size=16, z=1)
    np.testing.assert_array_equal(
        cr.get.crops(through(adata, tmp_path / "."), scaled=False), cut(image[:, 1], adata.obsm["spatial"], 16)
    )


def test_subsets(slides, rng):
    (adata, _), (expected, _) = slides
    some = rng.permutation(25)[:10]
    np.testing.assert_array_equal(cr.get.crops(adata[some], scaled=False), expected[some])
    np.testing.assert_array_equal(cr.get.crops(adata[some].copy()), cr.get.crops(adata, some))
    hidden = cr.get.crops(adata, hide_neighbours=True)
    np.testing.assert_array_equal(cr.get.crops(adata[some], hide_neighbours=True), hidden[some])
    names = adata.obs_names[some]
    np.testing.assert_array_equal(cr.get.crops(adata, names, scaled=False), expected[some])


@pytest.mark.parametrize("uns_merge", [None, "first", "unique", "same"])
def test_joins(slides, tmp_path, uns_merge):
    joined = ad.concat(slides[0], uns_merge=uns_merge)
    if uns_merge is None:
        with pytest.raises(ValueError, match=r"cr\.pp\.crops\(data, size=\.\.\.\)"):
            cr.get.crops(joined)
        with pytest.warns(UserWarning, match=r"now channels=\['DAPI', 'membrane'\], and crops are scaled by"):
            cr.pp.crops(joined, size=16, border="pad")
    expected = np.concatenate(slides[1])
    np.testing.assert_array_equal(cr.get.crops(joined, scaled=False), expected)
    hidden = np.concatenate([cr.get.crops(adata, scaled=False, hide_neighbours=True) for adata in slides[0]])
    np.testing.assert_array_equal(cr.get.crops(joined, scaled=False, hide_neighbours=True), hidden)
    cr.pp.crops(joined, size=16, border="pad")
    assert len(joined.uns["crops"]["images"]) == 2
    assert joined.uns["crops"]["images"]["pixel_size"].tolist() == [0.5, 0.5]
    assert joined.obsm["crops"]["image"].dtype == "category"
    np.testing.assert_array_equal(cr.get.crops(through_h5ad(joined, tmp_path), scaled=False), expected)
    cr.pp.crops(joined, size=16, pixel_size=0.5)
    assert [joined.uns["crops"]["affine"][i][0, 0] for i in "01"] == [2.0, 2.0]


def test_limits_that_differ_are_asked_for_again(slides):
    for adata in slides[0]:
        cr.pp.intensity(adata, progress=False)
    joined = ad.concat(slides[0], uns_merge="unique")
    with pytest.raises(KeyError, match=r"No 'limits'.*cr\.pp\.intensity again"):
        cr.get.crops(joined)
    cr.pp.intensity(joined, progress=False)
    assert cr.get.crops(joined).max() == 1


def test_joined_arrays_in_uns_are_asked_for(rng):
    slides = []
    for name in "ab":
        image = noise_image(rng)
        slides.append(cells_on(rng, image, prefix=name))
        cr.pp.crops(slides[-1], {name: image}, size=8, library_key=slides[-1].obs.insert(0, "slide", name) or "slide")
    joined = ad.concat(slides)
    with pytest.raises(
        KeyError, match=r"ad.concat drops .uns: put the array back.*store=.*library_key=.*uns_merge='unique'"
    ):
        cr.pp.crops(joined, size=8)
    expected = np.concatenate([cr.get.crops(adata, scaled=False) for adata in slides])
    joined.uns["spatial"] = slides[0].uns["spatial"] | slides[1].uns["spatial"]
    cr.pp.crops(joined, size=8, channels=["0", "1"], border="shift")
    np.testing.assert_array_equal(cr.get.crops(joined, scaled=False), expected)
    np.testing.assert_array_equal(cr.get.crops(ad.concat(slides, uns_merge="unique"), scaled=False), expected)


@pytest.mark.parametrize(("read", "name"), [(cr.get.crops, "image"), (cr.get.masks, "masks")])
def test_joined_arrays_of_one_name_are_told_apart(rng, read, name):
    slides = []
    for prefix in "ab":
        # the images of both slides are alike where only their masks are to differ
        image = noise_image(rng) if name == "image" else np.ones((1, 90, 110))
        adata = cells_on(rng, image, prefix=prefix)
        adata.obs["label"] = range(1, 26)
        cr.pp.crops(adata, image, size=8)
        cr.pp.masks(adata, nearest_labels((90, 110), adata.obsm["spatial"]), labels="label")
        slides.append(adata)
    joined = ad.concat(slides, uns_merge="first")
    with pytest.raises(ValueError, match=rf"images/{name}#.* is not the one that was registered.*ad.concat put"):
        read(joined)
    np.testing.assert_array_equal(read(joined[:25].copy()), read(slides[0]))


@pytest.fixture
def one_channel(rng, tmp_path):
    """Two slides with one channel in use, padded, each cell with its limits; joined without `.uns`."""
    made = []
    for name in "ab":
        image = noise_image(rng)
        made.append(cells_on(rng, image, prefix=name))
        path = write_image(tmp_path / f"{name}.ome.zarr", Source("uns:i", image, "cyx", tuple(CHANNELS)))
        cr.pp.crops(made[-1], path, size=16, channels=["DAPI"], border="pad")
        cr.pp.intensity(made[-1], per="cell", progress=False)
    return made, ad.concat(made)


def test_limits_of_each_cell_survive_joining(one_channel):
    slides, joined = one_channel
    expected = np.concatenate([cr.get.crops(adata) for adata in slides])
    with pytest.raises(ValueError, match=r"Set size.*channels, border, z, .*cr\.pp\.intensity"):
        cr.pp.crops(joined)
    cr.pp.crops(joined, size=16, border="pad", channels=["DAPI"])  # all is said: no warning
    assert joined.uns["crops"]["intensity"] == {"per": "cell"}
    np.testing.assert_array_equal(cr.get.crops(joined), expected)


def test_what_is_registered_by_default_after_joining_is_told(one_channel):
    slides, joined = one_channel
    limits = joined.obsm["crops_limits"].copy()
    with pytest.warns(
        UserWarning,
        match=r"now border='shift' and channels=\['DAPI'\], .*scaled by .obsm\['crops_limits'\].*cr\.pp\.intensity",
    ):
        cr.pp.crops(joined, size=16)
    assert joined.obsm["crops_limits"].equals(limits)
    cr.pp.crops(joined, size=8)  # says nothing more: all is recorded now
    assert "crops_limits" not in joined.obsm
    joined = ad.concat(slides)
    with pytest.warns(UserWarning, match=r"now border='shift', and crops are not scaled by cr\.pp\.intensity"):
        cr.pp.crops(joined, size=16, channels=["DAPI", "membrane"])
    assert "intensity" not in joined.uns["crops"]
    assert "crops_limits" not in joined.obsm


def test_a_reference_costs_under_200_bytes(rng, tmp_path):
    image = noise_image(rng, 50, 50)
    adata = cells_on(rng, image, n_obs=20_000)
    adata.write_h5ad(tmp_path / "before.h5ad")
    path = write_image(tmp_path / "i.ome.zarr", Source("uns:i", image, "cyx", tuple(CHANNELS)))
    cr.pp.crops(adata, path, size=16)
    table = adata.obsm["crops"]
    assert (table.memory_usage(index=False, deep=True).sum()) / len(table) < 200
    assert table.index is adata.obs_names or table.index.equals(adata.obs_names)
    adata.write_h5ad(tmp_path / "after.h5ad")
    before, after = ((tmp_path / f"{name}.h5ad").stat().st_size for name in ("before", "after"))
    assert (after - before) / len(table) < 200
