from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access, _keys, _validate
from crepr.stats._pick_device import pick_device
from crepr.tl._check_model import check_layers, check_model
from crepr.tl._run import check_key, check_logvar, write_representation
from crepr.tl._view import find_owners, view_of_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data
    from crepr.models._spatial_network import Pooling
    from crepr.tl._view import Inputs
    from crepr.train._trained_model import TrainedModel


def embed(
    data: Data,
    model: TrainedModel,
    *,
    mod: str | Sequence[str] | None = None,
    key_added: str | None = None,
    inputs: Inputs | None = None,
    layer: str | Sequence[str] | None = None,
    pooling: Pooling | None = None,
    logvar: bool = False,
    batch_size: int = 256,
    device: str | torch.device = "auto",
    progress: bool = True,
    copy: bool = False,
) -> Data | None:
    """Embed cells with a model that is trained: what are the latents of these new cells?

    The cells may be others than those trained on, of other images, with the same channels and genes. Intensities are
    scaled as in training: by the limits of the training data if those were of the whole data set, else by the cells'
    own. Nothing is turned; the latents are posterior means.

    Parameters
    ----------
    data
        Annotated data with crops or transcripts registered, as the model's inputs need.
    model
        From :func:`crepr.tl.train_vae` or :func:`crepr.load_model`.
    mod
        Modality or modalities of a MuData that the inputs, and the crops around which transcripts are drawn, are taken
        from; all by default.
    key_added
        Key in `.obsm`; by default the one of the training, such as `'X_vae'` or `'X_mevae'`.
    inputs
        For models of corrected cells: each encoder sees the cell with its own correction left undone (`'own'`), or fully
        corrected (`'corrected'`); by default as in training.
    layer
        For models of layers (:func:`crepr.tl.train_inpainting`): one or several of them, such as `'conv3'`; all by default.
    pooling
        How layers are pooled over space, `'max'` or `'mean'`; by default as in training.
    logvar
        Also write the posterior log-variances.
    batch_size
        Cells per batch; fewer where their planes would take more than 256 MB.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    progress
        Show a bar.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the modality that the inputs come from or in the MuData if they come
    from several:

    `.obsm['X_vae' | 'X_mevae' | key_added]` : :class:`numpy.ndarray`, `(n_obs, n_latent)`, float32
        Posterior means, in cell order.
    `.obsm['X_inpainting_conv1' | f'{key_added}_conv1']`, ... : :class:`numpy.ndarray`, `(n_obs, n_channels)`, float32
        Of a model of layers, each layer instead.
    `.obsm['X_vae_logvar' | f'{key_added}_logvar']` : :class:`numpy.ndarray`
        Posterior log-variances, if `logvar=True`.

    Raises
    ------
    FileNotFoundError
        If an image or the table of molecules is gone; says how to name its new place.
    KeyError
        If crops, transcripts or limits that the model needs are not registered.
    OSError
        If pixels cannot be read, as those of a damaged file.
    TypeError
        If `model` is no trained model, or an option has the wrong type.
    ValueError
        If the model has no such layer, a channel or gene of the model, or the kind of window that it saw, is missing in `data`, several modalities hold
        an input, pixels are not finite, `key_added` is a key that crepr reads, or there is no such device.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> other = cr.datasets.synthetic_tissue(n_obs=300, rng=1)
    >>> cr.tl.embed(other, model)
    >>> other["stain"].obsm["X_vae"].shape
    (300, 50)
    """
    _access.is_mudata(data)
    check_model(model)
    check_key(key_added)
    check_logvar(model.spec, logvar)
    layers, pooling = _layers(model, layer, pooling)
    _validate.integer("batch_size", batch_size, minimum=1)
    device = pick_device(device)
    data = _access.copied(data) if copy else data
    owners = find_owners(data, list(model.spec.inputs), mod)
    view = view_of_model(owners, model, inputs=inputs, decoding=False)
    write_representation(
        owners.target,
        model,
        view,
        key=key_added or model.params.get("use_rep", _keys.X_VAE),
        logvar=logvar,
        layers=layers,
        pooling=pooling,
        device=device,
        batch_size=batch_size,
        progress=progress,
    )
    return data if copy else None


def _layers(
    model: TrainedModel, layer: str | Sequence[str] | None, pooling: Pooling | None
) -> tuple[list[str], Pooling]:
    """Return the layers asked for, and how they are pooled."""
    known = model.spec.network.layers
    for option, value in {"layer": layer, "pooling": pooling}.items():
        if value is not None and not known:
            raise ValueError(
                f"{option}={value!r} is for models of layers, and a model {model.spec.model!r} has a latent. Leave {option} out."
            )
    names = check_layers("layer", layer, known)
    chosen = model.params.get("pooling", "max") if pooling is None else pooling
    return names, _validate.choice("pooling", chosen, ("max", "mean"))
