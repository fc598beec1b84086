import numpy as np
import pytest
import tifffile

from crepr.images._open import open_source

IMAGE = np.random.default_rng(0).integers(0, 60000, (3, 70, 60), "u2")
DEEP = np.random.default_rng(0).integers(0, 60000, (4, 2, 70, 60), "u2")
MICROMETRES = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm"}
NANOMETRES = {"PhysicalSizeX": 200, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 200, "PhysicalSizeYUnit": "nm"}
NAMES = {"Channel": {"Name": ["DAPI", "membrane", "RNA"]}}
TILES = {"tile": (32, 32), "compression": "zlib"}


@pytest.mark.parametrize(
    ("name", "array", "options", "axes", "channels", "pixel_size", "expected"),
    [
        ("a.ome.tif", IMAGE, {"metadata": {"axes": "CYX", **NAMES, **MICROMETRES}}, "cyx", ("DAPI", "membrane", "RNA"), 0.5, IMAGE),
        ("a.ome.tif", IMAGE, {"metadata": {"axes": "CYX", **NAMES}, **TILES}, "cyx", ("DAPI", "membrane", "RNA"), None, IMAGE),
        ("a.ome.tif", IMAGE, {"metadata": {"axes": "CYX", "Channel": {"Name": ["a", "a", "b"]}, "PhysicalSizeX": 1, "PhysicalSizeY": 2}}, "cyx", ("a", "a-1", "b"), None, IMAGE),
        ("a.ome.tif", DEEP, {"metadata": {"axes": "ZCYX", **NANOMETRES}, **TILES}, "czyx", ("0", "1"), 0.2, DEEP.transpose(1, 0, 2, 3)),
        ("a.ome.tif", DEEP[None], {"metadata": {"axes": "TZCYX"}}, "czyx", ("0", "1"), None, DEEP.transpose(1, 0, 2, 3)),
        ("a.tif", DEEP, {"imagej": True, "metadata": {"axes": "ZCYX", "unit": "micron"}, "resolution": (4, 4)}, "czyx", ("0", "1"), 0.25, DEEP.transpose(1, 0, 2, 3)),
        ("a.tif", DEEP[0], {"imagej": True, "metadata": {"axes": "CYX", "Labels": ["DAPI", "RNA"], "unit": "\\u00B5m"}, "resolution": (4, 4)}, "cyx", ("DAPI", "RNA"), 0.25, DEEP[0]),
        ("a.tif", DEEP[0], {"imagej": True, "metadata": {"axes": "CYX"}, "resolution": (4, 4)}, "cyx", ("0", "1"), None, DEEP[0]),
        ("a.tif", IMAGE.transpose(1, 2, 0), {"photometric": "rgb"}, "cyx", ("0", "1", "2"), None, IMAGE),
        ("a.tif", IMAGE.transpose(1, 2, 0), {"photometric": "rgb", "compression": "zlib"}, "cyx", ("0", "1", "2"), None, IMAGE),
        ("a.tif", IMAGE, {"photometric": "rgb", "planarconfig": "separate", **TILES}, "cyx", ("0", "1", "2"), None, IMAGE),
        ("a.tif", IMAGE, {"photometric": "minisblack", "bigtiff": True, "metadata": None}, "cyx", ("0", "1", "2"), None, IMAGE),
        ("a.tif", IMAGE[0], {"byteorder": ">", **TILES}, "cyx", ("0",), None, IMAGE[:1]),
        ("a.TIFF", IMAGE[0], {"rowsperstrip": 7, "compression": "lzw"}, "cyx", ("0",), None, IMAGE[:1]),
        ("a.btf", IMAGE[0] > 9, {}, "cyx", ("0",), None, IMAGE[:1] > 9),
    ],
)  # fmt: skip
def test_reference_is_tifffile(tmp_path, name, array, options, axes, channels, pixel_size, expected):
    tifffile.imwrite(tmp_path / name, np.ascontiguousarray(array), **options)
    source = open_source(str(tmp_path / name))
    assert (source.axes, source.channels) == (axes, channels)
    assert source.pixel_size == pytest.approx(pixel_size) if pixel_size else source.pixel_size is None
    assert source.array.shape == expected.shape
    np.testing.assert_array_equal(source.array, expected)


@pytest.mark.parametrize("options", [{}, TILES], ids=["plain", "tiles"])
def test_pyramid_is_read_at_full_resolution(tmp_path, options):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", bigtiff=True) as writer:
        metadata = {"axes": "CYX", **NAMES, **MICROMETRES}
        writer.write(IMAGE, subifds=1, photometric="minisblack", metadata=metadata, **options)
        writer.write(IMAGE[:, ::2, ::2], subfiletype=1, photometric="minisblack", **options)
    source = open_source(str(tmp_path / "a.ome.tif"))
    assert (source.channels, source.pixel_size) == (("DAPI", "membrane", "RNA"), 0.5)
    np.testing.assert_array_equal(source.array, IMAGE)


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("options", [{}, TILES, {"compression": "lzw"}, {"bigtiff": True, "tile": (32, 32)}], ids=str)
def test_error_truncated(tmp_path, caplog, options, kept):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, IMAGE, photometric="minisblack", **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(
        (ValueError, OSError), match=r"Cannot read the pixels c 0:3, .*a.tif|a.tif' cannot be read as TIFF"
    ):
        np.asarray(open_source(str(path)).array)
    assert not [record for record in caplog.records if "page" in record.getMessage()]  # the error says it
    assert not tifffile.logger().filters


def test_error_no_tiff(tmp_path):
    (tmp_path / "a.tif").write_text("hello")
    with pytest.raises(ValueError, match=r"a.tif' cannot be read as TIFF: TiffFileError: not a TIFF file"):
        open_source(str(tmp_path / "a.tif"))


def test_error_axes(tmp_path):
    path = str(tmp_path / "a.tif")
    tifffile.imwrite(path, np.zeros((100, 9, 9), "u1"), photometric="minisblack")
    with pytest.raises(ValueError, match=r"The axes of '.*a.tif' \(shape \(100, 9, 9\)\) cannot be told"):
        open_source(path)
    assert open_source(path, axes="nyx").array.shape == (100, 1, 9, 9)
    tifffile.imwrite(path, DEEP, ome=True, metadata={"axes": "TCYX"})
    with pytest.raises(ValueError, match=r"a.tif' holds 4 time points"):
        open_source(path)
