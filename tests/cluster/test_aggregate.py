import numpy as np
from cluster.graphs import random_graph
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from crepr.cluster._aggregate import aggregate


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_reference_is_a_product_of_matrices(seed, n_parts):
    graph = random_graph(seed)
    part = np.random.default_rng(seed).permutation(np.arange(40) % n_parts).astype(np.uint32)
    indptr, indices, data = aggregate(
        graph.indptr.astype(np.uint32), graph.indices.astype(np.uint32), graph.data, part, n_parts
    )
    member = np.eye(n_parts)[part]
    expected = member.T @ graph.toarray() @ member
    np.fill_diagonal(expected, 0)
    found = csr_array((data, indices.astype(np.int32), indptr.astype(np.int32)), shape=expected.shape)
    np.testing.assert_allclose(found.toarray(), expected)
    assert found.nnz == np.count_nonzero(expected)
