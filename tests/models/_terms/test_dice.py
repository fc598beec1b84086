import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crepr.models._output import Output
from crepr.models._terms._dice import dice

seeds = st.integers(0, 2**32 - 1)


def evaluate(logits, planes, **options):
    return dice(Output(logits[:, 0, 0], {}, {"rna": logits}), {"targets": {"rna": planes}}, target="rna", **options)


def examples(seed, shape=(3, 4, 9, 7)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator) * 3
    planes = (torch.rand(shape, generator=generator) < 0.1).float()
    planes[0, 1] = 0
    return logits, planes


def test_anchor_half_of_the_spot_and_as_much_beside_it():
    planes, logits = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), -50.0)
    planes[0, 0, 0] = 1
    logits[0, 0, 0, :2] = logits[0, 0, 3, :2] = 50.0
    assert evaluate(logits, planes).item() == pytest.approx(1 - 2 * 2 / (4 + 4), abs=1e-5)


def test_anchor_perfect_and_empty():
    planes = torch.zeros(1, 2, 4, 4)
    planes[0, 0, 1, 1] = 1
    logits = (planes - 0.5) * 1000
    # the empty plane, decoded as empty, has 1e-5 / 1e-5
    assert evaluate(logits, planes).item() == pytest.approx(0, abs=1e-5)


@given(seeds)
def test_reference_is_monai(seed):
    from monai.losses import DiceLoss

    logits, planes = examples(seed)
    logits.requires_grad_()
    ours = evaluate(logits, planes) / planes.shape[1]
    theirs = DiceLoss(sigmoid=True, reduction="none")(logits, planes).mean((1, 2, 3))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    gradients = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_reference_is_monai_with_the_published_smoothing_and_weights():
    from monai.losses import DiceLoss

    logits, planes = examples(0)
    weights = torch.tensor([0.5, 1.0, 0.0, 2.0])
    ours = evaluate(logits, planes, smooth=(1e-5, 0.01), gene_weights=tuple(weights.tolist()))
    theirs = DiceLoss(sigmoid=True, reduction="none", smooth_dr=0.01, weight=weights)(logits, planes).sum((1, 2, 3))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@given(seeds)
def test_property_order_of_genes_does_not_matter(seed):
    logits, planes = examples(seed)
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(evaluate(logits[:, order], planes[:, order]), evaluate(logits, planes))


def test_property_skipped_planes_neither_count_nor_teach():
    logits, planes = examples(0)
    logits.requires_grad_()
    counted, skipped = evaluate(logits, planes), evaluate(logits, planes, empty="skip")
    # plane 1 of cell 0 is the only empty one
    torch.testing.assert_close((counted - skipped).detach(), torch.tensor([1.0, 0.0, 0.0]), rtol=0, atol=1e-5)
    skipped.sum().backward()
    present = planes.flatten(2).any(2)
    assert not logits.grad[~present].any()
    assert logits.grad[present].flatten(1).any(1).all()


def test_property_half_precision():
    logits, planes = examples(0)
    logits = logits.bfloat16()
    result = evaluate(logits, planes.bool())
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, evaluate(logits.float(), planes))


def test_error():
    logits, planes = examples(0)
    with pytest.raises(ValueError, match=r"one weight for each of 4 genes, got shape \(3,\)"):
        evaluate(logits, planes, gene_weights=(1.0, 2.0, 3.0))
    with pytest.raises(KeyError, match=r"No 'counts' in batch.*needs it"):
        evaluate(logits, planes, gene_weights="batch")
    with pytest.raises(ValueError, match="same shape"):
        evaluate(logits, planes[:, :3])
