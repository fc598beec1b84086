from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from crepr import _validate
from crepr.get._compare_simulation import compare_simulation
from crepr.pl._inches import inches
from crepr.pl._style import BLUE, LABEL_SIZE, SMALL_SIZE, VERMILION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from crepr._types import Data

COLORS = {"reconstructed": BLUE, "simulated": VERMILION}


def simulation(
    data: Data,
    *,
    point_size: float = 4.0,
    key_added: str | None = None,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show reconstructed and simulated profiles on the map of the real ones.

    A panel for each, over the real profiles in grey, with the Hausdorff distance from these. A map puts each profile near some real one; the
    distance says how far off it is.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.compare_simulation` wrote to.
    point_size
        Area of a point, in square points.
    key_added
        Key in `.uns`; `'compare_simulation'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `point_size` is no number.
    ValueError
        If several modalities have the key, or `point_size` is not above 0.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_mechanisms=4, n_additive=2, n_antagonistic=1, n_synergistic=1, n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.compare_simulation(adata, model, cr.tl.simulate(adata, model, n_obs=100))
    >>> cr.pl.simulation(adata)
    """
    _validate.number("point_size", point_size, minimum=0, exclusive=True)
    places = compare_simulation(data, table="map", key_added=key_added, mod=mod)
    distances = compare_simulation(data, key_added=key_added, mod=mod).set_index("kind")["hausdorff"]
    fig, axes = plt.subplots(
        1, 2, figsize=inches(figsize, (5.2, 3.0)), layout="constrained", sharex=True, sharey=True, squeeze=False
    )
    real = places[places["kind"] == "real"]
    for ax, (kind, color) in zip(axes[0].tolist(), COLORS.items(), strict=True):
        shown = places[places["kind"] == kind]
        style = {"s": point_size, "linewidths": 0, "rasterized": True}
        ax.scatter(real["x"], real["y"], color="0.7", label=f"real ({len(real):,})", **style)
        ax.scatter(shown["x"], shown["y"], color=color, label=f"{kind} ({len(shown):,})", **style)
        ax.set_title(f"Hausdorff distance {distances[kind]:.3g}", fontsize=SMALL_SIZE, loc="left")
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel("UMAP 1", fontsize=LABEL_SIZE)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("UMAP 2", fontsize=LABEL_SIZE)
    handles = {str(points.get_label()): points for ax in fig.axes for points in ax.collections}
    fig.legend(
        handles=list(handles.values()), loc="outside upper left", ncols=3, fontsize=SMALL_SIZE, frameon=False,
        handletextpad=0.1, markerscale=2,
    )  # fmt: skip
    return fig
