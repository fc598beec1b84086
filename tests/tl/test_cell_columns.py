import numpy as np
import pandas as pd
import pytest

from crepr.tl._cell_columns import names_of


def test_names_of_one_several_and_none():
    assert names_of("genes", None) == []
    assert names_of("genes", "a") == ["a"]
    assert names_of("genes", ["b", "a", "b"]) == names_of("genes", pd.Index(["b", "a"])) == ["b", "a"]
    assert names_of("genes", np.array(["b", "a"])) == ["b", "a"]


@pytest.mark.parametrize("value", [3, [1], [["a"]], [None], b"a", np.array("a"), np.array([1.0]), [{}]])
def test_error_no_names(value):
    with pytest.raises(TypeError, match="genes must be a name or a list of names, got"):
        names_of("genes", value)
