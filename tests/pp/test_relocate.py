import numpy as np
import pytest
from cells import CHANNELS, cells_on, cut, noise_image

import crepr as cr
from crepr.images._source import Source
from crepr.images._write_image import write_image
from crepr.pp._relocate import relocate_uris

OLD = ["/data/a/slide.ome.zarr", "/data/ab.tif", "spatialdata:/data/a/s.zarr#image", "s3://bucket/x.zarr"]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ({"/data/a": "/new"}, ["/new/slide.ome.zarr", OLD[1], "spatialdata:/new/s.zarr#image", OLD[3]]),
        ({"/data/a/": "/new/"}, ["/new/slide.ome.zarr", OLD[1], "spatialdata:/new/s.zarr#image", OLD[3]]),
        ({"/data/ab.tif": "/b.tif"}, [OLD[0], "/b.tif", OLD[2], OLD[3]]),
        ({"/data": "/x", "/data/a": "/y"}, ["/y/slide.ome.zarr", "/x/ab.tif", "spatialdata:/y/s.zarr#image", OLD[3]]),
        ({OLD[2]: "/i.zarr", "s3://bucket": "/mirror"}, [OLD[0], OLD[1], "/i.zarr", "/mirror/x.zarr"]),
        ({"/data/a/s.zarr": "https://host/s.zarr"}, [OLD[0], OLD[1], "spatialdata:https://host/s.zarr#image", OLD[3]]),
    ],
)
def test_anchor_new_uris(places, expected):
    assert relocate_uris(OLD, places) == dict(zip(OLD, expected, strict=True))


@pytest.mark.parametrize(
    ("places", "error", "match"),
    [
        ({"/data/b": "/new"}, ValueError, r"relocate='/data/b' fits none .*'/data/a/slide.ome.zarr'"),
        ({"/data/a/sl": "/new"}, ValueError, "fits none"),
        ({OLD[0]: OLD[1]}, ValueError, "one image of several"),
        ("/new", TypeError, "relocate must map old places to new ones"),
    ],
)
def test_error_places(places, error, match):
    with pytest.raises(error, match=match):
        relocate_uris(OLD, places)


@pytest.fixture
def moved(rng, tmp_path):
    """Cells on an image with limits and masks, whose folder was renamed."""
    image = noise_image(rng)
    adata = cells_on(rng, image)
    write_image(tmp_path / "old" / "a.ome.zarr", Source("uns:a", image, "cyx", tuple(CHANNELS)))
    cr.pp.crops(adata, tmp_path / "old" / "a.ome.zarr", size=16, pixel_size=1.0)
    cr.pp.intensity(adata, progress=False)
    # every pixel is a cell, so that a crop shows one pixel
    labels = np.arange(1, 90 * 110 + 1, dtype="i4").reshape(90, 110)
    cr.pp.masks(adata, labels, store=tmp_path / "old")
    expected = cut(image, adata.obsm["spatial"], 16)
    (tmp_path / "old").rename(tmp_path / "new")
    return adata, expected


def test_a_moved_image_is_found_again(tmp_path, moved):
    adata, expected = moved
    with pytest.raises(FileNotFoundError, match=r"a\.ome\.zarr.*cr\.pp\.crops\(data, relocate="):
        cr.get.crops(adata)
    before = adata.uns["crops"]
    cr.pp.crops(adata, relocate={tmp_path / "old": tmp_path / "new"})
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), expected)
    assert adata.uns["crops"]["images"].index.tolist() == [str(tmp_path / "new" / "a.ome.zarr")]
    for key in ("affine", "channels", "size"):
        np.testing.assert_equal(adata.uns["crops"][key], before[key])
    assert adata.uns["crops"]["intensity"]["limits"].equals(before["intensity"]["limits"])
    with pytest.raises(FileNotFoundError, match=r"cr\.pp\.masks\(data, relocate="):
        cr.get.crops(adata, hide_neighbours=True)
    labels = adata.obsm["masks"]["label"].copy()
    cr.pp.masks(adata, relocate={tmp_path / "old": tmp_path / "new"})
    assert (cr.get.crops(adata, scaled=False, hide_neighbours=True)[:, 0] > 0).sum() <= len(adata)
    assert adata.obsm["masks"]["label"].equals(labels)


def test_error_nothing_or_something_else_in_the_new_place(rng, tmp_path, moved):
    adata, _ = moved
    before = adata.obsm["crops"].copy()
    with pytest.raises(FileNotFoundError, match="elsewhere"):
        cr.pp.crops(adata, relocate={tmp_path / "old": tmp_path / "elsewhere"})
    other = Source("uns:a", noise_image(rng, 50, 50), "cyx", tuple(CHANNELS))
    write_image(tmp_path / "wrong" / "a.ome.zarr", other)
    with pytest.raises(ValueError, match=r"shape \(2, 50, 50\).*but \(2, 90, 110\) when it was registered"):
        cr.pp.crops(adata, relocate={tmp_path / "old": tmp_path / "wrong"})
    assert adata.obsm["crops"].equals(before)
