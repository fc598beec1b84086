import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from crepr.stats import _moments
from crepr.stats._moments import moments


def sample(seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 2, 3)), rng.poisson(0.5, size=(40, 5)).astype(np.float32)
    return x, y, np.r_[np.arange(4), rng.integers(0, 4, 36)]


def test_anchor_by_hand():
    x, y = np.array([[[1.0]], [[2.0]], [[3.0]]]), np.array([[10.0], [20.0], [30.0]])
    sums = moments(x, y, np.array([0, 1, 0]), center=np.array([20.0]))
    assert sums.n.tolist() == [2, 1]
    assert sums.x.ravel().tolist() == [4, 2]
    assert sums.y.ravel().tolist() == [0, 0]
    assert sums.xx.ravel().tolist() == [10, 4]
    assert sums.xy.ravel().tolist() == [20, 0]
    assert sums.yy.ravel().tolist() == [200, 0]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 7, 2**23]))
def test_reference_is_numpy_whatever_the_block(seed, block):
    x, y, codes = sample(seed)
    center, genes = y.mean(0, dtype=float), slice(1, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_moments, "BLOCK", block)
        dense, sparse = (moments(x, values, codes, center=center, genes=genes) for values in (y, csr_matrix(y)))
    members = np.array([[True, False, True, False], [False, True, True, True]])
    for union, part in ((members, dense.of(members)), (members, sparse.of(members))):
        for k, sets in enumerate(union):
            rows = sets[codes]
            some, z = x[rows], (y - center)[rows, genes]
            found = part[k]
            assert found.n == rows.sum()
            np.testing.assert_allclose(found.x, some.sum(0), atol=1e-9)
            np.testing.assert_allclose(found.y, z.sum(0), atol=1e-9)
            np.testing.assert_allclose(found.xx, np.einsum("ncd,nce->cde", some, some), atol=1e-9)
            np.testing.assert_allclose(found.xy, np.einsum("ncd,ng->cdg", some, z), atol=1e-9)
            np.testing.assert_allclose(found.yy, (z**2).sum(0), atol=1e-9)


def test_anchor_no_responses():
    x, y, codes = sample()
    assert moments(x, y[:, :0], codes, center=np.zeros(0)).xy.shape == (4, 2, 3, 0)
