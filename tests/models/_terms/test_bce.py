import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from crepr.models._output import Output
from crepr.models._terms._bce import bce


def evaluate(decoded, expected):
    return bce(Output(decoded[:, 0, 0], {}, {"stain": decoded}), {"targets": {"stain": expected}}, target="stain")


def test_anchor_undecided():
    assert evaluate(torch.zeros(2, 1, 3, 4), torch.ones(2, 1, 3, 4)).tolist() == pytest.approx([12 * np.log(2)] * 2)


@given(st.integers(0, 2**32 - 1))
def test_reference_is_torch(seed):
    generator = torch.Generator().manual_seed(seed)
    logits, expected = torch.rand(2, 3, 2, 5, 4, generator=generator)
    reference = F.binary_cross_entropy(torch.sigmoid(logits), expected, reduction="sum")
    assert evaluate(logits, expected).sum().item() == pytest.approx(reference.item(), rel=1e-5)


def test_property_far_logits_are_finite():
    assert evaluate(torch.full((1, 1, 2, 2), 1e4), torch.zeros(1, 1, 2, 2)).tolist() == [4e4]


def test_error():
    with pytest.raises(ValueError, match=r"same shape, got \(2, 1, 4, 4\) and \(2, 2, 4, 4\)"):
        evaluate(torch.zeros(2, 1, 4, 4), torch.zeros(2, 2, 4, 4))
