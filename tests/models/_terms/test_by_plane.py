import pytest
import torch

from crepr.models._terms import _by_plane
from crepr.models._terms._by_plane import by_plane


def loss(x, t):
    return (torch.sigmoid(x) * (t + 1)).sum(1) ** 2


def reference(x, t):
    return loss(x.flatten(0, 1).flatten(1), t.flatten(0, 1).flatten(1)).view(x.shape[:2])


@pytest.fixture
def planes():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 5, 4, 6, generator=generator), torch.rand(3, 5, 4, 6, generator=generator)


@pytest.mark.parametrize("block", [1, 24, 100, 10**6])
def test_property_blocks_do_not_matter(planes, block, monkeypatch):
    monkeypatch.setattr(_by_plane, "BLOCK_CPU", block)
    x, t = planes
    x.requires_grad_()
    ours, plain = by_plane(loss, x, t), reference(x, t)
    torch.testing.assert_close(ours, plain)
    outer = torch.arange(15.0).view(3, 5)
    torch.testing.assert_close(*(torch.autograd.grad((outer * value).sum(), x)[0] for value in (ours, plain)))


def test_property_layout_does_not_matter(planes):
    x, t = (values.to(memory_format=torch.channels_last) for values in planes)
    x.requires_grad_()
    ours = by_plane(loss, x, t)
    torch.testing.assert_close(ours, reference(*planes))
    ours.sum().backward()
    expected = planes[0].clone().requires_grad_()
    reference(expected, planes[1]).sum().backward()
    torch.testing.assert_close(x.grad, expected.grad)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_property_gradient_has_the_dtype_of_the_logits(planes, dtype):
    x = planes[0].to(dtype).requires_grad_()
    values = by_plane(loss, x, planes[1])
    assert values.dtype == torch.float32
    values.sum().backward()
    assert x.grad.dtype == dtype


def test_property_a_loss_scale_saves_small_gradients_in_half_precision(planes):
    def small(x, t):
        return 1e-9 * loss(x, t)

    x = planes[0].half().requires_grad_()
    (65536 * by_plane(small, x, planes[1])).sum().backward()
    expected = planes[0].half().float().requires_grad_()
    reference(expected, planes[1]).sum().backward()
    torch.testing.assert_close(x.grad.float() / 65536e-9, expected.grad, rtol=1e-2, atol=1e-2)
    assert x.grad.all()


def test_without_gradient_the_values_are_the_same(planes):
    x = planes[0].clone().requires_grad_()
    with torch.no_grad():
        values = by_plane(loss, x, planes[1])
    assert not values.requires_grad
    torch.testing.assert_close(values, by_plane(loss, x, planes[1]).detach())
