import numpy as np
import pandas as pd
import pytest

from crepr.tl._best_point import best_point


def points(n_clusters, silhouette):
    return pd.DataFrame({"n_clusters": n_clusters, "silhouette": silhouette, "k": range(len(n_clusters))})


def test_anchor():
    table = points([2, 5, 6, 6, 1], [0.9, 0.2, 0.3, 0.3, np.nan])
    assert best_point(table, 5, axes=["k"]) == 2
    with pytest.warns(UserWarning, match="The best k, 0, lies on the edge of the grid"):
        assert best_point(table, 2, axes=["k"]) == 0


def test_warning():
    with pytest.warns(UserWarning, match="No partition has min_clusters=7; the best of those with 6 is taken"):
        assert best_point(points([2, 6, 6], [0.9, 0.2, 0.3]), 7) == 2
    with pytest.warns(UserWarning, match="All silhouettes are negative, the best is -0.1"):
        assert best_point(points([5, 6], [-0.2, -0.1]), 5) == 1


def test_error():
    with pytest.raises(ValueError, match="All partitions are a single cluster. Raise resolution"):
        best_point(points([1, 1], [np.nan, np.nan]), 1)
