from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _access
from crepr.tl._run import write_latents
from crepr.tl._view import find_owners, view_of_model

if TYPE_CHECKING:
    import torch

    from crepr._types import Data
    from crepr.train._trained_model import TrainedModel


def embed(
    data: Data,
    model: TrainedModel,
    *,
    key_added: str | None = None,
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
    key_added
        Key in `.obsm`; `'X_vae'` by default.
    logvar
        Also write the posterior log-variances.
    batch_size
        Cells per batch.
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

    `.obsm['X_vae' | key_added]` : :class:`numpy.ndarray`, `(n_obs, n_latent)`, float32
        Posterior means, in cell order.
    `.obsm['X_vae_logvar' | f'{key_added}_logvar']` : :class:`numpy.ndarray`
        Posterior log-variances, if `logvar=True`.

    Raises
    ------
    KeyError
        If crops, transcripts or limits that the model needs are not registered.
    ValueError
        If a channel or gene of the model is missing in `data`; it is named.

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
    data = data.copy() if copy else data
    owners = find_owners(data, list(model.spec.inputs))
    view = view_of_model(owners, model)
    write_latents(
        owners.target,
        model,
        view,
        key_added=key_added,
        logvar=logvar,
        device=device,
        batch_size=batch_size,
        progress=progress,
    )
    return data if copy else None
