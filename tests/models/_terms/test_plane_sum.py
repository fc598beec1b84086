import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crepr.models._terms._plane_sum import plane_sum


def published_weights(counts):
    """The dynamic weights of Moser et al., cell by cell, as their text and code describe them."""
    per_cell = np.zeros(counts.shape)
    for cell, row in enumerate(counts):
        for gene, n in enumerate(row):
            if n > 0:
                per_cell[cell, gene] = row.max() / n
    mean = per_cell.mean(0)
    return mean / mean.max() if mean.max() else mean


def test_anchor():
    planes = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    assert plane_sum(planes, {}, None).tolist() == [6.0, 1.0]
    assert plane_sum(planes, {}, (1.0, 0.5, 0.0)).tolist() == [2.0, 0.5]
    # cell 0 weighs its genes 1, 4, 0; cell 1 0, 1, 0; the means 0.5, 2.5, 0 are divided by 2.5
    counts = torch.tensor([[4, 1, 0], [0, 7, 0]])
    assert plane_sum(planes, {"counts": counts}, "batch").tolist() == pytest.approx([2.2, 1.0])


@given(st.integers(0, 2**32 - 1))
def test_reference_is_the_published_scheme(seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.3, 4, size=(1, 6)), size=(5, 6))
    planes = rng.random((5, 6))
    result = plane_sum(torch.tensor(planes, dtype=torch.float32), {"counts": torch.tensor(counts)}, "batch")
    np.testing.assert_allclose(result, planes @ published_weights(counts), rtol=1e-5)


def test_property_batch_without_spots_weighs_nothing():
    assert plane_sum(torch.ones(2, 3), {"counts": torch.zeros(2, 3)}, "batch").tolist() == [0.0, 0.0]


def test_error():
    with pytest.raises(ValueError, match=r"batch\['counts'\] must have shape \(2, 3\), got \(2, 4\)"):
        plane_sum(torch.ones(2, 3), {"counts": torch.zeros(2, 4)}, "batch")
