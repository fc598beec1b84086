from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.tl._cell_columns import holder
from crepr.tl._image_labels import image_labels
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


def mixture_score(
    data: Data,
    groupby: str,
    *,
    image_key: str,
    labels: Sequence[str],
    use_rep: str = "X_inpainting_conv3",
    mod: str | None = None,
    standardize: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Score cells between two labels: which of them are more like A, which like B, and in which images do cells differ?

    For a protein that is found in two places, a cell with features `f` has the score :cite:p:`Lu2019`

    .. math:: s = \log \frac{\lVert f - c_A \rVert}{\lVert f - c_B \rVert}

    with the centroids of the cells of all images labelled only A and only B: negative is nearer to A, positive nearer to B. A large standard deviation within
    an image flags cells that differ: of the ten most variable proteins in each of two mixtures of the paper, six and five were known to vary from cell to cell.

    The paper does not say what becomes of the images of A and B themselves. A centroid that contains a cell lies too near to it, so here the cells of such an
    image are compared with the centroid of the other images of their label. Nor does it say what the score of a cell on a centroid is, which would be infinite: here
    a distance counts as a thousandth of that of the two centroids at least, so that scores lie within 6.91 of 0, and a cell on both centroids has 0.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with the label of each image, the same for all its cells, such as `'nucleus'`, `'cytoplasm'` and `'nucleus|cytoplasm'`;
        `'modality:column'` for one of another modality. All cells with any label are scored; those with none get NaN.
    image_key
        Column of `.obs` with the image of each cell: the field, well or protein.
    labels
        A and B, two labels of `groupby`.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    standardize
        Take z-scores of each column over all cells.
    key_added
        Key in `.obs` and `.uns`; `'mixture_score'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds both columns of `.obs`, else in the MuData:

    `.obs['mixture_score' | key_added]`
        Score of each cell.
    `.uns['mixture_score' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per image with a label: `image`, `label`, `n_cells`, `mean`, `sd`, `rank` (1 is the largest `sd`), in the order of the ranks; images of one cell
        come last, and their `sd` and `rank` are NaN.
    `.uns[...]['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column or the representation is missing, or `groupby` has no such label.
    TypeError
        If an option has the wrong type.
    ValueError
        If `labels` are not two, a label varies within an image or has one cell, the representation is not finite, or something else has the key.

    Warns
    -----
    UserWarning
        If A or B has one image, whose cells are then compared with a centroid that contains them.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> adata.obs["field"] = adata.obs["class"].astype(str) + [f"_{i // 4 % 3}" for i in range(100)]
    >>> cr.tl.mixture_score(adata, "class", image_key="field", labels=("diffuse", "puncta"), use_rep="X")
    >>> cr.get.mixture_score(adata).head()
    """
    from crepr.stats._centroid_ratio import centroid_ratio

    data = _access.copied(data) if copy else data
    owner = _access.owner_of(data, use_rep, mod=mod)
    images = _access.cell_groups(data, owner, image_key, option="image_key")
    column = pd.Categorical(
        _access.cell_column(data, owner, groupby, option="groupby").array
    ).remove_unused_categories()
    target = holder(data, owner, [groupby, image_key])
    key = _keys.MIXTURE_SCORE if key_added is None else key_added
    claim_key(target, "mixture_score", key, obs=True)
    names = [str(name) for name in column.categories]
    chosen = _chosen(labels, names, groupby)
    of_image = image_labels(images, column, groupby, image_key=image_key)
    side = np.full(len(of_image), -1)
    for which, name in enumerate(chosen):
        side[of_image == names.index(name)] = which
    _check(side, images.codes, chosen, groupby)
    x = _access.representation(data, use_rep, mod=mod)
    if standardize:
        from sklearn.preprocessing import StandardScaler

        x = StandardScaler().fit_transform(x)

    scores = centroid_ratio(x, images.codes, side)
    scores[column.codes < 0] = np.nan
    results = _tabulate(scores, images, of_image, names)
    params = {
        "groupby": _name_in(target, data, owner, groupby), "image_key": _name_in(target, data, owner, image_key),
        "labels": chosen, "use_rep": use_rep, "standardize": standardize,
    }  # fmt: skip
    write(target, "mixture_score", key, obs=scores, params=params, results=results)
    return data if copy else None


def _chosen(labels: Sequence[str], names: list[str], groupby: str) -> list[str]:
    if isinstance(labels, str) or len(labels) != 2 or str(labels[0]) == str(labels[1]):
        raise ValueError(f"labels must be two different labels of {groupby!r}, A and B, got {labels!r}.")
    chosen = [str(name) for name in labels]
    for name in chosen:
        _validate.has_key(names, name, where=f".obs[{groupby!r}]", hint="Set labels to two of them.")
    return chosen


def _check(side: np.ndarray, images: np.ndarray, chosen: list[str], groupby: str) -> None:
    n_images = np.bincount(side[side >= 0], minlength=2)
    n_cells = np.bincount(side[images][side[images] >= 0], minlength=2)
    for name, cells in zip(chosen, n_cells, strict=True):
        if cells < 2:
            raise ValueError(
                f"{name!r} of groupby={groupby!r} has one cell, which would be its own centroid. Choose other labels."
            )
    single = [name for name, n in zip(chosen, n_images, strict=True) if n < 2]
    if single:
        warn(
            f"Labels of {groupby!r} with one image: {_validate.listing(single)}. Its cells are compared with a centroid that contains "
            "them, which draws their scores towards it."
        )


def _tabulate(scores: np.ndarray, images: pd.Categorical, of_image: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return a row per image with a label, the most variable first."""
    table = pd.Series(scores).groupby(images.codes).agg(["size", "mean", "std"])
    table.columns = ["n_cells", "mean", "sd"]
    table.insert(0, "image", [str(name) for name in images.categories])
    table.insert(1, "label", [names[code] if code >= 0 else "" for code in of_image])
    table = table[of_image >= 0].sort_values("sd", ascending=False, kind="stable", ignore_index=True)
    return table.assign(rank=np.where(table["sd"].notna(), np.arange(1.0, len(table) + 1), np.nan))


def _name_in(target: Data, data: Data, owner: Data, name: str) -> str:
    """Return what a column is called in the object that is written to, where figures look for it."""
    own = _access.own_column(data, owner, name)
    if own is None or owner is data:
        return name
    mod = next(mod for mod, part in _access.modalities(data).items() if part is owner)
    return own if target is owner else f"{mod}:{own}"
