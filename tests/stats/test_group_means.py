import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from crepr.stats._group_means import group_means


def test_anchor():
    x = np.array([[1.0, 0], [2, 4], [6, 8], [5, 5]])
    codes = np.array([0, 0, 0, 1])
    assert group_means(x, codes, 2).tolist() == [[3, 4], [5, 5]]
    assert group_means(x, codes, 2, func="median").tolist() == [[2, 4], [5, 5]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
@pytest.mark.parametrize("func", ["mean", "median"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_reference_is_pandas_in_any_block(func, make, seed, block):
    rng = np.random.default_rng(seed)
    x = rng.poisson(1, size=(40, 6)).astype(np.float32)
    codes = rng.permutation(np.r_[np.arange(7), rng.integers(0, 7, 33)])
    expected = pd.DataFrame(x.astype(float)).groupby(codes).agg(func)
    np.testing.assert_allclose(group_means(make(x), codes, 7, func=func, block=block), expected)
