from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr.stats._pick_device import pick_device
from crepr.stats._swap_scores import swap_scores
from crepr.tl._check_model import check_pairs
from crepr.tl._image_codes import image_codes
from crepr.tl._paired_pictures import paired_pictures
from crepr.tl._view import find_owners
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, Seed
    from crepr.stats._swap_scores import SwapScores
    from crepr.train._trained_model import TrainedModel

# two predictions that differ by less are the same
SAME = 1e-4


def inpainting_swap(
    data: Data,
    model: TrainedModel,
    groupby: str,
    *,
    mod: str | Sequence[str] | None = None,
    n_targets: int = 20,
    n_sources: int = 4,
    batch_size: int = 64,
    device: str | torch.device = "auto",
    rng: Seed = 0,
    key_added: str | None = None,
    progress: bool = True,
    copy: bool = False,
) -> Data | None:
    """Show cells the partners of other images: does the prediction follow the source, or what the target gives away?

    Light of the protein that bleeds into the channel of a marker tells the network what to draw, and its source encoder then learns
    nothing. So targets of each label are drawn from sources of every label. A prediction that follows the source looks like others from
    the source's label in the same target, and unlike those from the target's own; it looks less like the target's true protein, too.

    Correlations are Pearson's over the pixels of the proteins, in one target: with the mean of other predictions from the source's
    label (`r_source`); with the mean of predictions from sources of the target's own image (`r_target`); with the true protein of
    the target (`r_truth`).

    Parameters
    ----------
    data
        Annotated data with crops registered; those trained on, or others.
    model
        From :func:`crepr.tl.train_inpainting`, or loaded.
    groupby
        Column of `.obs` with at least two labels of the protein's pattern, or the proteins themselves.
    mod
        Modality of a MuData with the crops; by default the only one.
    n_targets
        Cells of each label to draw in.
    n_sources
        Sources of each label for each of these, two at least.
    batch_size
        Pairs per batch.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    rng
        Seed or generator that draws the pairs.
    key_added
        Key in `.uns`; `'inpainting_swap'` by default.
    progress
        Show a bar.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the object with the crops, `.uns['inpainting_swap' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per label of the target and label of the source: `target`, `source`, `n_pairs`, `follows`, the share of pairs
        with `r_source > r_target` (0.5 where the network does not care for its source), and the means of `r_source`, `r_target` and `r_truth`.
        Rows of one label with itself are of sources of the target's own image, and have no `follows`.
    `['macro']` : :class:`pandas.DataFrame`
        One row: `follows`, `r_source`, `r_target` and `r_truth`, means over rows of two labels; and `r_truth_own`, the mean over
        rows of one. Predictions that are as true from a source of another label as from the target's own image follow the target.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column, crops or a channel are missing.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model is none of pairs, there are fewer than two labels, a label has no image with three cells, or something else has the key.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=60)
    >>> model = cr.tl.train_inpainting(
    ...     adata, markers="membrane", proteins="protein", image_key="class", width=0.1, max_epochs=1
    ... )
    >>> cr.tl.inpainting_swap(adata, model, "class", n_targets=2, n_sources=2)
    >>> cr.get.inpainting_swap(adata, table="macro")
    """
    check_pairs(model)
    _validate.integer("n_targets", n_targets, minimum=1)
    _validate.integer("n_sources", n_sources, minimum=2)
    _validate.integer("batch_size", batch_size, minimum=1)
    seed, where = _validate.seed("rng", rng), pick_device(device)
    data = data.copy() if copy else data
    owners = find_owners(data, list(model.spec.inputs), mod)
    key = _keys.INPAINTING_SWAP if key_added is None else key_added
    claim_key(owners.target, "inpainting_swap", key)
    labels = _access.cell_groups(data, owners.target, groupby)
    # a target, and another two that predict alike
    images = image_codes(data, owners.target, model.spec.view["image_key"], min_cells=3)
    cells = [np.flatnonzero((labels.codes == code) & (images >= 0)) for code in range(len(labels.categories))]
    _check(labels, groupby, cells)

    names, generator = [str(name) for name in labels.categories], np.random.default_rng(seed)
    rows = []
    for own, of_label in enumerate(tqdm(cells, desc="swapping", unit="label", disable=not progress)):
        targets = generator.choice(of_label, min(n_targets, len(of_label)), replace=False)
        sources = _sources(targets, cells, own, images, n_sources, generator)
        drawn = paired_pictures(
            owners,
            model,
            sources.ravel(),
            np.repeat(targets, sources[0].size),
            batch_size=batch_size,
            device=where,
            progress=False,
        )
        predictions = drawn["prediction"].reshape(*sources.shape, -1)
        truth = drawn["truth"].reshape(*sources.shape, -1)[:, 0, 0]
        rows += _rows(swap_scores(predictions, truth, own), own, names)
    results = pd.DataFrame(rows)
    swapped = results["target"] != results["source"]
    means = results.loc[swapped, ["follows", "r_source", "r_target", "r_truth"]].mean()
    macro = means.to_frame().T.assign(r_truth_own=results.loc[~swapped, "r_truth"].mean())
    params = {
        "groupby": groupby, "model": model.spec.model, "use_rep": model.params.get("use_rep"), "n_targets": n_targets,
        "n_sources": n_sources, "seed": seed,
    }  # fmt: skip
    write(owners.target, "inpainting_swap", key, params=params, results=results, macro=macro)
    return data if copy else None


def _check(labels: pd.Categorical, groupby: str, cells: list[np.ndarray]) -> None:
    if len(cells) < 2:
        raise ValueError(
            f"groupby={groupby!r} must have at least two labels, got {_validate.listing(labels.categories)}. Choose another column."
        )
    without = [str(name) for name, some in zip(labels.categories, cells, strict=True) if not len(some)]
    if without:
        raise ValueError(
            f"No image with three cells shows {_validate.listing(without)} of groupby={groupby!r}. Leave these cells out, or choose another column."
        )


def _sources(
    targets: np.ndarray,
    cells: list[np.ndarray],
    own: int,
    images: np.ndarray,
    n_sources: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw sources `(n_targets, n_labels, n_sources)`: of the target's own label from its own image, others from anywhere."""
    drawn = np.stack([rng.choice(some, (len(targets), n_sources)) for some in cells], axis=1)
    for row, target in zip(drawn, targets, strict=True):
        beside = np.flatnonzero(images == images[target])
        row[own] = rng.choice(beside[beside != target], n_sources)
    return drawn


def _rows(scores: SwapScores, own: int, names: list[str]) -> list[dict[str, object]]:
    nearer = scores.source - scores.target
    follows = np.where(np.abs(nearer) < SAME, 0.5, nearer > 0)
    rows: list[dict[str, object]] = []
    for code, name in enumerate(names):
        row = {"target": names[own], "source": name, "n_pairs": scores.source[:, code].size}
        row["follows"] = np.nan if code == own else float(follows[:, code].mean())
        row |= {f"r_{side}": float(values[:, code].mean()) for side, values in scores._asdict().items()}
        rows.append(row)
    return rows
