from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.colors import Normalize

from crepr import _keys, _validate
from crepr.get._latent_effects import latent_effects as get_latent_effects
from crepr.get._recorded import recorded
from crepr.pl._alike import alike
from crepr.pl._colormap import colormap
from crepr.pl._heatmap import bar_length, heatmap, heatmap_bar
from crepr.pl._inches import inches
from crepr.pl._style import LABEL_SIZE, SMALL_SIZE
from crepr.pl._text_width import text_width
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from crepr._types import Data

# inches of a field, of the bar of colours, and of what is above and below
FIELD, BAR, AROUND = 0.17, 1.0, 0.8
TITLES = {"latent": "latents", "pca": "principal components"}


def latent_effects(
    data: Data,
    *,
    table: Literal["results", "groups"] | None = None,
    spaces: Sequence[Literal["latent", "pca"]] = ("latent", "pca"),
    relative: bool = False,
    n_features: int = 40,
    key_added: str | None = None,
    mod: str | None = None,
    cmap: str | Colormap | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show what each latent of profiles changes, beside what each principal component does.

    A column per latent and a row per feature or group of features; those that are alike stand side by side, in rows by all columns. What a model
    does not use stays blank.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.latent_effects` wrote to.
    table
        `'groups'`, the mean absolute difference of a group of features; `'results'`, the difference of a feature. Groups by default, if there are
        some.
    spaces
        `'latent'`, `'pca'` or both, side by side in the same colours.
    relative
        Show each latent from its least to its largest difference of a group, as :cite:t:`Chow2022` do, and of a feature over its largest: also those
        that change nearly nothing.
    n_features
        Features to show, those with the largest differences in any of the columns.
    key_added
        Key in `.uns`; `'latent_effects'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    cmap
        Colour map; by default `'magma_r'` of groups, and `'RdBu_r'`, its middle for no difference, of features.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or features were not grouped.
    TypeError
        If `n_features` is no integer.
    ValueError
        If several modalities have the key, or an option has no such value.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> cr.tl.latent_effects(adata, model, groupby=["compartment", "channel"])
    >>> cr.pl.latent_effects(adata)
    >>> cr.pl.latent_effects(adata, table="results", spaces=["latent"])
    """
    _validate.integer("n_features", n_features, minimum=1)
    shown = names_of("spaces", spaces)
    for space in shown or [""]:
        _validate.choice("spaces", space, TITLES)
    entry = recorded(
        data,
        _keys.LATENT_EFFECTS if key_added is None else key_added,
        mod=mod,
        hint="Run cr.tl.latent_effects first, or set key_added.",
    )
    if table is None:
        table = "groups" if "groups" in entry else "results"
    grouped = table == "groups"
    long = get_latent_effects(data, table=table, key_added=key_added, mod=mod)
    panels = {space: _wide(long[long["space"] == space], "group" if grouped else "feature") for space in shown}
    if relative:
        panels = {space: _relative(each, grouped=grouped) for space, each in panels.items()}
    joined = pd.concat(list(panels.values()), axis=1)
    if not grouped:
        joined = joined.loc[joined.abs().max(axis=1).nlargest(n_features).index]
    rows = alike(joined)
    panels = {space: each.loc[rows, alike(each.loc[rows].T)] for space, each in panels.items()}
    largest = float(joined.abs().to_numpy().max()) or 1.0
    norm = Normalize(0 if grouped else -largest, largest)

    widths = [each.shape[1] for each in panels.values()]
    beside = max(text_width(name, SMALL_SIZE) for name in rows)
    # one column is still as wide as its title
    label = _label(entry["params"]["span"], grouped=grouped, relative=relative)
    size = (
        max(FIELD * sum(widths), 1.3 * len(widths)) + beside + BAR,
        max(FIELD * len(rows), bar_length(label)) + AROUND,
    )
    fig, axes = plt.subplots(
        1, len(widths), figsize=inches(figsize, size), layout="constrained", squeeze=False, width_ratios=widths
    )
    for place, (ax, (space, each)) in enumerate(zip(axes[0].tolist(), panels.items(), strict=True)):
        # "latent 3" under its title
        each.columns = pd.Index([name.split()[-1] for name in each.columns])
        colors = heatmap(
            ax,
            each,
            norm=norm,
            cmap=colormap(("magma_r" if grouped else "RdBu_r") if cmap is None else cmap),
            form=None,
        )
        ax.tick_params(axis="x", rotation=0)
        ax.set_title(TITLES[space], fontsize=LABEL_SIZE, loc="left")
        if place:
            ax.set_yticks([])
    heatmap_bar(axes[0, -1], colors, label)
    return fig


def _wide(long: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a row per feature or group, and a column per latent."""
    rows, columns = (list(dict.fromkeys(long[each])) for each in (name, "walk"))
    # features run fastest
    return pd.DataFrame(long["difference"].to_numpy().reshape(len(columns), len(rows)).T, rows, columns)


def _relative(table: pd.DataFrame, *, grouped: bool) -> pd.DataFrame:
    least = table.min() if grouped else 0.0
    largest = (table - least).abs().max()
    return (table - least) / largest.where(largest > 0, 1.0)


def _label(span: float, *, grouped: bool, relative: bool) -> str:
    what = "mean |difference|" if grouped else "difference"
    ends = f"{what}\nof +{span:g} and \N{MINUS SIGN}{span:g} SD"
    return f"{ends}, by column" if relative else ends
