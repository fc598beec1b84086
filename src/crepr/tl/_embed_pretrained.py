from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr.tl._cell_columns import names_of
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from crepr._types import Data, PathLike, Seed


def embed_pretrained(
    data: Data,
    model_name: str,
    *,
    layer: str | None = None,
    channels: Sequence[str] | None = None,
    rgb: Sequence[str] | None = None,
    pooling: Literal["max", "mean"] = "max",
    size: int | None = None,
    weights: PathLike | None = None,
    hide_neighbours: bool = False,
    mod: str | None = None,
    key_added: str | None = None,
    batch_size: int = 64,
    device: str | torch.device = "auto",
    rng: Seed = 0,
    progress: bool = True,
    copy: bool = False,
) -> Data | None:
    """Embed cells with a network that was trained on other pictures: what do features made for photographs tell of cells?

    A yardstick that needs no training: a representation learned from the cells themselves should tell more. Any network of timm
    :cite:p:`Wightman2019` will do. Crops are scaled to 0..1 as everywhere in crepr, then by the mean and the standard deviation that the
    network was trained with, and the maps of a layer are pooled over space.

    Networks see three colours. By default each channel is shown as grey, one after the other, and the features of all are put side by
    side; `rgb` shows three channels at once.

    The baseline of :cite:t:`Lu2019` is VGG16 :cite:p:`Simonyan2015` on the protein's channel in crops of 64 pixels, with the 512 largest values of the first
    convolution of its fourth block, after its ReLU: `embed_pretrained(data, "vgg16", layer="features.18", channels=["GFP"])`. The
    weights in timm are those of torchvision; the paper's were those of Keras, so that numbers differ a little.

    Parameters
    ----------
    data
        Annotated data with crops registered by :func:`crepr.pp.crops`.
    model_name
        Name of a network as timm has it, such as `'vgg16'` or `'resnet18'`, with a tag where there are several sets of weights
        (`'resnet18.a1_in1k'`); see `timm.list_models()`.
    layer
        Name of a module of the network whose output is taken, such as `'layer3'`; by default the last map before the network's own
        pooling. Early layers see edges, late ones objects; for cells one in the middle does best.
    channels
        Channels that are shown one by one; those in use by default.
    rgb
        Three channels that are shown at once, as red, green and blue, instead.
    pooling
        The largest value of a feature in the picture, or its mean.
    size
        Pixels per side that crops are resized to. By default they are shown as they are, or resized where a network takes one size only,
        as vision transformers do.
    weights
        By default those that timm knows for this name, downloaded at the first call and kept. A file of weights
        (`.safetensors`, or `.pth`, which is read without running code), or `'random'` for a network that was never trained, as a control.
    hide_neighbours
        Black out the pixels of other cells; needs :func:`crepr.pp.masks`.
    mod
        Modality of a MuData with the crops; the only one with crops by default.
    key_added
        Key in `.obsm` and `.uns`; `'X_'` and the name of the network by default.
    batch_size
        Cells per batch.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    rng
        Source of random weights.
    progress
        Show a bar.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the crops:

    `.obsm['X_<model_name>' | key_added]` : :class:`numpy.ndarray`, `(n_obs, n_features)`, float32
        Features, those of the first channel first.
    `.uns['X_<model_name>' | key_added]` : :class:`dict`
        `features`: names of the columns, `'CHANNEL:0'`, `'CHANNEL:1'`, ... or `'rgb:0'`, ...; `params`: the options used, with the `size` that
        the network saw and the `source` of its weights.

    Raises
    ------
    KeyError
        If no crops are registered.
    ModuleNotFoundError
        If timm is not installed; it comes with the extra `pretrained`.
    FileNotFoundError
        If there is no file at `weights`, or an image is gone.
    OSError
        If pixels cannot be read, as those of a damaged file.
    RuntimeError
        If weights cannot be downloaded.
    TypeError
        If an option has the wrong type.
    ValueError
        If there is no such network, layer, channel or device, the network cannot take crops of that size, the file holds no weights
        of this network, pixels are not finite, or there is something at `key_added` that this function did not write.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.embed_pretrained(mdata, "test_resnet", weights="random")
    >>> mdata["stain"].obsm["X_test_resnet"].shape
    (300, 192)
    """
    import torch

    from crepr.models._pretrained import Pretrained
    from crepr.stats._pick_device import pick_device
    from crepr.tl._view import build_view, find_owners
    from crepr.train._batches import Batches

    shown = _chosen(channels, rgb)
    _validate.choice("pooling", pooling, ("max", "mean"))
    if size is not None:
        _validate.integer("size", size, minimum=1, other=" or None")
    _validate.integer("batch_size", batch_size, minimum=1)
    seed = _validate.seed("rng", rng)
    where = pick_device(device)
    data = _access.copied(data) if copy else data
    owners = find_owners(data, "stain", mod)
    key = _keys.pretrained(str(model_name)) if key_added is None else key_added
    claim_key(owners.target, "embed_pretrained", key, obsm=True)
    _validate.some_cells(owners.target.obs_names)
    options = {"augment": "none", "hide_neighbours": hide_neighbours}
    view = build_view(owners, options=options, channels=None if shown is None else {"stain": shown})
    crops = view.inputs["stain"]
    network = Pretrained(
        model_name, crop=crops.size, size=size, layer=layer, pooling=pooling, weights=weights, seed=seed
    ).to(where)
    names = list(crops.channels)
    groups = {"rgb": list(range(3))} if rgb is not None else {name: [i] * 3 for i, name in enumerate(names)}

    features = np.empty((owners.target.n_obs, len(groups) * network.n_features), np.float32)
    batches = Batches(view, view.order(np.arange(len(features))), batch_size=batch_size, device=where)
    with torch.inference_mode():
        for batch in tqdm(batches, desc=f"embed with {model_name}", unit="batch", disable=not progress):
            pixels, cells = batch["inputs"]["stain"], batch["cells"]
            for place, planes in enumerate(groups.values()):
                columns = slice(place * network.n_features, (place + 1) * network.n_features)
                features[cells, columns] = network(pixels[:, planes]).cpu().numpy()
            _validate.finite(
                f"What {model_name!r} makes of the crops", features[cells], cells=owners.target.obs_names[cells]
            )

    write(
        owners.target,
        "embed_pretrained",
        key,
        params={
            "model_name": model_name,
            "layer": layer,
            "channels": names,
            "rgb": rgb is not None,
            "pooling": pooling,
            "size": network.size,
            "source": network.source,
            "hide_neighbours": hide_neighbours,
            "seed": seed,
        },
        features=[f"{name}:{i}" for name in groups for i in range(network.n_features)],
    )
    owners.target.obsm[key] = features
    return data if copy else None


def _chosen(channels: Sequence[str] | None, rgb: Sequence[str] | None) -> list[str] | None:
    """Return the channels to read, those in use for `None`."""
    if rgb is None:
        names = None if channels is None else names_of("channels", channels)
        if names == []:
            raise ValueError("channels must name at least one channel, got none. Leave it out for all.")
        return names
    if channels is not None:
        raise ValueError(f"channels={channels!r} are shown one by one and rgb={rgb!r} at once. Give one of them.")
    if isinstance(rgb, str) or len(rgb) != 3:
        raise ValueError(f"rgb must name three channels, got {rgb!r}.")
    return list(rgb)
