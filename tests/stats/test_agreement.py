import numpy as np
import pytest

from crepr.stats._agreement import agreement

TRUTH = np.array([0, 0, 1, 1, 2, 2])


def test_anchor():
    table = agreement(TRUTH, [TRUTH[::-1], np.zeros(6, int), np.arange(6), [0, 0, 1, 1, 1, 1]])
    assert table.loc[0].tolist() == pytest.approx([1, 1, 1, 1, 1])
    # one cluster holds labels together, single cells keep them apart
    assert table.loc[1, ["homogeneity", "completeness"]].tolist() == [0, 1]
    assert table.loc[2, ["homogeneity", "completeness"]].tolist() == pytest.approx([1, np.log(3) / np.log(6)])
    assert table.loc[3, "completeness"] == pytest.approx(1)
    assert table.loc[3, "homogeneity"] == pytest.approx(1 - np.log(2) * (2 / 3) / np.log(3))
    assert agreement(TRUTH, []).empty
