from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crepr.models._from_plain import from_plain


@dataclass(frozen=True)
class Leaf:
    size: int
    rate: float = 0.5

    def __post_init__(self):
        if self.size < 1:
            raise ValueError(f"size must be at least 1, got {self.size}.")


@dataclass(frozen=True)
class Tree:
    names: tuple[str, ...]
    leaves: dict[str, Leaf]
    mode: Literal["a", "b"] = "a"
    weight: float | Leaf | None = None
    options: dict[str, Any] = field(default_factory=dict)


def test_anchor():
    content = {
        "names": ["x", "y"],
        "leaves": {"one": {"size": 3}},
        "weight": {"size": 1, "rate": 2},
        "options": {"k": [1]},
    }
    expected = Tree(("x", "y"), {"one": Leaf(3)}, "a", Leaf(1, 2.0), {"k": [1]})
    assert from_plain(Tree, content, "tree") == expected


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_property_numbers_are_kept(value):
    result = from_plain(float, value, "x")
    assert isinstance(result, float)
    assert result == float(value)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"nmes": ["x"]}, r"tree has unknown keys: 'nmes'. Known are 'names', 'leaves'"),
        ({"names": "xy"}, r"tree.names must be a list, got 'xy' of type str"),
        ({"names": ["x", 1]}, r"tree.names\[1\] must be str, got 1 of type int"),
        ({"leaves": {"one": {}}}, r"tree.leaves\['one'\] lacks keys: 'size'"),
        ({"leaves": {"one": {"size": 2.0}}}, r"tree.leaves\['one'\].size must be an integer, got 2.0"),
        ({"leaves": {"one": {"size": True}}}, r"size must be an integer, got True of type bool"),
        ({"leaves": {"one": {"size": 0}}}, r"tree.leaves\['one'\]: size must be at least 1, got 0"),
        ({"leaves": []}, r"tree.leaves must be an object"),
        ({"mode": "c"}, r"tree.mode must be one of 'a', 'b', got 'c'"),
        (
            {"weight": "heavy"},
            r"tree.weight must be a number.*Or: tree.weight must be an object.*Or: tree.weight must be null",
        ),
        ({"weight": float("nan")}, r"tree.weight must be a finite number, got nan"),
        ({"weight": False}, r"tree.weight must be a number, got False"),
    ],
)
def test_error(change, match):
    with pytest.raises(ValueError, match=match):
        from_plain(Tree, {"names": ["x"], "leaves": {}, **change}, "tree")


def test_error_not_an_object():
    with pytest.raises(ValueError, match=r"tree must be an object, got \[1\] of type list"):
        from_plain(Tree, [1], "tree")
