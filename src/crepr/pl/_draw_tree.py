from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import dendrogram

from crepr.pl._style import GREY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes


def draw_tree(ax: Axes, tree: np.ndarray, groups: Sequence[str | None], palette: Mapping[str, str]) -> None:
    """Draw a tree that grows from left to right, its branches in the colour of their group, and grey where they join groups.

    Parameters
    ----------
    ax
        Where to; leaf `i` from the top lies at `y = i`, and `x` is the distance.
    tree
        As scipy has it.
    groups
        Group of each leaf, in the numbering of the tree; `None` for no group.
    palette
        Colours of groups.
    """
    n = len(groups)
    of_node: list[str | None] = list(groups)
    for left, right in tree[:, :2].astype(int):
        of_node.append(of_node[left] if of_node[left] == of_node[right] else None)
    drawn = dendrogram(tree, no_plot=True, link_color_func=lambda node: palette.get(of_node[node] or "", GREY))
    for places, distances, color in zip(drawn["icoord"], drawn["dcoord"], drawn["color_list"], strict=True):
        ax.plot(distances, (np.array(places) - 5) / 10, color=color, linewidth=0.9, solid_joinstyle="miter")
    ax.set(xlim=(float(tree[:, 2].max()) * 1.02 or 1.0, 0), ylim=(n - 0.5, -0.5))
    ax.set_axis_off()
