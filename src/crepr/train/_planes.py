"""Planes of transcripts, one per gene, drawn from coordinates on the device."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from crepr import _validate


def spot_planes(
    cell: Tensor,
    y: Tensor,
    x: Tensor,
    gene: Tensor,
    *,
    n_cells: int,
    n_genes: int,
    size: int,
    top: Tensor,
    left: Tensor,
    dilation: int = 3,
    flips: Tensor | None = None,
    turns: Tensor | None = None,
    angle: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Draw where in the window of each cell each gene has transcripts.

    A spot lights the pixel that holds it and the box around it; several spots of a gene in one pixel count once.
    Only spots inside the window are drawn: one that lies a pixel outside leaves no trace. A window begins at the
    corner that belongs to it and ends before the next, so no spot is lost between neighbouring windows.

    Everything runs on the device of `y`, and nothing waits for it: no size depends on the data.

    Parameters
    ----------
    cell
        Position of each spot's cell in the batch, int64 `(n_spots,)`.
    y, x
        Positions of the spots in pixels of the image, float `(n_spots,)`; pixel `i` covers `[i, i + 1)`.
    gene
        Plane of each spot, int64 `(n_spots,)`.
    n_cells, n_genes
        Cells and planes of the batch.
    size
        Pixels per side.
    top, left
        Corner of each cell's window in pixels of the image, int64 `(n_cells,)`.
    dilation
        A spot covers a box of `dilation + 2` pixels per side, clipped at the border; `0`: its pixel alone. An odd box
        is centred, an even one reaches a pixel further down and right (4: from -2 to +3), as a convolution with
        ones does. 3 is that of :cite:p:`Moser2025` for transcripts alone, 4 for transcripts beside stains.
    flips
        Which cells to mirror left and right, bool `(n_cells,)`.
    turns
        Counter-clockwise quarter turns of each cell, int64 `(n_cells,)`; equal to `torch.rot90` of the planes.
    angle
        Counter-clockwise turn of each cell about the middle of its window in radians, float `(n_cells,)`. The spots
        are turned, not the pixels: the cell's spots outside the window may enter it, others leave, and boxes stay
        upright. The result shows the cell flipped, then turned by `turns`, then by `angle`.
    out
        Zeros of shape `(n_cells, n_genes, size, size)` to write into; see :class:`SpotPlanes` for using them again.

    Returns
    -------
    Planes of shape `(n_cells, n_genes, size, size)`, float32, 0 or 1.

    Raises
    ------
    TypeError
        If a tensor has the wrong type.
    ValueError
        If a tensor has the wrong length or device, or `dilation` is negative; on the CPU, where looking is free, also
        if `cell` or `gene` is out of range.

    Examples
    --------
    >>> zero = torch.zeros(1, dtype=torch.int64)
    >>> at = torch.tensor([1.5])
    >>> planes = spot_planes(zero, at, at, zero, n_cells=1, n_genes=1, size=4, top=zero, left=zero, dilation=1)
    >>> planes[0, 0].int().tolist()
    [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    """
    shape = (n_cells, n_genes, size, size)
    _check(
        {"cell": cell, "y": y, "x": x, "gene": gene},
        {"top": top, "left": left, "flips": flips, "turns": turns, "angle": angle},
        n_cells=n_cells,
        n_genes=n_genes,
        size=size,
        dilation=dilation,
    )
    if out is None:
        out = torch.zeros(shape, device=y.device)
    elif out.shape != shape or out.dtype != torch.float32 or not out.is_contiguous() or out.device != y.device:
        raise ValueError(
            f"out must be contiguous float32 zeros of shape {shape} on {y.device}, "
            f"got {tuple(out.shape)}, {out.dtype}, on {out.device}."
        )
    if len(y):
        pixels, lit = _pixels(cell, y, x, gene, n_genes, size, top, left, dilation, flips, turns, angle)
        out.view(-1).scatter_(0, pixels, lit)
    return out


class SpotPlanes:
    """:func:`spot_planes` that uses its memory again.

    Planes are nearly all zeros. Making them anew costs more than drawing the spots, so this keeps one buffer and
    clears only the pixels that it lit last time.

    The planes of a call are valid until the next call, and are not to be changed in place. Where two batches live at
    once, use two objects.

    Parameters
    ----------
    n_genes, size, dilation
        As in :func:`spot_planes`.

    Examples
    --------
    >>> planes = SpotPlanes(n_genes=1, size=4, dilation=0)
    >>> zero, at = torch.zeros(1, dtype=torch.int64), torch.tensor([1.5])
    >>> planes(zero, at, at, zero, n_cells=1, top=zero, left=zero).sum()
    tensor(1.)
    """

    def __init__(self, *, n_genes: int, size: int, dilation: int = 3) -> None:
        self.n_genes = _validate.integer("n_genes", n_genes, minimum=1)
        self.size = _validate.integer("size", size, minimum=1)
        self.dilation = _validate.integer("dilation", dilation, minimum=0)
        self._buffer: Tensor | None = None
        self._lit: Tensor | None = None

    def __call__(
        self,
        cell: Tensor,
        y: Tensor,
        x: Tensor,
        gene: Tensor,
        *,
        n_cells: int,
        top: Tensor,
        left: Tensor,
        flips: Tensor | None = None,
        turns: Tensor | None = None,
        angle: Tensor | None = None,
    ) -> Tensor:
        """Draw a batch; arguments and result as in :func:`spot_planes`."""
        n_genes, size, dilation = self.n_genes, self.size, self.dilation
        _check(
            {"cell": cell, "y": y, "x": x, "gene": gene},
            {"top": top, "left": left, "flips": flips, "turns": turns, "angle": angle},
            n_cells=n_cells,
            n_genes=n_genes,
            size=size,
            dilation=dilation,
        )
        planes = self._cleared(n_cells, y.device)
        if len(y):
            self._lit, lit = _pixels(cell, y, x, gene, n_genes, size, top, left, dilation, flips, turns, angle)
            planes.view(-1).scatter_(0, self._lit, lit)
        return planes

    def _cleared(self, n_cells: int, device: torch.device) -> Tensor:
        buffer = self._buffer
        if buffer is None or len(buffer) < n_cells or buffer.device != device:
            with torch.inference_mode(False):  # a buffer made in validation serves training too
                buffer = torch.zeros((n_cells, self.n_genes, self.size, self.size), device=device)
        elif self._lit is not None:
            buffer.view(-1).scatter_(0, self._lit, 0.0)
        self._buffer, self._lit = buffer, None
        return buffer[:n_cells]

    def __getstate__(self) -> dict[str, Any]:
        # another process draws its own planes: zeros by the megabyte need not travel
        return self.__dict__ | {"_buffer": None, "_lit": None}


def occupied_pixels(
    cell: Tensor,
    y: Tensor,
    x: Tensor,
    gene: Tensor,
    *,
    n_cells: int,
    n_genes: int,
    size: int,
    top: Tensor,
    left: Tensor,
) -> Tensor:
    """Count the pixels that hold a spot, for each cell and gene.

    Only pixels of the window count, before dilation; several spots in one pixel count once. This is what the gene weights of
    :cite:p:`Moser2025` are made from.

    Parameters
    ----------
    cell, y, x, gene, n_cells, n_genes, size, top, left
        As in :func:`spot_planes`.

    Returns
    -------
    Counts of shape `(n_cells, n_genes)`, float32.

    Raises
    ------
    TypeError, ValueError
        As :func:`spot_planes`.
    """
    _check(
        {"cell": cell, "y": y, "x": x, "gene": gene},
        {"top": top, "left": left},
        n_cells=n_cells,
        n_genes=n_genes,
        size=size,
    )
    row, column = _in_window(cell, y, x, top, left, size, None)
    plane = cell * n_genes + gene
    inside = _is_inside(row, column, size)
    # spots outside the window meet in one plane beyond the last, which is cut off
    last = n_cells * n_genes
    pixels = torch.where(inside, (plane * size + row) * size + column, last * size * size).sort().values
    first = torch.ones_like(pixels, dtype=torch.float32)
    first[1:] = (pixels[1:] != pixels[:-1]).to(first)
    counts = torch.zeros(last + 1, device=y.device).index_add_(0, pixels // (size * size), first)
    return counts[:last].view(n_cells, n_genes)


def _pixels(
    cell: Tensor,
    y: Tensor,
    x: Tensor,
    gene: Tensor,
    n_genes: int,
    size: int,
    top: Tensor,
    left: Tensor,
    dilation: int,
    flips: Tensor | None,
    turns: Tensor | None,
    angle: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Positions in the flat planes of all pixels that the spots light, and the value for each."""
    if angle is not None and flips is not None:
        # turning after a flip is flipping after the opposite turn, and the flip is exact on pixels
        angle = torch.where(flips, -angle, angle)
    row, column = _in_window(cell, y, x, top, left, size, angle)
    inside = _is_inside(row, column, size)
    side = dilation + 2 if dilation else 1
    reach = torch.arange(side, device=y.device) - (side - 1) // 2
    # a box is clipped by moving what is outside onto its border, which the box covers anyway
    rows = (row[:, None] + reach).clamp_(0, size - 1)
    columns = (column[:, None] + reach).clamp_(0, size - 1)
    plane = (cell * n_genes + gene) * (size * size)
    if flips is None and turns is None:
        rows = plane[:, None] + rows * size
    else:
        start, down, right = _turned_steps(len(top), size, flips, turns, y.device)
        rows = (plane + start[cell])[:, None] + rows * down[cell][:, None]
        columns = columns * right[cell][:, None]
    pixels = rows[:, :, None] + columns[:, None, :]
    # a spot outside the window lights again what some spot inside does; dropping it would make the host wait
    some = inside.to(torch.uint8).argmax(0, keepdim=True)
    pixels = torch.where(inside[:, None, None], pixels, pixels.index_select(0, some)).view(-1)
    return pixels, inside.index_select(0, some).to(torch.float32).expand(len(pixels))


def _in_window(
    cell: Tensor, y: Tensor, x: Tensor, top: Tensor, left: Tensor, size: int, angle: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Row and column of each spot in the window of its cell; outside it if beyond `0 ... size - 1`."""
    if angle is None:
        return y.floor().long() - top[cell], x.floor().long() - left[cell]
    half = size / 2
    down, right = y - top[cell] - half, x - left[cell] - half
    sine, cosine = torch.sin(angle)[cell], torch.cos(angle)[cell]
    row = down * cosine - right * sine + half
    column = right * cosine + down * sine + half
    return row.floor().long(), column.floor().long()


def _is_inside(row: Tensor, column: Tensor, size: int) -> Tensor:
    return (row >= 0) & (row < size) & (column >= 0) & (column < size)


def _turned_steps(
    n_cells: int, size: int, flips: Tensor | None, turns: Tensor | None, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """In the flat turned plane: where the upper left pixel goes, what a step down and what a step right become."""
    table = _turn_table(size, device)
    start, down, right = table[turns % 4].T if turns is not None else table[0].expand(n_cells, 3).T
    if flips is not None:
        start, right = torch.where(flips, start + (size - 1) * right, start), torch.where(flips, -right, right)
    return start, down, right


@cache
def _turn_table(size: int, device: torch.device) -> Tensor:
    last = size - 1
    turns = [[0, size, 1], [last * size, 1, -size], [last * size + last, -size, -1], [last, -1, size]]
    return torch.tensor(turns, device=device)


def _check(
    spots: dict[str, Tensor],
    cells: dict[str, Tensor | None],
    *,
    n_cells: int,
    n_genes: int,
    size: int,
    dilation: int = 0,
) -> None:
    counts = {"n_cells": n_cells, "n_genes": n_genes, "size": size}
    for name, value in counts.items():
        _validate.integer(name, value, minimum=1)
    _validate.integer("dilation", dilation, minimum=0)
    device = spots["y"].device
    for tensors, length in ((spots, len(spots["y"])), (cells, n_cells)):
        for name, tensor in tensors.items():
            if tensor is None:
                continue
            if tensor.shape != (length,) or tensor.device != device:
                raise ValueError(
                    f"{name} must have shape ({length},) on {device}, got {tuple(tensor.shape)} on {tensor.device}."
                )
            if name in ("y", "x", "angle"):
                if not tensor.is_floating_point():
                    raise TypeError(f"{name} must be floating point, got {tensor.dtype}.")
            elif tensor.dtype != (wanted := torch.bool if name == "flips" else torch.int64):
                raise TypeError(f"{name} must be {wanted}, got {tensor.dtype}.")
    if device.type == "cpu" and len(spots["y"]):
        for name, n in (("cell", n_cells), ("gene", n_genes)):
            low, high = (int(value) for value in spots[name].aminmax())
            if low < 0 or high >= n:
                raise ValueError(f"{name} must lie in 0 ... {n - 1} (n_{name}s={n}), got {low} ... {high}.")
