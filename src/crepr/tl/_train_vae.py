from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crepr import _keys
from crepr.tl._train_model import train_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr._types import Data, PathLike, Seed
    from crepr.models._objective import WarmUp
    from crepr.train._pose import Augment
    from crepr.train._trained_model import TrainedModel


def train_vae(
    data: Data,
    *,
    inputs: str | Sequence[str] = "auto",
    mod: str | Sequence[str] | None = None,
    model: str | None = None,
    preset: str | None = None,
    invariant_to: Sequence[str] | None = None,
    condition: str | Sequence[str] | Mapping[str, str] | None = None,
    n_latent: int | None = None,
    beta: float | WarmUp | None = None,
    gene_weights: Literal["none", "inverse", "batch"] | None = None,
    model_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    dilation: int | None = None,
    hide_neighbours: bool = False,
    augment: Augment | None = None,
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
    """Train a variational autoencoder of cells: what tells these cells apart in their stains and transcripts, or in a matrix?

    Learns to describe each cell by a few numbers from which it can be drawn again :cite:p:`Kingma2014`,
    and writes these numbers to `.obsm`. What is drawn are crops of stains, planes of transcripts (one per gene, drawn
    from coordinates), or both through one encoder and two decoders, as in Moser et al. :cite:p:`Moser2025`; or profiles, a
    row of features per cell or well, as in Chow et al. :cite:p:`Chow2022`.

    Do not use it to compare images that were stained or exposed differently without saying so in the design: like any
    autoencoder it describes what varies most, batches included.

    Parameters
    ----------
    data
        Annotated data with crops (:func:`crepr.pp.crops`), transcripts (:func:`crepr.pp.transcripts`) or both; or with profiles.
    inputs
        `'stain'`, `'transcripts'`, both in a list, or `'auto'`: all that is registered. Or a matrix: `'X'`, the name of a layer, or a key of
        `.obsm`; sparse ones and those on disk are read batch by batch.
    mod
        Modality or modalities of a MuData that the inputs, and the crops around which transcripts are drawn, are taken
        from; all by default.
    model
        `'vae'`, `'beta_vae'`, `'mmd_vae'` or `'double_decoder_vae'`; by default the one that the inputs ask for. To have the latent
        ignore something: `'corrected_vae'` and `'denoising_autoencoder'` (with `invariant_to`), `'conditional_vae'` (with
        `condition`), and `'mevae'`, which :func:`train_mevae` trains with its own defaults. Of these, profiles have `'vae'`, `'beta_vae'`,
        `'mmd_vae'`, `'conditional_vae'` and `'denoising_autoencoder'`, which adds noise to them. See :doc:`/models`.
    preset
        Settings of a published model, `'moser-vae1'` to `'moser-vae5'`, or of profiles `'chow-cp5'`, `'chow-cp4'`, `'chow-l1000'`: network,
        objective, learning rate and epochs, see :doc:`/models`. Arguments given beside it win.
    invariant_to
        For models of corrected cells: what is taken out of the picture that is to be drawn, `'rotation'`, `'polarity'`, `'size'`,
        `'shape'`; needs :func:`crepr.pp.pose`.
    condition
        For `'conditional_vae'`: columns of `.obs` that the decoder is told, so that the latent need not know them; a list, or a mapping from
        column to `'number'`, `'category'`, `'angle'` (degrees) or `'axis'` (degrees modulo 180). The directions that :func:`crepr.pp.pose`
        writes are known to be such.
    n_latent
        Dimensions of the latent; 50, 10 of profiles, or the preset's.
    beta
        Weight of the KL term, a number or a warm-up; 1, or the preset's.
    gene_weights
        Weights of genes in the loss of transcript planes: `'none'` (default); `'inverse'`, the inverse of each gene's
        mean number of pixels per cell in the whole data set; `'batch'`, the weights of Moser et al., made anew from
        each batch.
    model_options
        Further options of the model, such as `widths`, `blocks`, `reconstruction`; see :mod:`crepr.models`.
    size
        Pixels per side of the windows; that of the crops where there are some. Windows of transcripts are those of the
        crops; without crops, or beside a stack of ready-made ones, they lie around the middle of each cell's molecules.
    dilation
        Each transcript is drawn as a box of `dilation + 2` pixels per side; 3, or the preset's.
    hide_neighbours
        Set pixels that belong to other cells to zero; needs :func:`crepr.pp.masks`.
    augment
        In training, turn cells by `'quarter'` turns with equal odds (default), mirror them along either axis (`'flips'`), both (`'dihedral'`), by any
        angle with flips (`'free'`), or `'none'`. Models of corrected cells have `invariant_to` instead.
    max_epochs
        Times that each cell is seen; 40 for stains, 15 with transcripts, 100 for profiles, or the preset's.
    batch_size
        Cells per batch and process; 64 for stains, 16 with transcripts, 96 for profiles, or the preset's.
    lr, weight_decay
        Of Adam :cite:p:`Kingma2015`; 0.001 and 0, or the preset's.
    lr_schedule
        `'constant'`, as all the published systems, or `'cosine'`: the learning rate falls to 0 along half a cosine over `max_epochs`, by which runs with other seeds
        end nearer to each other. Such a run is not resumed for longer.
    validation
        Share of cells held out, drawn at random, or a column of `.obs` that marks them: of booleans, or of `'train'`, `'validation'` and
        `'test'` as :func:`crepr.pp.split` writes, of which test cells are embedded only. The weights kept
        are then those of the epoch of least validation loss, which is measured with the weights that a warm-up ends with.
    patience
        Stop after so many epochs without a lower validation loss; needs `validation`.
    checkpoint_dir
        Folder for a checkpoint after each epoch; it must not hold another run's.
    resume
        Go on from the checkpoint in `checkpoint_dir`, if there is one; the result is that of an uninterrupted run. The
        data may have been moved since, `max_epochs` may be more; all else must be as it was.
    accelerator, devices, num_nodes, strategy, precision
        Of :class:`lightning.pytorch.trainer.trainer.Trainer`. One device by default; `devices=4` trains on four GPUs.
        `precision` is `'32-true'`, `'bf16-mixed'` or `'16-mixed'`; weights are float32 in all of them.
    trainer_options
        Other options of the `Trainer`, such as `{"gradient_clip_val": 1.0}`; not those that change what an epoch is.
    logvar
        Also write the posterior log-variances.
    key_added
        Key in `.obsm` and `.uns`; `'X_vae'` and `'vae'` by default. None that crepr reads, such as `'crops'`.
    rng
        Seed of weights, order, turns and noise.
    progress
        Show bars.

    Returns
    -------
    The trained model. Sets, in the modality that the inputs come from or in the MuData if they come from several:

    `.obsm['X_vae' | key_added]` : :class:`numpy.ndarray`, `(n_obs, n_latent)`, float32
        Posterior means, in cell order, without augmentation.
    `.obsm['X_vae_logvar' | f'{key_added}_logvar']` : :class:`numpy.ndarray`
        Posterior log-variances, if `logvar=True`.
    `.uns['vae' | key_added]` : :class:`dict`
        `params`, `history` (a row per epoch; terms are means over cells, unweighted), `spec` (JSON), `fingerprint` of
        the references and poses, `crepr_version`.

    Raises
    ------
    FileNotFoundError
        If an image or the table of molecules is gone; says how to name its new place.
    KeyError
        If an input is not registered, or a modality or a column is unknown.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is unknown, out of range or without use for these inputs, several modalities hold an input, the preset
        does not fit the inputs or their size, the machine lacks what is asked for, `checkpoint_dir` holds another or a
        damaged run, pixels or features are not finite, or features are not between 0 and 1 for a cross-entropy.
    PermissionError
        If `checkpoint_dir` cannot be written to.
    FloatingPointError
        If the loss is no longer finite; the last good checkpoint stays.

    Warns
    -----
    UserWarning
        If `batch_size` is larger than the data, features are constant, or cells have no outline to be corrected by.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=2)
    >>> mdata["stain"].obsm["X_vae"].shape
    (300, 50)

    Profiles:

    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=2)
    >>> adata.obsm["X_vae"].shape[1]
    10
    """
    return train_model(keys=(_keys.X_VAE, _keys.VAE), **locals())
