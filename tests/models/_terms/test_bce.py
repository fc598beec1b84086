import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from crepr.models._output import Output
from crepr.models._terms._bce import bce


def evaluate(decoded, expected, *, counts=None, **options):
    batch = {"targets": {"stain": expected}, "counts": counts}
    return bce(Output(decoded[:, 0, 0], {}, {"stain": decoded}), batch, target="stain", **options)


def test_anchor_undecided():
    assert evaluate(torch.zeros(2, 1, 3, 4), torch.ones(2, 1, 3, 4)).tolist() == pytest.approx([12 * np.log(2)] * 2)


@given(st.integers(0, 2**32 - 1))
def test_reference_is_torch(seed):
    generator = torch.Generator().manual_seed(seed)
    logits, expected = torch.rand(2, 3, 2, 5, 4, generator=generator)
    reference = F.binary_cross_entropy(torch.sigmoid(logits), expected, reduction="sum")
    assert evaluate(logits, expected).sum().item() == pytest.approx(reference.item(), rel=1e-5)


def test_anchor_genes_by_weight():
    logits, expected = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    plane = 16 * np.log(2)
    assert evaluate(logits, expected, gene_weights=(0, 2, 3)).tolist() == pytest.approx([5 * plane] * 2)
    # the second gene has a spot in one cell of two, the first in both, the third in none
    counts = torch.tensor([[2, 1, 0], [2, 0, 0]])
    weights = np.array([1, 1, 0])
    assert evaluate(logits, expected, counts=counts, gene_weights="batch").tolist() == pytest.approx(
        [weights.sum() * plane] * 2
    )


def test_property_far_logits_are_finite():
    assert evaluate(torch.full((1, 1, 2, 2), 1e4), torch.zeros(1, 1, 2, 2)).tolist() == [4e4]


def test_error():
    with pytest.raises(ValueError, match=r"same shape, got \(2, 1, 4, 4\) and \(2, 2, 4, 4\)"):
        evaluate(torch.zeros(2, 1, 4, 4), torch.zeros(2, 2, 4, 4))
