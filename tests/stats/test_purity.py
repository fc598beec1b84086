import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crepr.stats._purity import purity

TRUTH = np.array([0, 0, 1, 1, 2, 2])


def test_anchor():
    table = purity(TRUTH, [TRUTH[::-1], np.zeros(6, int), np.arange(6), [0, 0, 1, 1, 1, 1]])
    assert table["purity"].tolist() == pytest.approx([1, 1 / 3, 1, 3 / 4])
    assert table["purity_sd"].tolist() == pytest.approx([0, 0, 0, 1 / 4])
    # a single cluster, and single cells, are as pure by chance
    assert table["purity_chance"].tolist()[1:3] == pytest.approx([1 / 3, 1])
    assert purity(TRUTH, [TRUTH], n_perms=0).columns.tolist() == ["purity", "purity_sd"]


@settings(max_examples=10)
@given(st.integers(0, 2**31))
def test_reference_chance_is_that_of_permuted_labels(seed):
    rng = np.random.default_rng(seed)
    truth, clusters = rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    permuted = [purity(rng.permutation(truth), [clusters], n_perms=0)["purity"].item() for _ in range(300)]
    found = purity(truth, [clusters], n_perms=300, rng=seed)["purity_chance"].item()
    assert found == pytest.approx(np.mean(permuted), abs=6 * np.std(permuted) / np.sqrt(150))


@given(st.integers(0, 2**32 - 1))
def test_property_names_order_and_sizes_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    truth, clusters, order = rng.integers(0, 3, 40), rng.integers(0, 4, 40), rng.permutation(40)
    expected = purity(truth, [clusters], rng=seed).to_numpy()
    np.testing.assert_allclose(purity(2 - truth[order], [7 - clusters[order]], rng=seed), expected)
    assert 1 / 3 <= expected[0, 0] <= 1
