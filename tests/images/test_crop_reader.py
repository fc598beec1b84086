import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from crepr.images._crop_reader import CropReader
from crepr.images._open import open_source
from crepr.images._source import Source

pytestmark = pytest.mark.usefixtures("each_chunk")

HEIGHT, WIDTH, N = 61, 53, 40


def references(uri, n=N, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"image": pd.Categorical([uri] * n), "y": rng.uniform(0, HEIGHT, n), "x": rng.uniform(0, WIDTH, n)},
        index=[f"cell{i}" for i in range(n)],
    )


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).integers(0, 60000, (2, HEIGHT, WIDTH), dtype="u2")


@pytest.fixture(scope="module")
def stored(image, tmp_path_factory):
    """The same image, every way it can lie on disk: name to uri."""
    folder = tmp_path_factory.mktemp("images")
    zarr.create_array(folder / "a.zarr", data=image, chunks=(1, 24, 24))
    zarr.create_array(folder / "sharded.zarr", data=image, chunks=(1, 24, 24), shards=(2, 48, 48))
    zarr.create_array(folder / "a2.zarr", data=image, chunks=(2, 20, 16), zarr_format=2)
    tifffile.imwrite(folder / "tiles.tif", image, tile=(16, 16), compression="zlib", photometric="minisblack")
    tifffile.imwrite(folder / "strips.tif", image, rowsperstrip=8, compression="zlib", photometric="minisblack")
    tifffile.imwrite(folder / "plain.tif", image, photometric="minisblack", byteorder=">")
    np.save(folder / "a.npy", image)
    np.savez(folder / "a.npz", image=image)
    names = ["a.zarr", "sharded.zarr", "a2.zarr", "tiles.tif", "strips.tif", "plain.tif", "a.npy", "a.npz#image"]
    return {name: str(folder / name) for name in names}


def test_anchor_window_of_one_cell():
    image = np.arange(36, dtype="u1").reshape(1, 6, 6)
    source = Source("uns:a", image, "cyx", ("DAPI",))
    frame = pd.DataFrame({"image": ["uns:a"], "y": [0.5], "x": [3.9]})
    reader = CropReader(frame, {"uns:a": source}, size=2, channels=["DAPI"])
    assert (reader.top[0], reader.left[0]) == (0, 2)  # shifted down from -1
    np.testing.assert_array_equal(reader.read(np.array([0]))[0, 0], [[2, 3], [8, 9]])
    # the margin surrounds the shifted window
    np.testing.assert_array_equal(
        reader.read(np.array([0]), margin=1)[0, 0], [[0, 0, 0, 0], [1, 2, 3, 4], [7, 8, 9, 10], [13, 14, 15, 16]]
    )


@pytest.mark.parametrize("memory", [1 << 20, 4000, 0], ids=["all", "some", "none"])
@pytest.mark.parametrize(
    "name", ["a.zarr", "sharded.zarr", "a2.zarr", "tiles.tif", "strips.tif", "plain.tif", "a.npy", "a.npz#image"]
)
def test_property_every_source_gives_slices(image, stored, slices, name, memory):
    uri = stored[name]
    sources = {uri: open_source(uri, channels=["DAPI", "membrane"])}
    for border, margin in (("shift", 0), ("pad", 5)):
        reader = CropReader(
            references(uri), sources, size=24, channels=["membrane", "DAPI"], memory=memory, border=border
        )
        again = pickle.loads(pickle.dumps(reader))
        assert (reader.n_obs, reader.size, reader.channels, reader.dtype) == (N, 24, ("membrane", "DAPI"), np.uint16)
        for cells in (np.arange(N), np.array([7, 3, 7, 39])):
            expected = slices(image[::-1], reader.top[cells] - margin, reader.left[cells] - margin, 24 + 2 * margin)
            np.testing.assert_array_equal(reader.read(cells, margin=margin), expected)
            np.testing.assert_array_equal(again.read(cells, margin=margin), expected)


@given(st.lists(st.integers(0, N - 1), min_size=1), st.integers(1, 10), st.sampled_from([1 << 20, 1500, 0]))
def test_property_batches_order_and_repeats_do_not_matter(image, chunked, cells, batch, memory):
    reader = CropReader(
        references("image.zarr"),
        {"image.zarr": chunked(image, (1, 16, 16)).source},
        size=9,
        channels=["a", "b"],
        memory=memory,
    )
    everything = reader.read(np.arange(N))
    parts = [reader.read(np.array(cells[start : start + batch])) for start in range(0, len(cells), batch)]
    np.testing.assert_array_equal(np.concatenate(parts), everything[cells])


def test_what_fits_is_read_once_and_only_where_cells_are(image, chunked):
    whole = chunked(image, (1, 16, 16))
    reader = CropReader(
        references("image.zarr"), {"image.zarr": whole.source}, size=9, channels=["b"], memory=image[0].nbytes
    )
    reader.read(np.array([0]))
    assert len(whole.reads) <= 4
    for _ in range(3):
        for cell in range(N):
            reader.read(np.array([cell, 0]))
    assert len(set(whole.reads)) == len(whole.reads)
    assert {channels for channels, *_ in whole.reads} == {(1, 2)}


def test_what_does_not_fit_is_kept_by_last_use(chunked):
    image = chunked(np.zeros((1, 32, 32), "u1"), (1, 16, 16))
    centres = pd.DataFrame({"image": ["image.zarr"] * 4, "y": [8.0, 8, 24, 24], "x": [8.0, 24, 8, 24]})
    reader = CropReader(centres, {"image.zarr": image.source}, size=4, channels=["a"], memory=2 * 16 * 16)
    for cell, reads in [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3), (1, 4)]:  # 2 drives out 1, not 0
        reader.read(np.array([cell]))
        assert len(image.reads) == reads


def test_cells_in_the_order_of_their_pixels_read_each_chunk_once(chunked, rng):
    images = {name: chunked(np.zeros((1, 1536, 1024), "u1"), (1, 512, 512), uri=name) for name in ("one", "two")}
    n = 90
    frame = pd.DataFrame({"image": pd.Categorical(rng.choice(list(images), n))})
    frame["y"], frame["x"] = rng.choice([256, 768, 1280], n) + rng.uniform(-9, 9, n), rng.choice([256, 768], n)
    sources = {name: image.source for name, image in images.items()}
    reader = CropReader(frame, sources, size=4, channels=["a"], memory=512 * 512)
    cells = rng.permutation(n)[:80]
    order = reader.order(cells)
    assert sorted(order) == list(range(80))
    for cell in cells[order]:
        reader.read(np.array([cell]))
    assert [len(image.reads) for image in images.values()] == [6, 6]


@pytest.mark.parametrize("memory", [1 << 20, 5000])
def test_threads_read_the_same(image, stored, memory):
    uri = stored["tiles.tif"]
    reader = CropReader(references(uri), {uri: open_source(uri)}, size=12, channels=["0", "1"], memory=memory)
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, N, 8) for _ in range(60)]
    expected = [
        np.stack([image[:, t : t + 12, c : c + 12] for t, c in zip(reader.top[b], reader.left[b], strict=True)])
        for b in batches
    ]
    with ThreadPoolExecutor(4) as pool:
        for found, crops in zip(pool.map(reader.read, batches), expected, strict=True):
            np.testing.assert_array_equal(found, crops)


def _in_child(reader, expected, results):
    results.put(all(np.array_equal(reader.read(np.arange(N)), expected) for _ in range(30)))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("name", ["tiles.tif", "a.zarr"])
def test_forked_processes_do_not_disturb_each_other(stored, name):
    uri = stored[name]
    reader = CropReader(references(uri), {uri: open_source(uri)}, size=12, channels=["0"], memory=0)
    expected = reader.read(np.arange(N))
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    children = [context.Process(target=_in_child, args=(reader, expected, results)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        child.kill()
    assert [child.exitcode for child in children] == [0] * 3
    assert [results.get() for _ in children] == [True] * 3


def test_images_of_many_kinds_in_one_reader(image, chunked, slices):
    rng = np.random.default_rng(0)
    flipped = chunked(image[::-1].copy(), (1, 16, 16), uri="b.zarr").source
    sources = {
        "uns:a": Source("uns:a", image, "cyx", ("DAPI", "membrane")),
        "b.zarr": Source("b.zarr", flipped.array, "cyx", ("membrane", "DAPI")),
        "uns:small": Source("uns:small", image[:, :20, :30].astype("f4") / 2, "cyx", ("DAPI", "membrane")),
        "uns:stack": Source("uns:stack", rng.random((5, 2, 8, 8)).astype("f4"), "ncyx", ("membrane", "DAPI")),
        "not used": Source("not used", np.zeros((1, 3, 3)), "cyx", ("x",)),
    }
    frame = pd.concat([references(uri, 6, seed) for seed, uri in enumerate(list(sources)[:2])])
    small = pd.DataFrame({"image": ["uns:small"] * 3, "y": [3.0, 10, 19], "x": [29.0, 0, 5]})
    stack = pd.DataFrame({"image": ["uns:stack"] * 3, "index": [4, 0, 2]})
    frame = pd.concat([frame, small, stack]).reset_index(drop=True)
    reader = CropReader(frame, sources, size=8, channels=["DAPI", "membrane"])
    assert reader.dtype == np.float32
    cells = rng.permutation(len(frame))
    found = reader.read(cells)[np.argsort(cells)]
    for code, picture in ((slice(0, 12), image), (slice(12, 15), image[:, :20, :30] / np.float32(2))):
        np.testing.assert_array_equal(found[code], slices(picture, reader.top[code], reader.left[code], 8))
    np.testing.assert_array_equal(found[15:], sources["uns:stack"].array[[4, 0, 2]][:, ::-1])
    assert not reader.top[15:].any()


@pytest.mark.parametrize("memory", [1 << 20, 3000, 0], ids=["all", "some", "none"])
@pytest.mark.parametrize("chunks", [(1, 1, 8, 7), (4, 3, 8, 7), (20, 1, 4, 4), None], ids=str)
def test_property_stacks(chunked, chunks, memory):
    crops = np.random.default_rng(0).random((20, 4, 8, 7)).astype("f2")
    rows = np.random.default_rng(1).integers(0, 20, 30)
    frame = pd.DataFrame({"image": ["image.zarr"] * 30, "index": rows})
    stack = chunked(crops, chunks, "ncyx")
    source = stack.source if chunks else Source("image.zarr", crops, "ncyx", tuple("abcd"))
    cells = np.random.default_rng(2).permutation(30)[:17]
    wanted = crops[rows[cells]][:, [3, 0]]
    for size, expected in ((7, wanted[:, :, 1:8]), (5, wanted[:, :, 2:7, 1:6]), (4, wanted[:, :, 2:6, 1:5])):
        reader = CropReader(frame, {"image.zarr": source}, size=size, channels=["d", "a"], memory=memory)
        for each in (reader, pickle.loads(pickle.dumps(reader)) if chunks is None else reader):
            np.testing.assert_array_equal(each.read(cells), expected)
        wide = reader.read(cells, margin=6)
        np.testing.assert_array_equal(wide[:, :, 6:-6, 6:-6], expected)
        assert np.count_nonzero(wide) == np.count_nonzero(wanted)
    if memory > crops.nbytes:
        reads = len(stack.reads)
        reader.read(cells)
        assert len(stack.reads) == reads


def test_stack_reads_only_the_chunks_asked_for(chunked):
    stack = chunked(np.zeros((12, 6, 4, 4), "u1"), (3, 1, 4, 4), "ncyx")
    frame = pd.DataFrame({"image": ["image.zarr"] * 3, "index": [1, 2, 11]})
    CropReader(frame, {"image.zarr": stack.source}, size=4, channels=["f", "b", "a"], memory=0).read(np.arange(3))
    assert sorted(read[:2] for read in stack.reads) == [
        ((0, 3), (0, 2)),
        ((0, 3), (5, 6)),
        ((9, 12), (0, 2)),
        ((9, 12), (5, 6)),
    ]


@pytest.mark.parametrize("z", [1, "max"])
def test_depth(chunked, slices, z):
    stack = np.random.default_rng(0).integers(0, 255, (2, 5, HEIGHT, WIDTH), "u1")
    image = chunked(stack, (1, 2, 16, 16), "czyx")
    reader = CropReader(references("image.zarr"), {"image.zarr": image.source}, size=9, channels=["b"], z=z)
    plane = stack[1:].max(1) if z == "max" else stack[1:, 1]
    np.testing.assert_array_equal(reader.read(np.arange(N)), slices(plane, reader.top, reader.left, 9))
    assert {depth for _, depth, *_ in image.reads} == ({(0, 2), (2, 4), (4, 5)} if z == "max" else {(1, 2)})


def test_huge_chunks_are_told(chunked):
    image = chunked(np.broadcast_to(np.zeros(1, "u1"), (2, 6000, 6000)), (1, 6000, 6000))
    with pytest.warns(UserWarning, match=r"'image.zarr' is stored in chunks of 34 MiB, too large to keep"):
        CropReader(references("image.zarr"), {"image.zarr": image.source}, size=9, channels=["a", "b"], memory=40 << 20)


def test_nothing_to_read(image):
    reader = CropReader(references("a"), {"a": Source("a", image, "cyx", ("p", "q"))}, size=4, channels=["p"])
    assert reader.read(np.array([])).shape == (0, 1, 4, 4)


def test_error_truncated_file(tmp_path, image):
    path = tmp_path / "tiles.tif"
    tifffile.imwrite(path, image, tile=(16, 16), compression="zlib", photometric="minisblack")
    path.write_bytes(path.read_bytes()[:-500])
    reader = CropReader(references(str(path)), {str(path): open_source(str(path))}, size=9, channels=["1"])
    with pytest.raises(OSError, match=r"Cannot read the pixels c 1:2, y 48:61, x .* of '.*tiles.tif'"):
        reader.read(np.arange(N))


def broken(**changes):
    frame = references("a")
    for name, value in changes.items():
        frame[name] = frame[name].astype(object) if name == "image" else frame[name]
        frame.loc["cell3", name] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "options", "error", "match"),
    [
        (broken(), {"channels": ["DAPI"]}, ValueError, r"channels=\['DAPI'\] are not in 'a', which has \['p', 'q'\]"),
        (broken(), {"channels": "p"}, TypeError, r"channels must be a list of names, got the text 'p'"),
        (broken(), {"channels": []}, ValueError, "channels is empty"),
        (broken(), {"channels": 1.5}, TypeError, r"channels must be a name or a list of names, got 1\.5"),
        (broken(), {"channels": [0, "p"]}, TypeError, r"channels must be a name or a list of names, got \[0, 'p'\]"),
        (broken(), {"size": 54}, ValueError, "size=54 is larger than the image 'a' of 61 x 53"),
        (broken(), {"size": 0}, ValueError, "size must be at least 1"),
        (broken(), {"memory": -1}, ValueError, "memory must be at least 0"),
        (broken(), {"z": "max"}, ValueError, "z='max' was given, but 'a' has no depth"),
        (broken(y=np.nan), {}, ValueError, r"NaN or infinite values in 1 of 40 cells \('cell3'\)"),
        (broken(x=53.0), {}, ValueError, r"1 of 40 positions lie outside the image 'a' .*\(cells 'cell3'\)"),
        (broken(image=None), {}, ValueError, r"1 of 40 cells have no image \(cells 'cell3'\)"),
        (broken(image="b"), {}, KeyError, r"No 'b' in sources \(there are: 'a', 'stack'\)"),
        (broken().drop(columns="image"), {}, KeyError, "No 'image' in the references"),
        (broken().drop(columns="y"), {}, KeyError, r"No 'y' in the references \(there are: 'image', 'x'\)"),
        (broken().iloc[:0], {}, ValueError, "There are no cells"),
        (pd.DataFrame({"image": ["stack"]}), {}, KeyError, "No 'index' in the references"),
        (pd.DataFrame({"image": ["stack"] * 2, "index": [2, 3]}), {}, ValueError, r"1 of 2 cells have no row in the 3 crops of 'stack' \(cells 1\)"),
        (pd.DataFrame({"image": ["stack"] * 2, "index": [0.5, np.nan]}), {}, ValueError, r"2 of 2 cells have no row"),
        (pd.DataFrame({"image": ["stack"], "index": [0]}), {"size": 9}, ValueError, "size=9 is larger than the crops of 8 x 8 pixels in 'stack'"),
        (pd.DataFrame({"image": ["stack"], "index": [0]}), {"z": 0}, ValueError, "z=0 was given, but 'stack' has no depth"),
    ],
)  # fmt: skip
def test_error(image, frame, options, error, match):
    sources = {
        "a": Source("a", image, "cyx", ("p", "q")),
        "stack": Source("stack", np.zeros((3, 2, 8, 8)), "ncyx", ("p", "q")),
    }
    with pytest.raises(error, match=match):
        CropReader(frame, sources, **{"size": 4, "channels": ["p"], **options})


@pytest.mark.parametrize(
    ("cells", "error", "match"),
    [
        (np.array([True, False]), TypeError, "integer positions, got dtype bool"),
        (np.array([0.0]), TypeError, "integer positions, got dtype float64"),
        (np.array([-1, 5]), IndexError, "cells must lie in 0 to 39, got -1 to 5"),
        (np.array([40]), IndexError, "got 40 to 40"),
    ],
)
def test_error_cells(image, cells, error, match):
    reader = CropReader(references("a"), {"a": Source("a", image, "cyx", ("p", "q"))}, size=4, channels=["p"])
    with pytest.raises(error, match=match):
        reader.read(cells)
    with pytest.raises(ValueError, match="margin must be at least 0"):
        reader.read(np.array([0]), margin=-1)
