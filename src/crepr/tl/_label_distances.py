from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access, _keys, _validate
from crepr.tl._cell_columns import holder
from crepr.tl._image_labels import image_labels
from crepr.tl._label_pairs import check_images, check_label_pairs, plan_label_pairs, tabulate_label_distances
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    import torch

    from crepr._types import Data, Seed


def label_distances(
    data: Data,
    groupby: str,
    *,
    image_key: str,
    use_rep: str = "X_inpainting_conv3",
    mod: str | None = None,
    control: str | None = None,
    n_pairs: int = 1000,
    n_others: int | None = None,
    standardize: bool = True,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Compare distances of images: are those of one label nearer to each other than to images of other labels?

    The distance of two images is the mean Euclidean distance over all pairs of a cell of one and a cell of the other :cite:p:`Lu2019`. Each label is
    judged by pairs of images that are both of it, and by pairs with an image of any other label, as many with each other label:

    .. math:: z = \frac{\bar d_\mathrm{same} - \bar d_\mathrm{other}}{s_\mathrm{other}}, \qquad
        \mathrm{relative} = \frac{\bar d_\mathrm{same} - \bar d_\mathrm{other}}{\bar d_\mathrm{other}}

    Every other label :math:`l` of :math:`L` counts as much, however many pairs :math:`m_l` there are with it: each of them has the weight
    :math:`w = 1 / (L m_l)` in the mean :math:`\bar d_\mathrm{other} = \sum w d` and in the standard deviation, where
    :math:`s_\mathrm{other}^2 = \sum w (d - \bar d_\mathrm{other})^2 / (1 - \sum w^2)`. Both scores are negative where images of a label are closer. The paper says
    *normalised* distance without saying which, so both are given.

    A label that lies together because its images come from one cell line, or one plate, says little: see `control`.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with at least two labels, such as the localisation of a protein, the same for all cells of an image; `'modality:column'` for one of
        another modality. In the paper, only proteins of a single localisation, and localisations of at least 30 proteins.
    image_key
        Column of `.obs` with the image of each cell: the field, well or protein that is one sample of a label. Profiles of images, as those of
        :func:`crepr.tl.aggregate_profiles`, are images of one cell.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    control
        Column of `.obs`, such as the cell line, the same for all cells of an image: pairs are also compared within one value, and across values.
    n_pairs
        Pairs of images of each label, and with each other label, drawn at random and distinct; all where there are fewer. The paper takes 1,000, and
        10,000 with `control`.
    n_others
        Other labels that each label is compared with, drawn at random; all by default. With hundreds of labels a few, such as 20, take a fraction of the time.
    standardize
        Take z-scores of each column over all cells, as the paper does.
    rng
        Seed or generator of the pairs.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    key_added
        Key in `.uns`; `'label_distances'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds all columns of `.obs` that are used, else in the
    MuData, `.uns['label_distances' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per label, and with `control` per kind of pairs: `label`, `control` (`'any'`; `'same'` and `'different'` for pairs within one value and across
        values), `n_images`, `n_pairs_same`, `n_pairs_other`, `mean_same`, `mean_other`, `sd_other` (in z-scores or units of the representation), `z`, `relative`.
    `['macro']` : :class:`pandas.DataFrame`
        One row per kind of pairs: `control`, `n_labels` with a score, and the means over them of `z` and `relative`.
    `['params']` : :class:`dict`
        The options used.

    Raises
    ------
    KeyError
        If a column or the representation is missing.
    TypeError
        If an option has the wrong type.
    ValueError
        If there are fewer than two labels, no label has two images, a label or `control` varies within an image or is missing for some cells, the
        representation is not finite, or something else has the key.

    Warns
    -----
    UserWarning
        If labels have one image, or no pairs of a kind, so that their scores are NaN; or if all images have one cell.

    Notes
    -----
    Each pair of images is measured once, for both labels, and block by block: memory does not grow with the pairs of cells. Time, and the memory
    for pairs, grow with `n_pairs` times the number of labels times that of other labels, `n_others` or all; time also with the square of the cells of an image.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=100)
    >>> adata.obs["field"] = adata.obs["class"].astype(str) + [f"_{i // 4 % 3}" for i in range(100)]
    >>> cr.tl.label_distances(adata, "class", image_key="field", use_rep="X")
    >>> cr.get.label_distances(adata)
    """
    from crepr.stats._image_distances import image_distances
    from crepr.stats._pick_device import pick_device

    n_pairs = _validate.integer("n_pairs", n_pairs, minimum=1)
    n_others = None if n_others is None else _validate.integer("n_others", n_others, minimum=1)
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    data = _access.copied(data) if copy else data
    owner = _access.owner_of(data, use_rep, mod=mod)
    labels = _access.cell_groups(data, owner, groupby)
    images = _access.cell_groups(data, owner, image_key, option="image_key")
    lines = None if control is None else _access.cell_groups(data, owner, control, option="control")
    target = holder(data, owner, [groupby, image_key, *([] if control is None else [control])])
    key = _keys.LABEL_DISTANCES if key_added is None else key_added
    claim_key(target, "label_distances", key)
    _validate.two_labels(labels, groupby)
    of_image = image_labels(images, labels, groupby, image_key=image_key)
    check_images(of_image, images.codes, groupby, image_key)
    levels = None
    if lines is not None:
        levels = image_labels(images, lines, str(control), image_key=image_key, option="control")
    x = _access.representation(data, use_rep, mod=mod)
    names = [str(name) for name in labels.categories]
    plan = plan_label_pairs(of_image, names, levels, n_pairs, seed, n_others=n_others)
    check_label_pairs(plan, groupby)
    if standardize:
        from sklearn.preprocessing import StandardScaler

        x = StandardScaler().fit_transform(x)

    results, macro = tabulate_label_distances(plan, image_distances(x, images.codes, plan.pairs, device=chosen))
    params = {
        "groupby": groupby, "image_key": image_key, "use_rep": use_rep, "control": control, "n_pairs": n_pairs,
        "n_others": n_others, "standardize": standardize, "seed": seed,
    }  # fmt: skip
    write(target, "label_distances", key, params=params, results=results, macro=macro)
    return data if copy else None
