import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as npst

from crepr.images._open_memory import array_fingerprint, open_npy, open_uns, split_fingerprint

ARRAY = np.arange(12).reshape(3, 4)


def test_anchor_uns_follows_the_longest_key():
    arrays = {"a": {"b/c": ARRAY, "b": {"c": ARRAY + 1}}, "a/b": {"c": ARRAY + 2}}
    np.testing.assert_array_equal(open_uns("uns:a/b/c", arrays).array, ARRAY + 2)
    del arrays["a/b"]
    np.testing.assert_array_equal(open_uns("uns:a/b/c", arrays).array, ARRAY)


@given(npst.arrays(npst.integer_dtypes() | npst.floating_dtypes(), npst.array_shapes(min_dims=2, max_dims=4)))
def test_property_fingerprint_is_of_the_content(array):
    found = array_fingerprint(array)
    assert split_fingerprint(f"uns:a#b#{found}") == ("uns:a#b", found)
    other_bytes = array.astype(array.dtype.newbyteorder())  # as a file may give it back
    for same in (array.copy(), np.asfortranarray(array), other_bytes):
        assert array_fingerprint(same) == found
    changed = array.copy()
    changed.flat[-1] = 1 if array.flat[-1] != 1 else 0
    for other in (changed, array[None], array.astype("c16")):
        assert array_fingerprint(other) != found


def test_fingerprint_of_a_large_array_is_of_pixels_from_everywhere():
    array = np.zeros((3, 1500, 2000), np.uint8)
    found = array_fingerprint(array)
    array[1, 700:710] = 1
    assert array_fingerprint(array) != found


def test_error_another_array():
    uri = f"uns:a#{array_fingerprint(ARRAY)}"
    assert open_uns(uri, {"a": ARRAY}).array is ARRAY
    with pytest.raises(
        ValueError, match=r"array at 'uns:a#.*' is not the one that was registered.*store=.*library_key="
    ):
        open_uns(uri, {"a": ARRAY + 1})


def test_npy_is_mapped(tmp_path):
    np.save(tmp_path / "a.npy", ARRAY)
    found = open_npy(str(tmp_path / "a.npy"), None).array
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, ARRAY)


def test_npz(tmp_path):
    path = str(tmp_path / "a.npz")
    np.savez(path, only=ARRAY)
    np.testing.assert_array_equal(open_npy(path, None).array, ARRAY)
    np.savez_compressed(path, one=ARRAY, two=ARRAY + 1)
    np.testing.assert_array_equal(open_npy(path, "two").array, ARRAY + 1)
    for key in (None, "three"):
        with pytest.raises(ValueError, match=rf"has no array {key!r} \(there are: 'one', 'two'\). Write it as"):
            open_npy(path, key)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_error_unreadable(tmp_path, name):
    path = tmp_path / name
    (np.save if name == "a.npy" else np.savez)(path, ARRAY)
    content = path.read_bytes()
    for broken in (content[:-10], content[:20], b"", b"hello"):
        path.write_bytes(broken)
        with pytest.raises(
            ValueError, match=rf"{name}' cannot be read by NumPy: .*truncated, corrupt or no NumPy file"
        ):
            open_npy(str(path), None)


def test_error_pickled_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a.npy' cannot be read"):
        open_npy(str(tmp_path / "a.npy"), None)


def test_error_damaged_within(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", ARRAY)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[60:90] = bytes(30)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.npz' cannot be read by NumPy: (error|BadZipFile): .* copy it again"):
        open_npy(str(tmp_path / "a.npz"), None)


def test_error_another_kind_of_file_under_this_name(tmp_path):
    np.savez(tmp_path / "a.npz", ARRAY)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(ValueError, match=r"a.npy' cannot be read by NumPy: TypeError: several arrays in one file"):
        open_npy(str(tmp_path / "a.npy"), None)
