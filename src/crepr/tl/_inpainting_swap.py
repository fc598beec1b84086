from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr.stats._pick_device import pick_device
from crepr.stats._swap_scores import swap_scores
from crepr.tl._check_model import check_pairs
from crepr.tl._image_labels import image_labels
from crepr.tl._paired_pictures import paired_pictures
from crepr.tl._swap_pairs import SwapPairs
from crepr.tl._view import find_owners, view_of_model
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, Seed
    from crepr.stats._swap_scores import SwapScores
    from crepr.train._trained_model import TrainedModel

# two predictions that differ by less are the same
SAME = 1e-4
# pixels of predictions that are held at a time
BLOCK = 1 << 25


def inpainting_swap(
    data: Data,
    model: TrainedModel,
    groupby: str,
    *,
    mod: str | Sequence[str] | None = None,
    image_key: str | None = None,
    n_targets: int = 20,
    n_sources: int = 4,
    n_others: int | None = 10,
    batch_size: int = 64,
    device: str | torch.device = "auto",
    rng: Seed = 0,
    key_added: str | None = None,
    progress: bool = True,
    copy: bool = False,
) -> Data | None:
    """Show cells the partners of other images: does the prediction follow the source, or what the target gives away?

    Light of the protein that bleeds into the channel of a marker tells the network what to draw, and its source encoder then learns
    nothing. So targets are drawn from sources of their own image, and from sources of an image of each other label. A prediction that
    follows the source looks like others from the source's image in the same target, and unlike those from the target's own; it looks less like the
    target's true protein, too.

    Correlations are Pearson's over the pixels of the proteins, in one target: with the mean of the other predictions from the source's
    image (`r_source`); with the mean of as many predictions from the target's own image (`r_target`); with the true protein of
    the target (`r_truth`). Where labels make no difference, `r_source` is the larger one in half of the pairs.

    Parameters
    ----------
    data
        Annotated data with crops registered; those trained on, or others.
    model
        From :func:`crepr.tl.train_inpainting`, or loaded.
    groupby
        Column of `.obs` with at least two labels of the protein's pattern, or the proteins themselves; the same for all cells of an image.
    mod
        Modality of a MuData with the crops; by default the only one.
    image_key
        Column of `.obs` with the images; by default the one trained with.
    n_targets
        Cells of each label to draw in, at most.
    n_sources
        Sources of each image for each of these, two at least, all different; images need one cell more.
    n_others
        Other labels for each target, drawn at random where there are more; `None` for all.
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
        Rows of one label with itself are of sources of the target's own image, and have no `follows`. Pairs of labels that were not drawn have no row.
    `['macro']` : :class:`pandas.DataFrame`
        One row: `follows`, `r_source`, `r_target` and `r_truth`, means over rows of two labels; and `r_truth_own`, the mean over
        rows of one. Predictions that are as true from a source of another label as from the target's own image follow the target.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If a column, crops or a channel are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model is none of pairs, there are fewer than two labels, a label varies within an image or has no image with more than
        `n_sources` cells, or something else has the key.

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
    if n_others is not None:
        _validate.integer("n_others", n_others, minimum=1)
    seed, where = _validate.seed("rng", rng), pick_device(device)
    data = _access.copied(data) if copy else data
    owners = find_owners(data, list(model.spec.inputs), mod)
    key = _keys.INPAINTING_SWAP if key_added is None else key_added
    claim_key(owners.target, "inpainting_swap", key)
    image_key = model.spec.view["image_key"] if image_key is None else image_key
    images = _access.cell_groups(data, owners.target, image_key, option="image_key")
    labels = _access.cell_groups(data, owners.target, groupby)
    _validate.two_labels(labels, groupby)
    pairs = SwapPairs(
        images.codes,
        image_labels(images, labels, groupby, image_key=image_key),
        n_labels=len(labels.categories),
        n_sources=n_sources,
        n_others=n_others,
    )
    _check(pairs, labels, groupby, image_key)

    view = view_of_model(owners, model, decoding=False)
    generator, parts = np.random.default_rng(seed), []
    step = max(1, BLOCK // ((1 + pairs.n_others) * n_sources * model.spec.inputs["stain"].size ** 2))
    for own in tqdm(range(len(labels.categories)), desc="swapping", unit="label", disable=not progress):
        targets = pairs.targets(own, n_targets, generator)
        for start in range(0, len(targets), step):
            some = targets[start : start + step]
            codes, sources = pairs.sources(own, some, generator)
            drawn = paired_pictures(
                view,
                model,
                sources.ravel(),
                np.repeat(some, sources[0].size),
                wanted=("prediction", "truth"),
                batch_size=batch_size,
                device=where,
                progress=False,
            )
            predictions, truth = (drawn[name].reshape(*sources.shape, -1) for name in ("prediction", "truth"))
            parts.append(_rows(swap_scores(predictions, truth[:, 0, 0]), own, codes))
    results, macro = _tabulate(pd.concat(parts, ignore_index=True), [str(name) for name in labels.categories])
    params = {
        "groupby": groupby, "image_key": image_key, "model": model.spec.model, "use_rep": model.params.get("use_rep"),
        "n_targets": n_targets, "n_sources": n_sources, "n_others": n_others, "seed": seed,
    }  # fmt: skip
    write(owners.target, "inpainting_swap", key, params=params, results=results, macro=macro)
    return data if copy else None


def _check(pairs: SwapPairs, labels: pd.Categorical, groupby: str, image_key: str) -> None:
    without = [str(name) for name, some in zip(labels.categories, pairs.of_label, strict=True) if not len(some)]
    if without:
        raise ValueError(
            f"No image of {image_key!r} with more than n_sources={pairs.n_sources} cells shows {_validate.listing(without)} of "
            f"groupby={groupby!r}. Set n_sources lower, leave these cells out, or choose another column."
        )


def _rows(scores: SwapScores, own: int, codes: np.ndarray) -> pd.DataFrame:
    """Return a row per pair."""
    nearer = scores.source - scores.target
    follows = np.where(np.abs(nearer) < SAME, 0.5, nearer > 0)
    follows[:, 0] = np.nan
    table = {"target": own, "source": np.repeat(codes, nearer.shape[-1]), "follows": follows.ravel()}
    return pd.DataFrame(table | {f"r_{side}": values.ravel() for side, values in scores._asdict().items()})


def _tabulate(pairs: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return means per label of the target and of the source, and means over these."""
    grouped = pairs.groupby(["target", "source"])
    results = grouped.mean()
    results.insert(0, "n_pairs", grouped.size())
    results = results.reset_index()
    swapped = results["target"] != results["source"]
    macro = results.loc[swapped, ["follows", "r_source", "r_target", "r_truth"]].mean().to_frame().T
    macro["r_truth_own"] = results.loc[~swapped, "r_truth"].mean()
    for side in ("target", "source"):
        results[side] = [names[code] for code in results[side]]
    return results, macro
