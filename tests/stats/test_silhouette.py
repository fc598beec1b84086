import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples

from crepr.stats._silhouette import _sums_on_cpu, _sums_on_gpu, silhouette

seeds = st.integers(0, 2**32 - 1)


def sample(seed, n=60, d=3, n_groups=(2, 3, 7)):
    rng = np.random.default_rng(seed)
    # every cluster is there
    labels = [rng.permutation(np.r_[np.arange(k), rng.integers(0, k, n - k)]) for k in n_groups]
    return rng.normal(size=(n, d)) + 2 * labels[0][:, None], np.stack(labels)


def test_anchor_by_hand():
    x, labels = np.array([[0.0], [1.0], [3.0], [9.0]]), np.array([0, 0, 5, 9])
    # a = 1, 1; b = 3, 2; the others are alone
    np.testing.assert_allclose(silhouette(x, labels, per_cell=True), [2 / 3, 1 / 2, 0, 0])
    assert silhouette(x, labels) == pytest.approx(7 / 24)


def test_anchor_extremes():
    x = np.array([[0.0], [0.0], [4.0], [4.0]])
    labels = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 2, 3], [0, 0, 0, 0]])
    # apart; each cluster in both places (a = 4, b = 2); all alone; no other cluster
    np.testing.assert_allclose(silhouette(x, labels), [1, -0.5, 0, np.nan])
    assert silhouette(np.zeros((4, 2)), labels[0]) == 0
    assert np.isnan(silhouette(x, labels[3]))


@settings(max_examples=20)
@given(seeds, st.sampled_from([1.0, 1e-30, 1e30]))
def test_reference_is_scikit_learn(seed, scale):
    x, labels = sample(seed)
    expected = np.stack([silhouette_samples(x, row) for row in labels])
    np.testing.assert_allclose(silhouette(x * scale, labels, per_cell=True), expected, atol=1e-6)
    np.testing.assert_allclose(silhouette(x * scale, labels), expected.mean(1), atol=1e-6)


@pytest.mark.parametrize("spread", [1e-3, 1e-6, 1e-9])
def test_reference_tight_clusters_far_apart_and_from_the_origin(spread):
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 4
    place = np.array([[0, 0], [0, 3 * spread], [1, 0], [1, 3 * spread]])
    x = rng.normal(0, spread, (80, 2)) + place[labels]
    # products of matrices, as in scikit-learn, would lose these distances
    expected = silhouette_samples(cdist(x, x), labels, metric="precomputed")
    np.testing.assert_allclose(silhouette(x, labels, per_cell=True), expected, atol=1e-5)
    np.testing.assert_allclose(silhouette(x * 1e6 + 1e6, labels, per_cell=True), expected, atol=1e-5 + 1e-9 / spread)


def test_reference_many_cells():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, 3000)
    x = rng.normal(size=(3000, 20)).astype(np.float32) + labels[:, None] / 3
    expected = silhouette_samples(x.astype(np.float64), labels)
    np.testing.assert_allclose(silhouette(x, labels, per_cell=True), expected, atol=1e-6)


@given(seeds, st.integers(1, 70))
def test_property_blocks_batches_and_names_do_not_matter(seed, block):
    x, labels = sample(seed)
    expected = silhouette(x, labels, per_cell=True)
    np.testing.assert_array_equal(silhouette(x, labels, per_cell=True, block=block), expected)
    np.testing.assert_array_equal(silhouette(x, 7 - 3 * labels[1], per_cell=True), expected[1])


@given(seeds)
def test_property_order_place_and_scale_do_not_matter(seed):
    x, labels = sample(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    expected = silhouette(x, labels, per_cell=True)
    np.testing.assert_allclose(silhouette(x[order], labels[:, order], per_cell=True), expected[:, order], atol=1e-6)
    np.testing.assert_allclose(silhouette(-7 * x + 100, labels, per_cell=True), expected, atol=1e-6)


def test_property_sample_is_measured_against_all_cells():
    x, labels = sample(0)
    full, part = silhouette(x, labels, per_cell=True), silhouette(x, labels, per_cell=True, sample=20, rng=3)
    drawn = ~np.isnan(part[0])
    assert drawn.sum() == 20
    np.testing.assert_array_equal(part[:, drawn], full[:, drawn])
    np.testing.assert_allclose(silhouette(x, labels, sample=20, rng=3), full[:, drawn].mean(1))
    np.testing.assert_array_equal(silhouette(x, labels, sample=1000), silhouette(x, labels))


def test_property_threads_do_not_matter():
    x, labels = sample(1, n=300)
    expected = silhouette(x, labels, per_cell=True)
    torch.set_num_threads(2)
    try:
        np.testing.assert_array_equal(silhouette(x, labels, per_cell=True), expected)
    finally:
        torch.set_num_threads(1)


def test_property_torch_sums_the_same():
    x, labels = sample(2)
    codes = (labels + np.array([0, 2, 5])[:, None]).astype(np.int32)
    cells = np.array([3, 1, 50])
    expected = _sums_on_cpu(x, codes, cells)
    np.testing.assert_allclose(_sums_on_gpu(torch.tensor(x), torch.tensor(codes), cells), expected, rtol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("block", [None, 7])
def test_property_device_does_not_matter(block):
    x, labels = sample(2, n=500)
    options = {"per_cell": True, "block": block}
    expected = silhouette(x, labels, device="cpu", **options)
    np.testing.assert_allclose(silhouette(x, labels, device="cuda", **options), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("x", "labels", "options", "error", "match"),
    [
        (np.zeros((3, 2)), np.zeros(4, int), {}, ValueError, r"labels of shape \(4,\) and x of shape \(3, 2\)"),
        (np.zeros(3), np.zeros(3, int), {}, ValueError, r"x of shape \(3,\)"),
        (np.zeros((0, 2)), np.zeros(0, int), {}, ValueError, r"x of shape \(0, 2\)"),
        (np.zeros((3, 2)), np.zeros((0, 3), int), {}, ValueError, r"labels of shape \(0, 3\)"),
        (np.zeros((3, 2)), np.zeros(3), {}, TypeError, "labels must be integers, got float64"),
        (np.array([[0.0], [np.nan]]), np.arange(2), {}, ValueError, "x holds NaN or infinite values in 1 of 2 cells"),
        (np.zeros((3, 2)), np.arange(3), {"sample": 0}, ValueError, "sample must be at least 1, got 0"),
        (np.zeros((3, 2)), np.arange(3), {"sample": 0.5}, TypeError, "sample must be an integer or None, got 0.5"),
        (np.zeros((3, 2)), np.arange(3), {"block": 0}, ValueError, "block must be at least 1"),
        (np.zeros((3, 2)), np.arange(3), {"sample": 2, "rng": -1}, ValueError, "rng must be"),
        (np.zeros((3, 2)), np.arange(3), {"device": "gpu"}, ValueError, "device must be"),
    ],
)
def test_error(x, labels, options, error, match):
    with pytest.raises(error, match=match):
        silhouette(x, labels, **options)
