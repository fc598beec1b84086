import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from crepr.cluster._leiden_grid import leiden_grid

TRUTH = np.repeat(np.arange(4), 40)


@pytest.fixture
def x(rng):
    return rng.normal(size=(160, 6)) + 4 * np.eye(6)[TRUTH]


def test_anchor_finds_clusters(x):
    table, labels = leiden_grid(x, n_neighbors=[8, 15], resolution=[0.2, 0.5, 1.0], n_seeds=3, null=2)
    assert table[["n_neighbors", "resolution"]].to_numpy().tolist() == [[k, r] for k in (8, 15) for r in (0.2, 0.5, 1)]
    assert table["n_clusters"].tolist() == [len(set(row)) for row in labels.tolist()]
    best = table["silhouette"].idxmax()
    assert adjusted_rand_score(TRUTH, labels[best]) > 0.9
    assert table.loc[best, "stability"] > 0.9
    # noise has clusters, too, but worse ones
    assert 0 < table.loc[best, "silhouette_null"] < 0.5 * table.loc[best, "silhouette"]
    np.testing.assert_allclose(table["silhouette_above_null"], table["silhouette"] - table["silhouette_null"])
    for row, partition in zip(table.itertuples(), labels, strict=True):
        if row.n_clusters > 1:
            assert row.silhouette == pytest.approx(silhouette_score(x, partition), abs=1e-5)


def test_property_noise_is_not_above_its_null(rng):
    table, _ = leiden_grid(rng.normal(size=(300, 5)), n_neighbors=[10], resolution=[0.5, 1.0], null=3)
    assert table["silhouette"].min() > 0.05
    assert table["silhouette_above_null"].abs().max() < 0.03


@pytest.mark.filterwarnings("ignore")
def test_property_jobs_do_not_matter(x):
    options = {"n_neighbors": [8, 15], "resolution": [0.5, 1.0, 1.5], "n_seeds": 2, "null": 1}
    expected, labels = leiden_grid(x, **options)
    table, again = leiden_grid(x, **options, n_jobs=2)
    pd.testing.assert_frame_equal(table, expected)
    np.testing.assert_array_equal(again, labels)


def test_property_one_cluster_has_no_silhouette(x):
    table, _ = leiden_grid(x[:40], n_neighbors=[30], resolution=[0.01, 1.0])
    assert table["n_clusters"].tolist()[0] == 1
    assert table["silhouette"].isna().tolist() == [True, False]
    assert table["stability"].isna().all()
