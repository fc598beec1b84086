from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crepr import _keys
from crepr.tl._train_model import train_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr._types import Data, PathLike, Seed
    from crepr.models._objective import WarmUp
    from crepr.train._trained_model import TrainedModel


def train_mevae(
    data: Data,
    *,
    invariant_to: Sequence[str] = ("rotation", "polarity", "shape"),
    combine: Literal["product", "poe", "mean"] = "product",
    inputs: Literal["own", "corrected"] = "own",
    uncorrect: Literal["random", "own"] = "random",
    radius: float | None = None,
    mod: str | Sequence[str] | None = None,
    n_latent: int | None = None,
    beta: float | WarmUp | None = None,
    sampled: bool = True,
    model_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    hide_neighbours: bool = False,
    max_epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    weight_decay: float | None = None,
    lr_schedule: Literal["constant", "cosine"] = "constant",
    validation: float | str = 0.0,
    patience: int | None = None,
    checkpoint_dir: PathLike | None = None,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int | str | list[int] = 1,
    num_nodes: int = 1,
    strategy: Any = "auto",
    precision: Any = "32-true",
    trainer_options: Mapping[str, Any] | None = None,
    logvar: bool = False,
    key_added: str | None = None,
    rng: Seed = 0,
    progress: bool = True,
) -> TrainedModel:
    r"""Train a VAE that ignores how a cell lies: what tells cells apart beside direction, polarity, size and shape?

    Each nuisance has its own encoder, which sees the cell corrected in all but this one :cite:p:`Ternes2022`. The decoder draws
    the corrected cell from what the encoders share, their product:

    .. math:: z = \prod_i z_i, \quad z_i \sim q_i(z | x_i), \qquad
              L = BCE(x', \hat x(z)) + \frac{\beta}{n} \sum_i KL(q_i \| N(0, 1))

    Corrections come from :func:`crepr.pp.pose`: rotation to the major axis; two mirrors, so that the brighter end and side are
    always the same; scaling to equal area; and a stretch of each ray from the centroid, so that the outline becomes a circle. They are
    one resampling of the image, on the device, so that corners are real pixels; where there are only ready-made crops, the
    pixels of their border go on beyond it. Ternes et al. find the disc by a b-spline registration of the mask; the stretch needs
    no registration, is exact for cells that are seen whole from their centroid, and moves what lies inside along rays only.

    Do not make it ignore what the question is about: size, for example, follows DNA content.

    Parameters
    ----------
    data
        Annotated data with crops and pose (:func:`crepr.pp.crops`, :func:`crepr.pp.pose`).
    invariant_to
        Nuisances, an encoder each: `'rotation'`, `'polarity'`, `'size'`, `'shape'`, or of your own
        (:class:`crepr.train.Nuisance`). `'shape'` takes size with it, unless `'size'` is there, too; it hides what lies beyond the outline.
    combine
        How encoders make one latent: `'product'` of their samples, their `'mean'`, or `'poe'`, the product of their distributions and
        of the prior.
    inputs
        What encoders see when cells are embedded: the cell with its own direction, polarity, size or shape, each of which
        the network has to ignore (`'own'`), or the corrected cell (`'corrected'`).
    uncorrect
        What encoders see in training: any direction and polarity, and the size and shape of another cell (`'random'`), or the
        cell's `'own'`.
    radius
        Of the disc that cells are scaled to, in pixels; 0.39 of the side of a crop, as published (50 of 128).
    mod
        Modality or modalities of a MuData that crops are taken from; all by default.
    n_latent
        Dimensions of the latent; 64.
    beta
        Weight of the KL term, a number or a warm-up, beside sums over channels and pixels. By default the published balance, see
        :func:`crepr.models.mevae`: 1 for one channel of 128 pixels per side, a quarter for one of 64.
    sampled
        Whether the latent is a distribution; `False` trains the ME-DAE, without KL term.
    model_options
        Further options of the model, such as `widths`, `hidden`, `blocks`, `reconstruction`; see :func:`crepr.models.mevae`.
    size
        Pixels per side of the windows; that of the crops by default.
    hide_neighbours
        Set pixels that belong to other cells to zero; needs :func:`crepr.pp.masks`.
    max_epochs, batch_size, lr, weight_decay, lr_schedule, validation, patience, checkpoint_dir, resume
        As in :func:`train_vae`.
    accelerator, devices, num_nodes, strategy, precision, trainer_options
        As in :func:`train_vae`.
    logvar
        Also write the log-variances of the combined latent.
    key_added
        Key in `.obsm` and `.uns`; `'X_mevae'` and `'mevae'` by default.
    rng
        Seed of weights, order, drawn nuisances and noise.
    progress
        Show bars.

    Returns
    -------
    The trained model. Sets, in the modality of the crops:

    `.obsm['X_mevae' | key_added]` : :class:`numpy.ndarray`, `(n_obs, n_latent)`, float32
        Means of the combined latent, in cell order; nothing is drawn.
    `.obsm['X_mevae_logvar' | f'{key_added}_logvar']` : :class:`numpy.ndarray`
        Log-variances, if `logvar=True`.
    `.uns['mevae' | key_added]` : :class:`dict`
        As :func:`train_vae` writes.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If crops or pose are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    PermissionError
        If `checkpoint_dir` cannot be written to.
    TypeError
        If an option has the wrong type.
    ValueError
        If a nuisance is unknown, the disc is larger than a crop, `n_latent` larger than what the encoder finds, and as in :func:`train_vae`.
    FloatingPointError
        If the loss is no longer finite; the last good checkpoint stays.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.pp.pose(mdata, "DAPI")
    >>> model = cr.tl.train_mevae(mdata, max_epochs=1)
    >>> mdata["stain"].obsm["X_mevae"].shape
    (300, 64)
    """
    arguments = dict(locals())
    own = {name: arguments.pop(name) for name in ("combine", "uncorrect", "radius", "sampled")}
    arguments |= {"own_options": own, "inputs": "stain", "inputs_seen": inputs}
    return train_model(model="mevae", keys=(_keys.X_MEVAE, _keys.MEVAE), **arguments)
