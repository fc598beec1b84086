from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from crepr import _keys
from crepr.get._recorded import recorded
from crepr.pl._few_ticks import FewTicks
from crepr.pl._inches import inches
from crepr.pl._named_keys import named_keys
from crepr.pl._style import BLUE, GREY, LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from crepr._types import Data

METRICS = {
    "mse": "squared error",
    "r2": "R² of features",
    "wasserstein_feature": "Wasserstein,\nof features",
    "wasserstein_profile": "Wasserstein,\nof profiles",
}
COLORS = {"real": BLUE, "shuffled": GREY}
# inches
PANEL, ROW = 1.25, 0.28


def reconstruction_metrics(
    data: Data,
    *,
    key_added: str | Sequence[str] | Mapping[str, str] | None = None,
    mod: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show how well models reconstruct profiles, beside principal components and shuffled profiles.

    A panel per measure, a row per model: the mean as a dot, on a line from the 5 % to the 95 % quantile over profiles or features. In grey the same
    of shuffled profiles.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.reconstruction_metrics` wrote to.
    key_added
        Key in `.uns`; `'reconstruction_metrics'` by default. Or several, for several models, or a mapping from keys to names to show.
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
        If nothing is recorded under a key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have a key.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> cr.pp.split(adata)
    >>> model = cr.tl.train_vae(adata, inputs="X", validation="split", max_epochs=1)
    >>> cr.tl.reconstruction_metrics(adata, model, cells=("split", "test"), fit_on=("split", "train"))
    >>> cr.pl.reconstruction_metrics(adata)
    """
    models: dict[str, pd.DataFrame] = {}
    linear: dict[str, pd.DataFrame] = {}
    for key, name in named_keys(key_added, _keys.RECONSTRUCTION_METRICS, option="key_added").items():
        entry = recorded(data, key, mod=mod, hint="Run cr.tl.reconstruction_metrics first, or set key_added.")
        results, components = entry["results"], entry["params"]["n_components"]
        shown = entry["params"]["model"].replace("_", " ") if key_added is None else name
        models[shown] = results[results["model"] != "pca"]
        # the same for all models of as many latents
        linear.setdefault(f"PCA, {components} components", results[results["model"] == "pca"])
    rows = {**models, **linear}

    beside = max(text_width(name, SMALL_SIZE) for name in rows)
    size = (beside + PANEL * len(METRICS) + 0.2, ROW * len(rows) + 0.95)
    fig, axes = plt.subplots(
        1, len(METRICS), figsize=inches(figsize, size), layout="constrained", sharey=True, squeeze=False
    )
    panels: list[Axes] = axes[0].tolist()
    for ax, (metric, title) in zip(panels, METRICS.items(), strict=True):
        _draw(ax, list(rows.values()), metric)
        ax.set_title(title, fontsize=LABEL_SIZE, loc="left")
    panels[0].set_yticks(range(len(rows)), list(rows), fontsize=SMALL_SIZE)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    handles = {str(line.get_label()): line for line in panels[0].get_lines()}
    fig.legend(handles=list(handles.values()), loc="outside lower left", ncols=2, fontsize=SMALL_SIZE, frameon=False)
    return fig


def _draw(ax: Axes, rows: Sequence[pd.DataFrame], metric: str) -> None:
    for place, table in enumerate(rows):
        shown = table[table["metric"] == metric].set_index("profiles")
        for profiles, each in shown.iterrows():
            row = place + (0.13 if profiles == "shuffled" else -0.13 * (len(shown) > 1))
            color = COLORS[str(profiles)]
            ax.hlines(row, each["q05"], each["q95"], color=color, linewidth=1)
            ax.plot(each["mean"], row, "o", color=color, markersize=4, label=f"{profiles} profiles")
    if metric != "r2":
        ax.set_xlim(left=0)
    else:
        ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.xaxis.set_major_locator(FewTicks(3))
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=SMALL_SIZE, length=2)
    ax.xaxis.get_offset_text().set_fontsize(SMALL_SIZE)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
