from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr.tl._cell_columns import holder, names_of
from crepr.tl._image_labels import image_labels
from crepr.tl._label_pairs import check_images, check_label_pairs, plan_label_pairs, tabulate_label_distances
from crepr.tl._neighbor_accuracy import check_neighbors, neighbor_accuracy, values_apart
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, Seed


def choose_layer(
    data: Data,
    groupby: str,
    *,
    use_rep: str = "X_inpainting",
    layers: str | Sequence[str] | None = None,
    mod: str | None = None,
    exclude: str | None = None,
    image_key: str | None = None,
    n_neighbors: int = 11,
    exact: bool = True,
    n_pairs: int = 1000,
    n_others: int | None = None,
    n_perms: int = 20,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Compare the layers of a network: whose features tell labels best?

    Neither the first nor the last layer is the best one, as a rule: the paper takes the third of five for human cells, the fourth for yeast
    :cite:p:`Lu2019`. Each layer is judged by the balanced accuracy of the nearest neighbours of cells, as :func:`crepr.tl.knn_accuracy` has it, and where images
    are known by how near those of a label lie, as :func:`crepr.tl.label_distances` has it; both with z-scores of each feature.

    The best of several layers, chosen and judged by the same labels, is optimistic: report its accuracy for other labels or other cells, or report all layers.
    Cells of one image are alike in more than their label; leave them no vote with `exclude`.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with at least two labels; `'modality:column'` for one of another modality.
    use_rep
        What the keys of all layers in `.obsm` begin with: `'X_inpainting'` for `'X_inpainting_conv1'`, `'X_inpainting_conv2'`, ...,
        arrays of shape `(n_obs, n_channels)`.
    layers
        Names of layers, such as `['conv3', 'conv4']`; by default `conv1`, `conv2`, ..., all in `.obsm`, in the order of their numbers.
    mod
        Modality of a MuData that has the layers; by default the MuData itself, or the only modality with some.
    exclude
        Column of `.obs`, such as the image, the protein or the plate: cells with the same value have no vote.
    image_key
        Column of `.obs` with the image of each cell, for the distances of images; labels must be the same for all cells of an image. Without it there are none.
    n_neighbors
        Number of neighbours that vote; 11 in the paper.
    exact
        Compare all cells, as in :func:`crepr.tl.knn_accuracy`, for each layer: time grows with the square of the cells. `False` searches with pynndescent
        :cite:p:`Dong2011`, which misses some, and does not go with `exclude`.
    n_pairs, n_others
        Pairs of images of each label, and with each other label; how many of these, all by default. As in :func:`crepr.tl.label_distances`.
    n_perms
        How often labels are permuted to tell what chance gives; 0 leaves chance out.
    rng
        Seed or generator, the same for all layers: they are judged by the same permutations and pairs.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    progress
        Show a bar.
    key_added
        Key in `.uns`; `'choose_layer'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the layers if it also holds all columns of `.obs` that are used, else in the MuData,
    `.uns['choose_layer' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per layer: `layer`, `n_features`, `balanced_accuracy`, with `n_perms` `chance` and `chance_sd`, with `image_key` `z` and `relative` (means over
        labels; negative where images of a label are closer), `best` (by balanced accuracy, the first of equals).
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column or a layer is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two labels, labels are missing for some cells or vary within an image, no label has two images, there are not
        `n_neighbors` others, a layer is not finite, `exact=False` comes with `exclude`, or something else has the key.

    Warns
    -----
    UserWarning
        If a label has fewer than five cells, or one image, or all images have one cell.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> adata.obsm["X_inpainting_conv1"] = adata.X
    >>> adata.obsm["X_inpainting_conv2"] = adata.obs[["true_area", "true_polarity"]].to_numpy()
    >>> cr.tl.choose_layer(adata, "class", progress=False)
    >>> cr.get.choose_layer(adata)
    """
    from sklearn.preprocessing import StandardScaler

    from crepr.stats._image_distances import image_distances
    from crepr.stats._pick_device import pick_device

    n_neighbors = _validate.integer("n_neighbors", n_neighbors, minimum=1)
    _validate.integer("n_perms", n_perms, minimum=0)
    n_pairs = _validate.integer("n_pairs", n_pairs, minimum=1)
    n_others = None if n_others is None else _validate.integer("n_others", n_others, minimum=1)
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    wanted = names_of("layers", layers)
    if layers is not None and not wanted:
        raise ValueError("layers=[] names no layer. Name some, or leave it out.")
    data = _access.copied(data) if copy else data
    owner = _owner(data, use_rep, mod, named=bool(wanted))
    names = _layers(owner, use_rep, wanted)
    labels = _access.cell_groups(data, owner, groupby)
    used = [name for name in (groupby, exclude, image_key) if name is not None]
    target = holder(data, owner, used)
    key = _keys.CHOOSE_LAYER if key_added is None else key_added
    claim_key(target, "choose_layer", key)
    apart = values_apart(data, owner, exclude)
    check_neighbors(labels, groupby, n_neighbors, exclude, apart, exact=exact)
    images = plan = None
    if image_key is not None:
        images = _access.cell_groups(data, owner, image_key, option="image_key")
        of_image = image_labels(images, labels, groupby, image_key=image_key)
        check_images(of_image, images.codes, groupby, image_key)
        known = [str(name) for name in labels.categories]
        plan = plan_label_pairs(of_image, known, None, n_pairs, seed, n_others=n_others)
        check_label_pairs(plan, groupby)
    # all are looked at before work is done on any
    values = {name: _access.representation(owner, _keys.layer(use_rep, name)) for name in names}

    codes, rows = labels.codes.astype(np.int64), []
    for name, raw in (bar := tqdm(values.items(), disable=not progress)):
        bar.set_description(name)
        x = StandardScaler().fit_transform(raw)
        found = neighbor_accuracy(
            x, codes, len(labels.categories), n_neighbors=n_neighbors, apart=apart, exact=exact, n_perms=n_perms, seed=seed,
            device=chosen,
        )  # fmt: skip
        row = {"layer": name, "n_features": x.shape[1], "balanced_accuracy": found.macro[0]}
        if n_perms:
            row |= {"chance": found.chance[:, 0].mean(), "chance_sd": found.chance[:, 0].std()}
        if plan is not None and images is not None:
            _, macro = tabulate_label_distances(plan, image_distances(x, images.codes, plan.pairs, device=chosen))
            row |= {name: macro.loc[0, name] for name in ("z", "relative")}
        rows.append(row)
    results = pd.DataFrame(rows)
    results["best"] = results.index == results["balanced_accuracy"].idxmax()
    params = {
        "groupby": groupby, "use_rep": use_rep, "layers": names, "exclude": exclude, "image_key": image_key,
        "n_neighbors": n_neighbors, "exact": exact, "n_pairs": n_pairs, "n_others": n_others, "n_perms": n_perms, "seed": seed,
    }  # fmt: skip
    write(target, "choose_layer", key, params=params, results=results)
    return data if copy else None


def _owner(data: Data, use_rep: str, mod: str | None, *, named: bool) -> Data:
    """Return what holds the layers: `data` itself, modality `mod`, or the only modality that has some."""
    parts = _access.modalities(data, mod)
    own = [] if mod is not None else [data]
    having = [part for part in (*own, *parts.values()) if _layers_of(part, use_rep, named=named)]
    if not having:
        what = f"{use_rep + '_'!r}..." if named else f"{_keys.layer(use_rep, 'conv1')!r}, ..."
        raise KeyError(
            f"No layers {what} in .obsm (there are: {_validate.listing(next(iter(parts.values())).obsm)}). "
            "Run cr.tl.train_inpainting first, or set use_rep, or name other layers in layers."
        )
    if having[0] is not data and len(having) > 1:
        mods = [name for name, part in parts.items() if _layers_of(part, use_rep, named=named)]
        raise ValueError(
            f"Several modalities have layers of {use_rep!r}: {_validate.listing(mods)}. Set mod to one of them."
        )
    return having[0]


def _layers_of(part: Data, use_rep: str, *, named: bool) -> list[str]:
    """Return the names of layers, all that may be `named` or the convolutions, in natural order: conv2 before conv10."""
    prefix = _keys.layer(use_rep, "")
    keys = [str(key) for key in part.obsm if str(key).startswith(prefix)]
    names = [key.removeprefix(prefix) for key in keys if named or _keys.is_layer(use_rep, key)]
    return sorted(
        names,
        key=lambda name: [
            (piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in re.split(r"(\d+)", name)
        ],
    )


def _layers(owner: Data, use_rep: str, wanted: list[str]) -> list[str]:
    known = _layers_of(owner, use_rep, named=bool(wanted))
    for name in wanted:
        _validate.has_key(known, name, where=f"the layers of {use_rep!r}", hint="Set layers to some of them.")
    return wanted or known
