from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

# values per block: on a CPU, what stays in its cache; elsewhere, few kernels and still little memory
BLOCK_CPU, BLOCK_DEVICE = 2**18, 2**26


def by_plane(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, target: Tensor) -> Tensor:
    """Evaluate a loss of single planes, block by block.

    Planes are many and mostly empty, so what a loss costs is moving memory: evaluated on all planes at once, each step of
    its formula writes a tensor as large as the batch, and Dice and focal terms cost more than the convolutions. In blocks, with
    the gradient taken right away, they cost a quarter of it and keep one tensor.

    Parameters
    ----------
    loss
        From logits and target, each `(n, pixels)` in float32, to `(n,)`; each plane's value depends on that plane alone.
    logits, target
        `(B, genes, size, size)`, of any dtype.

    Returns
    -------
    `(B, genes)` in float32.
    """
    if torch.is_grad_enabled() and logits.requires_grad:
        return _ByPlane.apply(logits, target, loss)
    return _evaluate(loss, logits, target, None)


class _ByPlane(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        # float32 whatever the logits: a loss scale, which keeps float16 from underflowing, comes only with the outer gradient
        gradient = torch.empty(logits.shape, device=logits.device)
        values = _evaluate(loss, logits, target, gradient)
        ctx.save_for_backward(gradient)
        ctx.dtype = logits.dtype
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return (gradient * outer[0][..., None, None]).to(ctx.dtype), None, None


def _evaluate(
    loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, target: Tensor, gradient: Tensor | None
) -> Tensor:
    """Return the values, and write their gradients into `gradient` if it is given."""
    pixels = logits.shape[2] * logits.shape[3]
    n_planes = max(1, (BLOCK_CPU if logits.device.type == "cpu" else BLOCK_DEVICE) // pixels)
    values = torch.empty(logits.shape[:2], device=logits.device)
    planes = range(0, values.numel(), n_planes)
    blocks = zip(
        logits.detach().reshape(-1, pixels).split(n_planes),
        target.reshape(-1, pixels).split(n_planes),
        values.view(-1).split(n_planes),
        [None for _ in planes] if gradient is None else gradient.view(-1, pixels).split(n_planes),
        strict=True,
    )
    for x, expected, value, slope in blocks:
        if slope is None:
            value.copy_(loss(x.float(), expected.float()))
            continue
        with torch.enable_grad():
            x = x.float().requires_grad_()
            total = loss(x, expected.float())
            slope.copy_(torch.autograd.grad(total, x, torch.ones_like(total))[0])
        value.copy_(total.detach())
    return values
