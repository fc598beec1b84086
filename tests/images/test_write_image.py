import dask.array as da
import numpy as np
import pytest
import zarr

from crepr.images._open import open_source
from crepr.images._write_image import write_image


def source_of(array, axes, channels=("DAPI", "membrane"), pixel_size=None):
    return open_source("uns:image", axes=axes, channels=channels, pixel_size=pixel_size, arrays={"image": array})


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 60000, (2, 70, 90)).astype("u2")


@pytest.mark.parametrize(
    ("name", "axes", "arrange"),
    [
        ("image.ome.zarr", "cyx", lambda pixels: pixels),
        ("image.ome.zarr", "cyx", lambda pixels: da.from_array(pixels, chunks=(2, 32, 90))),
        ("image.ome.zarr", "yxc", lambda pixels: np.moveaxis(pixels, 0, -1)),
        ("image.ome.zarr", "cyx", lambda pixels: pixels.astype(">u2")),
        ("image.ome.zarr", "czyx", lambda pixels: pixels[:, None].repeat(3, 1)),
        ("crops.zarr", "ncyx", lambda pixels: pixels[None].repeat(5, 0)),
    ],
)
def test_what_is_written_is_read(tmp_path, pixels, name, axes, arrange):
    source = source_of(arrange(pixels), axes)
    path = write_image(tmp_path / "new" / name, source)
    found = open_source(str(path))
    np.testing.assert_array_equal(found.array[...], source.array[...])
    assert (found.axes, found.channels, found.pixel_size) == (source.axes, source.channels, None)
    assert [item.name for item in path.parent.iterdir()] == [name]


def test_anchor_pixel_size_and_small_chunks(tmp_path):
    path = write_image(tmp_path / "i.ome.zarr", source_of(np.zeros((2, 600, 600), "u1"), "cyx", pixel_size=0.108))
    assert open_source(str(path)).pixel_size == pytest.approx(0.108)
    assert zarr.open_group(path)["s0" if "s0" in zarr.open_group(path) else "0"].chunks == (1, 512, 512)


def test_equal_image_is_kept_and_another_is_not_overwritten(tmp_path, pixels):
    path = write_image(tmp_path / "i.ome.zarr", source_of(pixels, "cyx"))
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    write_image(path, source_of(pixels.copy(), "cyx"))
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before
    for other in (source_of(pixels + 1, "cyx"), source_of(pixels, "cyx", channels=("a", "b"))):
        with pytest.raises(FileExistsError, match="other cells may refer to"):
            write_image(path, other)
    np.testing.assert_array_equal(open_source(str(path)).array[...], pixels)


@pytest.mark.parametrize(("name", "axes"), [("i.ome.zarr", "cyx"), ("crops.zarr", "ncyx")])
def test_bit_that_flips_is_no_other_pixel(tmp_path, rng, name, axes):
    noise = rng.integers(0, 60000, (2, 1, 32, 32) if axes == "ncyx" else (1, 32, 32)).astype("u2")
    path = write_image(tmp_path / name, source_of(noise, axes, channels=("DAPI",)))
    (chunk,) = (file for file in path.rglob("c/**/*") if file.is_file())
    content = chunk.read_bytes()
    # noise is stored as it is, so that most of the file is pixels
    for place in range(20, len(content), 97):
        chunk.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(OSError, match=name):
            open_source(str(path)).array[...]


def test_error_leaves_nothing(tmp_path, pixels, monkeypatch):
    def fail(*args, **options):
        zarr.open_group(args[1], mode="w")
        raise RuntimeError("disk full")

    monkeypatch.setattr("ome_zarr.writer.write_image", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        write_image(tmp_path / "i.ome.zarr", source_of(pixels, "cyx"))
    assert list(tmp_path.iterdir()) == []


def test_error_folder_not_writable(tmp_path, pixels):
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionError, match="store="):
        write_image(tmp_path / "file" / "i.ome.zarr", source_of(pixels, "cyx"))
