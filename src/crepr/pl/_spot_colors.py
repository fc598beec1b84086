"""Colours of transcript planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import is_color_like, to_hex

from crepr import _validate
from crepr.pl._compose import compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Okabe and Ito (2008), the dark blue made lighter and white added, since the ground is black.
COLORS = ("#E69F00", "#56B4E9", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#6A7DFF", "#FFFFFF")
OTHER = "#5A5A5A"


def spot_colors(
    names: Sequence[str],
    planes: np.ndarray,
    *,
    genes: Sequence[str] | None,
    n_genes: int,
    colors: Mapping[str, Any],
) -> dict[str, str]:
    """Choose the genes that have a colour of their own, by default those with most spots.

    Parameters
    ----------
    names
        Names of the planes.
    planes
        Input planes `(n, c, y, x)`.
    genes, n_genes, colors
        As given to :func:`crepr.pl.reconstruction`.

    Returns
    -------
    Hexadecimal colour of each gene chosen.
    """
    if genes is None:
        spots = planes.sum(axis=(0, 2, 3))
        order = np.argsort(-spots, kind="stable")[: max(n_genes, len(colors))]
        genes = list(dict.fromkeys([*colors, *(names[i] for i in order if spots[i] > 0)]))[: max(n_genes, len(colors))]
    for gene in genes:
        _validate.has_key(names, gene, where="the model's genes", hint="Set genes to some of them.")
    rest = [gene for gene in dict.fromkeys(genes) if gene not in colors]
    if len(rest) > len(COLORS):
        raise ValueError(
            f"There are default colours for {len(COLORS)} genes, got {len(rest)}. Show fewer, or set colors."
        )
    for gene, color in colors.items():
        if not is_color_like(color):
            raise ValueError(
                f"colors has {color!r} for {gene!r}, which matplotlib does not know. Give a name, '#rrggbb' or (r, g, b)."
            )
    given = {**dict(zip(rest, COLORS, strict=False)), **colors}
    return {gene: to_hex(given[gene]) for gene in dict.fromkeys(genes)}


def spot_pictures(planes: np.ndarray, names: Sequence[str], palette: Mapping[str, str]) -> np.ndarray:
    """Draw planes `(n, c, y, x)` as coloured spots on black, others in grey behind: `(n, y, x, 3)`, uint8."""
    position = {name: i for i, name in enumerate(names)}
    chosen = [position[name] for name in palette]
    others = np.setdiff1d(np.arange(len(names)), chosen)
    layers = planes[:, chosen]
    colors = list(palette.values())
    if len(others):
        layers = np.concatenate([layers, planes[:, others].max(axis=1, keepdims=True)], axis=1)
        colors.append(OTHER)
    return compose(layers, colors, blend="max")
