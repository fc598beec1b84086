import numpy as np
import pandas as pd
import pytest

from crepr import _validate


def test_listing():
    assert _validate.listing([]) == "none"
    assert _validate.listing(["a", "b"]) == "'a', 'b'"
    assert _validate.listing("abc", limit=2) == "'a', 'b', ... (3 in all)"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: _validate.integer("n", 0, minimum=1), ValueError, "n must be at least 1, got 0"),
        (lambda: _validate.integer("n", 1.5, minimum=1), TypeError, "n must be an integer, got 1.5 of type float"),
        (
            lambda: _validate.integer("z", "a", minimum=0, other=" or 'max'"),
            TypeError,
            "z must be an integer or 'max', got 'a' of type str",
        ),
        (lambda: _validate.generator("rng", "a"), TypeError, "rng must be an integer of at least 0 or a .*got 'a' of"),
        (lambda: _validate.generator("rng", -1), ValueError, "rng must be an integer of at least 0 .*got -1"),
        (lambda: _validate.some_cells(pd.Index([])), ValueError, "There are no cells"),
        (lambda: _validate.integer("n", True, minimum=1), TypeError, "n must be an integer, got True"),
        (
            lambda: _validate.number("lr", 0, minimum=0, exclusive=True),
            ValueError,
            "lr must be a finite number above 0",
        ),
        (lambda: _validate.number("lr", np.nan), ValueError, "got nan"),
        (lambda: _validate.number("lr", "1"), TypeError, "lr must be a number"),
        (lambda: _validate.choice("how", "c", ["a", "b"]), ValueError, "how must be one of 'a', 'b', got 'c'"),
        (lambda: _validate.choice("how", ["a"], {"a": 1}), ValueError, r"how must be one of 'a', got \['a'\]"),
        (lambda: _validate.choice("how", np.array([1, 2]), (1, 2)), ValueError, "how must be one of 1, 2, got array"),
        (lambda: _validate.choice("how", pd.NA, ("a",)), ValueError, "how must be one of 'a', got <NA>"),
        (lambda: _validate.jobs(0), ValueError, "n_jobs must not be 0; give a positive number, or -1"),
        (lambda: _validate.jobs("2"), TypeError, "n_jobs must be an integer, got '2'"),
        (
            lambda: _validate.has_key({"a": 1}, ["b"], where=".obsm", hint="Run it."),
            TypeError,
            "A key of .obsm must be a str, got",
        ),
        (lambda: _validate.has_key({"a": 1}, "b", where=".obsm", hint="Run it."), KeyError, "there are: 'a'.*Run it"),
        (
            lambda: _validate.finite("X", np.array([[1.0, np.nan], [0, 0]]), cells=pd.Index(["u", "v"])),
            ValueError,
            r"in 1 of 2 cells \('u'\)",
        ),
        (lambda: _validate.unique_cells(pd.Index(["a", "b", "a"])), ValueError, r"1 are repeated \('a'\)"),
    ],
)
def test_error(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_writable_folder(tmp_path):
    assert _validate.writable_folder("out", tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionError, match="out=.*cannot be written to.*Give a folder"):
        _validate.writable_folder("out", tmp_path / "file")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_shares():
    assert _validate.shares("span", [0.25, np.float32(0.5)]) == (0.25, 0.5)
    for value in (0.5, (0.5,), (0.1, 0.2, 0.3), (0, 0.5), (0.5, 0.5), (0.5, 1), (np.nan, 0.5), ("a", "b")):
        with pytest.raises(ValueError, match="span must be two numbers that rise between 0 and 1"):
            _validate.shares("span", value)


def test_jobs():
    assert [_validate.jobs(value) for value in (-1, np.int64(2))] == [-1, 2]


def test_finite_of_no_cells():
    _validate.finite("X", np.empty((0, 3)))
    _validate.finite("X", np.empty((0, 0)))
    _validate.finite("X", np.empty((2, 0)))


def test_names_of_one_several_and_none():
    assert _validate.names("genes", None) == []
    assert _validate.names("genes", "a") == ["a"]
    assert _validate.names("genes", ["b", "a", "b"]) == _validate.names("genes", pd.Index(["b", "a"])) == ["b", "a"]
    assert _validate.names("genes", np.array(["b", "a"])) == ["b", "a"]


@pytest.mark.parametrize("value", [3, [1], [["a"], "b"], [None], b"a", np.array("a"), np.array([1.0]), [{}]])
def test_error_no_names(value):
    with pytest.raises(TypeError, match="genes must be a name or a list of names, got"):
        _validate.names("genes", value)
