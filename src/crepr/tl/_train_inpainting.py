from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import pandas as pd

from crepr import _keys, _validate
from crepr._warn import warn
from crepr.get._crop_reader import crop_reader
from crepr.models._registry import SPATIAL_MODELS
from crepr.models._spec import InputSpec
from crepr.tl._cell_columns import names_of
from crepr.tl._check_model import check_layers
from crepr.tl._fingerprint import fingerprint
from crepr.tl._image_codes import image_codes
from crepr.tl._marker_pictures import marker_pictures
from crepr.tl._run import plan_run, train, write_model
from crepr.tl._stain_input import intensity_of
from crepr.tl._view import build_view, find_owners, view_of_model
from crepr.train._hardware import Hardware
from crepr.train._paired_view import PairedView
from crepr.train._pose import AUGMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from crepr._types import Data, PathLike, Seed
    from crepr.models._spatial_network import Pooling
    from crepr.train._crop_input import CropInput
    from crepr.train._pose import Augment
    from crepr.train._trained_model import TrainedModel

#: Of Lu et al.
PUBLISHED = {"lr": 1e-4, "beta1": 0.5, "batch_size": 64, "max_epochs": 30}
KEYS = {
    "paired_inpainting": (_keys.X_INPAINTING, _keys.INPAINTING),
    "autoencoder": (_keys.X_AUTOENCODER, _keys.AUTOENCODER),
}


def train_inpainting(
    data: Data,
    *,
    markers: str | Sequence[str],
    proteins: str | Sequence[str],
    image_key: str,
    model: Literal["paired_inpainting", "autoencoder"] = "paired_inpainting",
    mod: str | Sequence[str] | None = None,
    min_cells: int = 2,
    exclude: str | None = None,
    candidates: int = 1,
    width: float = 1.0,
    model_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    hide_neighbours: bool = False,
    augment: Augment = "flips",
    layer: str | Sequence[str] | None = None,
    pooling: Pooling = "max",
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
    key_added: str | None = None,
    rng: Seed = 0,
    progress: bool = True,
) -> TrainedModel:
    r"""Learn where a protein lies, without labels: draw it in one cell as it lies in another of the same image.

    In an image all cells have the same protein stained, and each its own form. The network sees one cell with all its channels (the
    *source*), and of another of its image (the *target*) the structural markers alone; it is to draw the target's protein
    :cite:p:`Lu2019`. Where the target's structures are, its markers say; what is to be drawn there can only come from the source. So
    the source encoder learns how a protein is distributed, whatever the form of the cell:

    .. math:: L = \| p_t - D(E(p_s, m_s), M(m_t)) \|^2

    with proteins :math:`p` and markers :math:`m` of source :math:`s` and target :math:`t`. Its layers, pooled over space, are
    the representation.

    The method needs markers that look alike whatever the protein, and images in which it looks alike in all cells. See
    :func:`crepr.tl.inpainting_swap` on whether the prediction follows the source, and :func:`crepr.tl.choose_layer` for the layer to take.

    Parameters
    ----------
    data
        Annotated data with crops registered by :func:`crepr.pp.crops`.
    markers, proteins
        Channels that show the structure of a cell, and those that are to be drawn.
    image_key
        Column of `.obs` with what cells of a pair have in common: the field, the well, the image.
    model
        `'paired_inpainting'`, or the `'autoencoder'` that it is compared with: the same source encoder and decoder draw the cell that
        they see.
    mod
        Modality of a MuData with the crops; by default the only one.
    min_cells
        Least number of cells of an image; cells of smaller images are embedded, and not trained on. Lu et al. took images of
        30 yeast or 6 human cells.
    exclude
        Column of `.obs` of booleans: cells that are embedded and not trained on, such as those with a protein that is known to vary from cell
        to cell.
    candidates
        Draw so many targets for each source, and take the one whose markers look least like the source's. 1, any target, as in Lu et al.
    width
        Factor of the numbers of channels of the network. 1 as published, 7 million weights; 0.25 trains 16 times as fast.
    model_options
        `widths`, `marker_widths`, `decoder_widths` of :func:`crepr.models.paired_inpainting`.
    size
        Pixels per side, divisible by 4; that of the registered crops by default. 64 in Lu et al.
    hide_neighbours
        Set pixels that belong to other cells to zero; needs :func:`crepr.pp.masks`.
    augment
        In training, source and target are each mirrored along either axis (`'flips'`, as in Lu et al.), or also turned by quarter turns
        (`'dihedral'`), or as in :func:`train_vae`.
    layer
        Layers to write, such as `'conv3'`; all by default. :func:`crepr.tl.embed` writes others later.
    pooling
        How layers are pooled over space: `'max'`, as in Lu et al., or `'mean'`.
    max_epochs
        Times that each cell is a source; 30.
    batch_size
        Pairs per batch and process; 64.
    lr, weight_decay
        Of Adam, whose beta1 is 0.5 here; 0.0001 and 0.
    lr_schedule
        As in :func:`train_vae`.
    validation
        Share of the images held out, drawn at random, or a column of `.obs` of booleans that marks whole images. Their cells are embedded.
    patience, checkpoint_dir, resume, accelerator, devices, num_nodes, strategy, precision, trainer_options
        As in :func:`train_vae`.
    key_added
        Key in `.uns`, and in `.obsm` before the name of the layer; `'inpainting'` and `'X_inpainting'` by default, `'autoencoder'` and
        `'X_autoencoder'` for the autoencoder.
    rng
        Seed of weights, order, pairs and turns.
    progress
        Show bars.

    Returns
    -------
    The trained model. Sets, in the object with the crops:

    `.obsm['X_inpainting_conv1' | f'{key_added}_conv1']`, ... : :class:`numpy.ndarray`, `(n_obs, n_channels)`, float32
        Each convolution of the source encoder after ReLU and before the norm, pooled over space: for the published network 96,
        256, 384, 384 and 256 numbers. In cell order, nothing turned.
    `.uns['inpainting' | key_added]` : :class:`dict`
        As :func:`train_vae` writes, and `'left_out'`, a :class:`pandas.DataFrame` of the images with fewer than `min_cells` cells (`image`,
        `n_cells`); `params` have `n_excluded`, the cells that `exclude` names.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If crops, a channel or a column are missing.
    OSError
        If pixels cannot be read, as those of a damaged file.
    PermissionError
        If `checkpoint_dir` cannot be written to.
    TypeError
        If an option has the wrong type.
    ValueError
        If there is one channel only, markers and proteins overlap, no image has two cells, the size of the crops is not divisible by
        four, `validation` splits images, and as in :func:`train_vae`.
    FloatingPointError
        If the loss is no longer finite; the last good checkpoint stays.

    Warns
    -----
    UserWarning
        If images are left out because they have fewer than `min_cells` cells.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_cells(n_obs=60)
    >>> adata.obs["image"] = adata.obs["class"]
    >>> model = cr.tl.train_inpainting(
    ...     adata, markers="membrane", proteins="protein", image_key="image", width=0.1, max_epochs=1
    ... )
    >>> adata.obsm["X_inpainting_conv3"].shape
    (60, 38)
    """
    owners = find_owners(data, "stain", mod)
    target = owners.target
    _validate.choice("model", model, SPATIAL_MODELS)
    _validate.choice("pooling", pooling, ("max", "mean"))
    _validate.choice("augment", augment, AUGMENTS)
    _validate.integer("min_cells", min_cells, minimum=2)
    _validate.integer("candidates", candidates, minimum=1)
    if candidates > 1 and model == "autoencoder":
        raise ValueError(f"candidates={candidates}, but an autoencoder has no targets to choose. Leave candidates out.")
    named = _channels(owners.adatas["stain"], markers, proteins)
    options = _model_options(model_options, model)
    images = image_codes(data, target, image_key, min_cells=min_cells, exclude=exclude, hint="Set min_cells lower. ")
    run = plan_run(
        data,
        target,
        defaults=PUBLISHED,
        given={
            "max_epochs": max_epochs,
            "batch_size": batch_size,
            "lr": lr,
            "weight_decay": weight_decay,
            "lr_schedule": lr_schedule,
        },
        validation=validation,
        patience=patience,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        hardware=Hardware(
            accelerator, devices, num_nodes, strategy, precision, _validate.options("trainer_options", trainer_options)
        ),
        key_added=key_added,
        rng=rng,
        progress=progress,
        images=images.codes,
    )
    if images.few:
        warn(
            f"{len(images.few)} images have fewer than min_cells={min_cells} cells and are left out: "
            f"{_validate.listing(f'{name} ({n})' for name, n in images.few.items())}."
        )

    channels = [*named["proteins"], *named["markers"]]
    how: dict[str, Any] = {"augment": augment, "hide_neighbours": bool(hide_neighbours)}
    view = build_view(owners, size=size, channels={"stain": channels}, options=how)
    shown = cast("CropInput", view.inputs["stain"])
    inputs = {
        "stain": InputSpec(shown.channels, shown.size, "intensity", intensity_of(owners.adatas["stain"], channels))
    }
    if model == "paired_inpainting":
        options |= named
        how |= {"image_key": image_key}
    spec = SPATIAL_MODELS[model](inputs, width=width, **options, view={"name": "identity", **how})
    layers = check_layers("layer", layer, spec.network.layers)
    if model == "paired_inpainting":
        pictures = None
        if candidates > 1:
            compared = build_view(
                owners, size=size, channels={"stain": named["markers"]}, options=how | {"augment": "none"}
            )
            pictures = marker_pictures(compared, progress=progress)
        view = PairedView(
            shown,
            images=images.codes,
            **named,
            augment=augment,
            candidates=candidates,
            pictures=pictures,
            names=view.names,
        )
    data_hash = fingerprint(owners, view)
    keys = KEYS[model] if key_added is None else (key_added, key_added)
    params = {
        "use_rep": keys[0], "image_key": image_key, **named, "min_cells": min_cells, "exclude": exclude, "candidates": candidates,
        "pooling": pooling, "n_excluded": images.n_excluded,
    }  # fmt: skip
    trained = train(run, spec, view, fingerprint=data_hash, params=params)
    write_model(
        target,
        trained,
        view_of_model(owners, trained, decoding=False),
        keys=keys,
        layers=layers,
        pooling=pooling,
        fingerprint=data_hash,
        device="cpu" if accelerator == "cpu" else "auto",
        progress=progress,
        entries={"left_out": pd.DataFrame({"image": list(images.few), "n_cells": list(images.few.values())})},
    )
    return trained


def _channels(adata: AnnData, markers: Any, proteins: Any) -> dict[str, list[str]]:
    """Return markers and proteins as lists, checked against the crops and each other."""
    known = list(crop_reader(adata).channels)
    if len(known) == 1:
        raise ValueError(
            f"The crops have one channel, {known[0]!r}. Paired cell inpainting draws a protein from markers of the same cell, so it needs "
            "at least two. Register crops of an image with both, or train cr.tl.train_vae."
        )
    named = {"markers": markers, "proteins": proteins}
    for option, value in named.items():
        names = names_of(option, value)
        if not names:
            raise ValueError(f"{option} must name at least one channel, got {value!r}.")
        for name in names:
            _validate.has_key(known, name, where="the channels of the crops", hint=f"Name {option} among them.")
        named[option] = names
    both = set(named["markers"]) & set(named["proteins"])
    if both:
        raise ValueError(
            f"{_validate.listing(sorted(both))} is among markers and proteins: the network would be shown what it is to draw. Name each channel "
            "in one of them."
        )
    return named


def _model_options(given: Any, model: str) -> dict[str, Any]:
    options = _validate.options("model_options", given)
    known = ["widths", "decoder_widths", *(["marker_widths"] if model == "paired_inpainting" else [])]
    for name in options:
        _validate.choice("model_options", name, known)
    return options
