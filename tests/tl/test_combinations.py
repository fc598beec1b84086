import pandas as pd
import pytest

from crepr.tl._combinations import find_combinations

OPTIONS = {"control": "DMSO", "separator": "|", "ignore_order": True, "directions": []}
GROUPS = ["DMSO", "A", "B", "C", "A|B", "A|C"]


def terms(given):
    return {item.name: item.terms for item in find_combinations(given, GROUPS, **OPTIONS)}


@pytest.mark.parametrize("missing", [None, pd.NA, float("nan"), 0])
def test_anchor_a_table_with_holes(missing):
    table = pd.DataFrame({"A": [1, 2], "B": [1, missing], "C": [missing, 1]}, index=["A|B", "A|C"])
    expected = {"A|B": {"A": 1, "B": 1, "DMSO": -1}, "A|C": {"A": 2, "C": 1, "DMSO": -2}}
    assert terms(table) == terms(table.convert_dtypes()) == expected


def test_anchor_control_that_is_named():
    assert terms({"A|B": {"A": 1, "B": 1, "DMSO": 0}}) == {"A|B": {"A": 1, "B": 1}}
    assert terms({"A|B": {"A": 1, "B": 1, "DMSO": -3}}) == {"A|B": {"A": 1, "B": 1, "DMSO": -3}}
    table = pd.DataFrame({"A": [1, 1], "B": [1, 0], "C": [0, 1], "DMSO": [0, None]}, index=["A|B", "A|C"])
    assert terms(table) == {"A|B": {"A": 1, "B": 1}, "A|C": {"A": 1, "C": 1, "DMSO": -1}}


def test_error_names_that_are_there_twice():
    table = pd.DataFrame({"A": [1, 2], "B": [1, 1]}, index=["A|B", "A|B"])
    with pytest.raises(ValueError, match=r"combinations has several rows of the same name: 'A\|B'. Keep one"):
        terms(table)
    with pytest.raises(ValueError, match=r"combinations has several columns of the same name: 'A\|B'"):
        terms(table.T)
