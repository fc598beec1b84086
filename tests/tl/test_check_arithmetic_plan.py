import warnings

import numpy as np
import pytest

from crepr.tl._arithmetic_plan import plan_arithmetic
from crepr.tl._check_arithmetic_plan import check_arithmetic_plan
from crepr.tl._combinations import Combination
from crepr.tl._corrections import CORRECTIONS, corrected

LABELS = np.repeat(np.array(["DMSO", "A", "B", "C", "A|B", "A|C"], object), 6)
FOUND = [Combination(f"A|{other}", (f"A|{other}",), {"A": 1.0, other: 1.0, "DMSO": -1.0}) for other in "BC"]


def plan(found=FOUND):
    return plan_arithmetic(found, LABELS, control="DMSO", directions=["age"], match=None, shown=None)


def check(strata=None, *, found=FOUND, **options):
    check_arithmetic_plan(
        plan(found), strata=strata, **{"n_perms": 999, "correction": "fdr_bh", "alpha": 0.05, **options}
    )


def test_anchor_strata_that_leave_nothing_to_permute():
    own = np.unique(LABELS, return_inverse=True)[1]
    with pytest.warns(UserWarning, match=r"nothing to permute for 2 of 2 combinations, whose p is 1: 'A\|B', 'A\|C'"):
        check(own)
    # rows of combinations take no part
    beside = own.copy()
    beside[LABELS == "A|B"] = own[LABELS == "A"][0]
    with pytest.warns(UserWarning, match="for 2 of 2 combinations"):
        check(beside)
    # some rows of C and B are on one plate, and those of nothing else
    met = own.copy()
    met[np.flatnonzero(LABELS == "C")[0]] = own[LABELS == "B"][0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(met)
        check(np.zeros(36, int))
        # without terms there is nothing to test
        check(own, found=[Combination("A|B", ("A|B",), {"age": 1.0, "DMSO": 1.0})])
    several = [*FOUND[:1], Combination("A|C", ("A|C",), {"C": 1.0})]
    met[LABELS == "B"] = own[LABELS == "A"][0]
    with pytest.warns(UserWarning, match=r"for 1 of 2 combinations, whose p is 1: 'A\|C'. None of the rows"):
        check(np.where(LABELS == "C", 9, met), found=several)


@pytest.mark.parametrize("correction", [None, *CORRECTIONS])
def test_property_the_number_advised_is_enough(correction):
    many = [Combination("A|B", ("A|B",), {"A": 1.0, "DMSO": 0.0})] * 20
    with pytest.warns(UserWarning, match="n_perms=9 is too few for 20 .* Raise n_perms to") as told:
        check(found=many, n_perms=9, correction=correction)
    advised = int(str(told[-1].message).split()[-1].rstrip("."))
    for n_perms, is_enough in ((advised, True), (advised - 3, False)):
        least = corrected(np.array([1 / (n_perms + 1)] + [1.0] * 19), correction)[0]
        assert (least <= 0.05) == is_enough
