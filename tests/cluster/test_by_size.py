import numpy as np

from crepr.cluster._by_size import by_size


def test_anchor():
    assert by_size(np.array([5, 5, 2, 9, 9, 9, 0])).tolist() == [1, 1, 2, 0, 0, 0, 3]
