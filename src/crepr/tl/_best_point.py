"""The best point of a grid of partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from crepr._warn import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def best_point(table: pd.DataFrame, min_clusters: int, *, axes: Sequence[str] = (), quiet: bool = False) -> int:
    """Return the row of highest silhouette among those of enough clusters; the first of equals.

    Warns where no row has enough clusters (those with most are taken), all silhouettes are negative, or the best
    point lies on the edge of one of the `axes` of the grid; not if `quiet`, as for controls, of which one may also
    be a single cluster.
    """
    say = _silent if quiet else warn
    rated = table[table["silhouette"].notna()]
    if not len(rated):
        if quiet:
            return cast("int", table.index[0])
        raise ValueError("All partitions are a single cluster. Raise resolution, or lower n_neighbors.")
    enough = rated[rated["n_clusters"] >= min_clusters]
    if not len(enough):
        most = int(rated["n_clusters"].max())
        say(
            f"No partition has min_clusters={min_clusters}; the best of those with {most} is taken. "
            "Raise resolution, or lower n_neighbors or min_clusters."
        )
        enough = rated[rated["n_clusters"] == most]
    best = cast("int", enough["silhouette"].idxmax())
    if enough["silhouette"].max() < 0:
        say(
            f"All silhouettes are negative, the best is {enough['silhouette'].max():.3g}: cells are nearer to other clusters "
            "than to their own. The clusters may mean nothing."
        )
    for axis in axes:
        low, high, value = table[axis].min(), table[axis].max(), table[axis][best]
        if low < high and value in (low, high):
            say(f"The best {axis}, {value:g}, lies on the edge of the grid. Try values beyond it.")
    return best


def _silent(message: str) -> None:
    pass
