import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from crepr.models._output import Output
from crepr.models._terms._focal import focal

seeds = st.integers(0, 2**32 - 1)


def evaluate(logits, planes, **options):
    return focal(Output(logits[:, 0, 0], {}, {"rna": logits}), {"targets": {"rna": planes}}, target="rna", **options)


def examples(seed, shape=(3, 4, 9, 7)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator) * 3
    return logits, (torch.rand(shape, generator=generator) < 0.1).float()


def test_anchor_undecided():
    # two planes of (1 - 1/2)^2 ln 2
    assert evaluate(torch.zeros(1, 2, 3, 3), torch.ones(1, 2, 3, 3)).item() == pytest.approx(0.5 * np.log(2))


@given(seeds, st.sampled_from([None, 0.25, 0.9]), st.sampled_from([0.0, 0.5, 2.0, 3.0]))
def test_reference_is_monai(seed, alpha, gamma):
    from monai.losses import FocalLoss

    logits, planes = examples(seed)
    logits.requires_grad_()
    ours = evaluate(logits, planes, alpha=alpha, gamma=gamma) / planes.shape[1]
    theirs = FocalLoss(gamma=gamma, alpha=alpha, use_softmax=False, reduction="none")(logits, planes).mean((1, 2, 3))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    gradients = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_reference_is_monai_with_weights():
    from monai.losses import FocalLoss

    logits, planes = examples(0)
    weights = torch.tensor([0.5, 1.0, 0.0, 2.0])
    theirs = FocalLoss(gamma=2.0, reduction="none", weight=weights)(logits, planes).mean((2, 3)).sum(1)
    torch.testing.assert_close(evaluate(logits, planes, gene_weights=weights), theirs, rtol=1e-5, atol=1e-6)


@given(seeds)
def test_property_gamma_0_is_cross_entropy(seed):
    logits, planes = examples(seed)
    reference = F.binary_cross_entropy_with_logits(logits, planes, reduction="none").mean((2, 3)).sum(1)
    torch.testing.assert_close(evaluate(logits, planes, gamma=0.0), reference)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_property_far_logits_have_finite_values_and_gradients(gamma):
    logits = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4]).repeat(1, 1, 2, 1).requires_grad_()
    planes = torch.stack([torch.zeros(5), torch.ones(5)])[None, None]
    loss = evaluate(logits, planes, gamma=gamma)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(logits.grad).all()


def test_error():
    logits, planes = examples(0)
    with pytest.raises(ValueError, match=r"one weight for each of 4 genes, got shape \(5,\)"):
        evaluate(logits, planes, gene_weights=torch.ones(5))
