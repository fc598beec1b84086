"""A trained model: in memory, on disk, on new cells."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from crepr import _validate
from crepr._atomic import atomic
from crepr._progress import tqdm
from crepr._reading import reading
from crepr._version import __version__
from crepr.models._spatial_network import SpatialNetworkSpec
from crepr.models._spec import ModelSpec
from crepr.stats._pick_device import pick_device
from crepr.train._batches import Batches
from crepr.train._check_inputs import check_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import PathLike
    from crepr.models._network import Network, NetworkSpec
    from crepr.models._spatial_network import Pooling, SpatialNetwork
    from crepr.train._view import View

#: Version of the folder that `save` writes.
FORMAT = 1
# of the inputs of a batch that is not trained on, 256 MB
BATCH_VALUES = 1 << 26
SPEC, WEIGHTS, HISTORY = "spec.json", "weights.safetensors", "history.parquet"


class TrainedModel:
    """A network with what it takes to use it: its spec, its history.

    Returned by :func:`crepr.tl.train_vae` and its like and by :func:`crepr.load_model`; given to :func:`crepr.tl.embed` and
    :func:`crepr.tl.reconstruct`.

    Attributes
    ----------
    spec
        Inputs, view, network and objective, as plain data.
    network
        The :class:`torch.nn.Module`, on the CPU, in evaluation mode.
    history
        Mean of the loss and of each term, a row per epoch.
    params
        Options of the training.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: Network | SpatialNetwork,
        *,
        history: pd.DataFrame | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.spec, self.network = spec, network.cpu().eval()
        self.history = pd.DataFrame() if history is None else history
        self.params = dict(params or {})

    def __repr__(self) -> str:
        inputs = ", ".join(
            f"{name} ({len(self.channels(name))} {'features' if self.spec.inputs[name].kind == 'profile' else 'channels'})"
            for name in self.spec.inputs
        )
        weights = sum(values.numel() for values in self.network.parameters())
        network = self.spec.network
        spatial = isinstance(network, SpatialNetworkSpec)
        what = f"layers {', '.join(network.layers)}" if spatial else f"{cast('NetworkSpec', network).n_latent} latents"
        return (
            f"TrainedModel {self.spec.model!r}: {inputs} to {what}; {weights:,} parameters, {len(self.history)} epochs"
        )

    def channels(self, name: str) -> tuple[str, ...]:
        """Names of the channels of an input: stains, or genes."""
        _validate.has_key(self.spec.inputs, name, where="model.spec.inputs", hint="Give one of them.")
        return tuple(self.spec.inputs[name].channels)

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the model to a folder: `spec.json`, `weights.safetensors`, `history.parquet`.

        Parameters
        ----------
        path
            The folder; it appears whole or not at all.
        overwrite
            Replace a model that is there.

        Raises
        ------
        FileExistsError
            If the folder exists and `overwrite` is false, or if it holds anything but a model.
        PermissionError
            If it cannot be written to.
        """
        path = Path(path)
        if path.exists():
            strange = (
                [item.name for item in path.iterdir() if item.name not in (SPEC, WEIGHTS, HISTORY)]
                if path.is_dir()
                else [path.name]
            )
            if strange or not overwrite:
                what = (
                    f"holds {_validate.listing(strange, limit=3)}, which no model does; give another path"
                    if strange
                    else "exists; set overwrite=True to replace it"
                )
                raise FileExistsError(f"path={str(path)!r} {what}.")
        _validate.writable_folder("path", path.absolute().parent)
        weights = {name: values.contiguous() for name, values in self.network.state_dict().items()}
        with atomic("path", path, nbytes=sum(values.nbytes for values in weights.values())) as partial:
            partial.mkdir()
            save_file(weights, partial / WEIGHTS)
            self.history.to_parquet(partial / HISTORY)
            header = {
                "format": FORMAT,
                "crepr_version": __version__,
                "params": self.params,
                "spec": json.loads(self.spec.to_json()),
            }
            header["sha256"] = _digests(partial, header)
            (partial / SPEC).write_text(json.dumps(header, indent=1))

    def encode(
        self,
        view: View,
        *,
        cells: np.ndarray | None = None,
        batch_size: int = 256,
        device: str | torch.device = "auto",
        progress: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return posterior means and log-variances, each `(n, n_latent)` float32: in cell order, nothing turned."""
        cells = np.arange(view.n_obs) if cells is None else cells
        where = pick_device(device)
        order = view.order(cells)
        batches = Batches(view, cells[order], batch_size=self._fitting(batch_size), device=where)
        network = cast("Network", self.network.to(where).eval())
        means, logvars = (np.empty((len(cells), network.spec.n_latent), np.float32) for _ in range(2))
        stop = 0
        try:
            with torch.inference_mode():
                for batch in tqdm(batches, desc="embedding", unit="batch", disable=not progress):
                    mean, logvar = network.encode(batch["inputs"])
                    start, stop = stop, stop + len(mean)
                    here = order[start:stop]
                    means[here], logvars[here] = mean.float().cpu().numpy(), logvar.float().cpu().numpy()
                    if not np.isfinite(means[here]).all():
                        check_inputs(batch, view.names)
        finally:
            self.network.cpu()
        return means, logvars

    def features(
        self,
        view: View,
        *,
        layers: Sequence[str],
        pooling: Pooling = "max",
        batch_size: int = 256,
        device: str | torch.device = "auto",
        progress: bool = True,
    ) -> dict[str, np.ndarray]:
        """Return what these layers say of all cells, `(n, n_channels)` float32 by layer: in cell order, nothing turned."""
        where = pick_device(device)
        cells = np.arange(view.n_obs)
        batches = Batches(view, cells[view.order(cells)], batch_size=self._fitting(batch_size), device=where)
        network = cast("SpatialNetwork", self.network.to(where).eval())
        found: dict[str, np.ndarray] = {}
        try:
            with torch.inference_mode():
                for batch in tqdm(batches, desc="embedding", unit="batch", disable=not progress):
                    for layer, values in network.features(batch["inputs"], layers, pooling=pooling).items():
                        if layer not in found:
                            found[layer] = np.empty((view.n_obs, values.shape[1]), np.float32)
                        found[layer][batch["cells"]] = values.cpu().numpy()
                        if not np.isfinite(found[layer][batch["cells"]]).all():
                            check_inputs(batch, view.names)
        finally:
            self.network.cpu()
        return found

    def reconstruct(
        self, view: View, *, cells: np.ndarray, batch_size: int = 256, device: str | torch.device = "auto"
    ) -> dict[str, dict[str, np.ndarray]]:
        """Return inputs, targets and what is decoded from their latent means, arrays `(n, c, size, size)` in 0..1, or `(n, d)`, by name."""
        where = pick_device(device)
        network = self.network.to(where).eval()
        shown = {"inputs": self.spec.seen(), "targets": self.spec.drawn(), "outputs": self.spec.drawn()}
        parts: dict[str, dict[str, list[np.ndarray]]] = {
            side: {name: [np.empty((0, *item.shape), np.float32)] for name, item in items.items()}
            for side, items in shown.items()
        }
        batches = Batches(view, cells, batch_size=self._fitting(batch_size), device=where) if len(cells) else ()
        try:
            with torch.inference_mode():
                for batch in batches:
                    decoded = network(batch["inputs"], condition=batch.get("condition"), sample=False).outputs
                    for side, planes in {**batch, "outputs": self._shown(decoded)}.items():
                        for name in shown.get(side, ()):
                            parts[side][name].append(planes[name].float().cpu().numpy().copy())
        finally:
            self.network.cpu()
        return {
            side: {name: np.concatenate(arrays) for name, arrays in by_name.items()} for side, by_name in parts.items()
        }

    def decode(
        self, z: np.ndarray, *, condition: np.ndarray | None = None, device: str | torch.device = "auto"
    ) -> dict[str, np.ndarray]:
        """Return what is decoded from latents `(n, n_latent)`, arrays `(n, c, size, size)` in 0..1, or `(n, d)`, by name.

        `condition`, `(k,)` or `(n, k)`, is what the decoders are told of all or of each, if they are told something.
        """
        where = pick_device(device)
        network = cast("Network", self.network.to(where).eval())
        points = torch.as_tensor(z, dtype=torch.float32)
        told = None if condition is None else torch.as_tensor(condition, dtype=torch.float32).expand(len(points), -1)
        parts: dict[str, list[np.ndarray]] = {}
        try:
            with torch.inference_mode():
                for rows in torch.arange(len(points)).split(self._fitting(256)):
                    told_each = None if told is None else told[rows].to(where)
                    for name, values in self._shown(network.decode(points[rows].to(where), told_each)).items():
                        parts.setdefault(name, []).append(values.cpu().numpy())
        finally:
            self.network.cpu()
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}

    def _shown(self, decoded: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return decoders' outputs as values: of pictures in 0..1, of profiles as they are."""
        shown = {}
        for name, values in decoded.items():
            if self.spec.is_probability(name):
                shown[name] = values.sigmoid().float()
            else:
                shown[name] = (values if self.spec.drawn()[name].kind == "profile" else values.clip(0, 1)).float()
        return shown

    def _fitting(self, batch_size: int) -> int:
        """Return fewer cells than asked for where a batch of them, with hundreds of planes each, would fill the memory."""
        pictures = [*self.spec.inputs.values(), *self.spec.seen().values()]
        values = sum(math.prod(shown.shape) for shown in pictures) // 2
        if isinstance(self.spec.network, SpatialNetworkSpec):
            values += self.spec.network.n_values
        return max(1, min(batch_size, BATCH_VALUES // values))


def load_model(path: PathLike) -> TrainedModel:
    """Load a model that `TrainedModel.save` wrote. Nothing is unpickled.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    The trained model, on the CPU.

    Raises
    ------
    FileNotFoundError
        If the folder or a file in it is missing.
    ValueError
        If a file is damaged, was changed after saving, or was written by a newer crepr.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> model.save("vae")
    >>> cr.load_model("vae")
    """
    path = Path(path)
    for name in (SPEC, WEIGHTS, HISTORY):
        if not (path / name).is_file():
            raise FileNotFoundError(f"path={str(path)!r} has no {name!r}; give a folder that model.save wrote.")
    with reading(
        path / SPEC,
        "as the specification of a model",
        then="It is damaged or of no model of crepr. Save the model again.",
    ):
        header = json.loads((path / SPEC).read_text())
        version = header["format"]
        expected, params, spec = dict(header["sha256"]), dict(header["params"]), header["spec"]
    if type(version) is not int or version != FORMAT:
        raise ValueError(
            f"{path / SPEC} has format {version!r}, this crepr {__version__} reads {FORMAT}; it was written by crepr "
            f"{header.get('crepr_version')!r}. Update crepr."
        )
    for part, digest in _digests(path, header).items():
        if digest != expected.get(part):
            raise ValueError(
                f"The {part} of the model in {str(path)!r} was changed or damaged after saving (its SHA-256 differs from the "
                f"one in {SPEC}). Save the model again."
            )
    with reading(path / SPEC, "as the specification of a model", then="Take an undamaged copy, or update crepr."):
        model_spec = ModelSpec.from_json(json.dumps(spec))
        with torch.device("meta"):  # a specification may claim any size; the file has what it has
            network = model_spec.build()
    with reading(
        path / WEIGHTS, "as the weights of the model", then=f"They do not fit the spec in {SPEC}: save the model again."
    ):
        weights = load_file(path / WEIGHTS)
        found, wanted = (
            {name: (values.shape, values.dtype) for name, values in each.items()}
            for each in (weights, network.state_dict())
        )
        if found != wanted:
            other = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
            raise ValueError(f"{_validate.listing(other, limit=3)} are missing, too many or of another shape or type")
        network.load_state_dict(weights, assign=True)
    with reading(path / HISTORY, "as the history of a model", then="It is damaged: save the model again."):
        history = pd.read_parquet(path / HISTORY)
    return TrainedModel(model_spec, network, history=history, params=params)


def _digests(folder: Path, header: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each part of a model: files as they are, JSON however it is laid out."""
    content = {
        "weights": (folder / WEIGHTS).read_bytes(),
        "history": (folder / HISTORY).read_bytes(),
        **{part: json.dumps(header[part], sort_keys=True).encode() for part in ("spec", "params")},
    }
    return {part: hashlib.sha256(data).hexdigest() for part, data in content.items()}
