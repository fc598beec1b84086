import pytest

from crepr.pl._named_keys import named_keys


def test_named_keys():
    assert named_keys(None, "vae") == {"vae": "vae"}
    assert named_keys("a", "vae") == {"a": "a"}
    assert named_keys(["a", "b", "a"], "vae") == {"a": "a", "b": "b"}
    assert named_keys({"a": "first"}, "vae") == {"a": "first"}


def test_error():
    for keys in (True, 3, [1], {"a": 1}, {1: "a"}, b"a"):
        with pytest.raises(TypeError, match="keys must be a name or a list of names"):
            named_keys(keys, "vae")
    for keys in ([], {}):
        with pytest.raises(ValueError, match="key_added names no result"):
            named_keys(keys, "vae", option="key_added")
