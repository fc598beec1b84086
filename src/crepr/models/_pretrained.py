"""Networks of timm, up to one of their layers."""

from __future__ import annotations

import difflib
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors import SafetensorError
from torch import nn
from torch.nn.functional import interpolate

from crepr import _validate
from crepr._optional import optional

if TYPE_CHECKING:
    from torch import Tensor

    from crepr._types import PathLike

type Pooling = Literal["max", "mean"]

EXTRA = "pretrained"
RANDOM = "random"


class Pretrained(nn.Module):
    """A network of timm whose maps at one layer are pooled over space.

    Parameters
    ----------
    name
        As timm has it.
    crop
        Pixels per side of the crops.
    size
        Pixels per side that crops are resized to; those of the crops if left out, or those that the network is made for where
        it takes no others.
    layer
        Name of a module; the last map before the network's own pooling if left out.
    pooling
        Over space.
    weights
        `None` for those that timm knows, a file of them, or `'random'`.
    seed
        Of random weights.

    Attributes
    ----------
    size
        Pixels per side that the network sees.
    n_features
        Length of what it returns.
    source
        Where the weights are from.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        *,
        crop: int,
        size: int | None = None,
        layer: str | None = None,
        pooling: Pooling = "max",
        weights: PathLike | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        timm = optional("timm", extra=EXTRA)
        file = None if weights is None or weights == RANDOM else Path(weights)
        _check_name(timm, name)
        if file is not None and not file.is_file():
            raise FileNotFoundError(
                f"weights={str(weights)!r} is no file. Give one of .safetensors or .pth, 'random', or leave it out to download them."
            )
        self.network = _build(timm, name, pretrained=weights is None, seed=seed)
        self.name, self.layer, self.pooling = name, layer, pooling
        config = optional("timm.data", extra=EXTRA).resolve_model_data_config(self.network)
        known: dict[str, Any] = self.network.pretrained_cfg
        native = int(config["input_size"][-1])
        if size is not None and size != native and known.get("fixed_input_size"):
            raise ValueError(f"size={size}, but {name!r} sees {native} x {native} pixels only. Leave size out.")
        self.size = size or (native if known.get("fixed_input_size") else crop)
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(config[key]).view(-1, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()
        if layer is not None:
            self._find(layer).register_forward_hook(self._stop)
        self.n_features, ran = self._try(native)
        self.source = str(file or (RANDOM if weights == RANDOM else _origin(known)))
        if file is not None:
            self._load(file, ran)

    def forward(self, images: Tensor) -> Tensor:
        """Turn pictures of `(B, 3, y, x)` in 0..1 into features, `(B, n_features)`."""
        if images.shape[-1] != self.size:
            images = interpolate(images, size=(self.size, self.size), mode="bilinear", antialias=True)
        images = (images - self.mean) / self.std
        if self.layer is None:
            return self._pool(self.network.forward_features(images))
        try:
            self.network(images)
        except _Reached as reached:
            return reached.features
        raise ValueError(f"layer={self.layer!r} of {self.name!r} takes no part in its prediction. Name another.")

    def _stop(self, module: nn.Module, given: Any, maps: Any) -> None:
        # pooled at once: the next layer may change the map in place; what follows is not needed
        raise _Reached(self._pool(maps))

    def _pool(self, maps: Any) -> Tensor:
        if not isinstance(maps, torch.Tensor) or not 2 <= maps.ndim <= 4:
            shape = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps).__name__
            raise ValueError(f"layer={self.layer!r} of {self.name!r} gives no map but {shape}. Name another.")
        if maps.ndim == 2:
            return maps
        if maps.ndim == 4:
            last = str(getattr(self.network, "output_fmt", "")).endswith("NHWC")
            flat = maps.flatten(1, 2) if last else maps.flatten(2).transpose(1, 2)
        else:
            # tokens of classes have no place
            flat = maps[:, getattr(self.network, "num_prefix_tokens", 0) :]
        return flat.amax(1) if self.pooling == "max" else flat.mean(1)

    def _find(self, layer: str) -> nn.Module:
        modules = dict(self.network.named_modules())
        if layer not in modules or not layer:
            near = difflib.get_close_matches(layer, modules, n=5)
            outer = [name for name in modules if name and name.count(".") <= 1]
            raise ValueError(
                f"layer must be the name of a module of {self.name!r}, got {layer!r}. "
                + (f"Near are {_validate.listing(near)}. " if near else "")
                + f"There are {_validate.listing(outer, limit=60)}, and what is in them."
            )
        return modules[layer]

    def _try(self, native: int) -> tuple[int, set[str]]:
        """Return the number of features, and which modules are needed for them, before a pixel is read."""
        ran: set[str] = {""}

        def tell(name: str) -> Any:
            return lambda *_: ran.add(name)

        handles = [module.register_forward_pre_hook(tell(name)) for name, module in self.network.named_modules()]
        try:
            with torch.inference_mode():
                return self(torch.zeros(1, 3, self.size, self.size)).shape[1], ran
        except (RuntimeError, IndexError, AssertionError) as error:
            raise ValueError(
                f"{self.name!r} cannot take images of {self.size} x {self.size} pixels ({error}). Set size, for example to {native}."
            ) from error
        finally:
            for handle in handles:
                handle.remove()

    def _load(self, file: Path, ran: set[str]) -> None:
        """Load weights from a file; those of layers that are not needed may be missing, or of another kind."""
        models = optional("timm.models", extra=EXTRA)
        own = self.network.state_dict()
        try:
            state = models.load_state_dict(str(file), device="cpu", weights_only=True)
            needed = {name for name in own if name.rpartition(".")[0] in ran}
            wrong = [name for name in needed if name not in state or state[name].shape != own[name].shape]
        except (
            RuntimeError,
            OSError,
            ValueError,
            TypeError,
            AttributeError,
            EOFError,
            UnpicklingError,
            SafetensorError,
        ) as error:
            raise ValueError(f"weights={str(file)!r} holds no weights that can be read ({error}).") from error
        if wrong:
            raise ValueError(
                f"weights={str(file)!r} are not those of {self.name!r}: {len(wrong)} of {len(needed)} are missing or of another shape "
                f"({_validate.listing(sorted(wrong), limit=5)}). Name the network that they are of."
            )
        self.network.load_state_dict({name: state[name] for name in needed}, strict=False)


class _Reached(Exception):
    """The layer has spoken."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features


def _check_name(timm: Any, name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"model_name must be a str, got {name!r}.")
    # of a hub, of a folder
    base = name.partition(".")[0]
    if ":" not in name and not timm.is_model(base):
        near = difflib.get_close_matches(base, timm.list_models(), n=5)
        raise ValueError(
            f"model_name={name!r} is no network of timm {timm.__version__} (near are {_validate.listing(near)}). See timm.list_models()."
        )


def _build(timm: Any, name: str, *, pretrained: bool, seed: int) -> Any:
    try:
        # on the CPU, without the last layer, and without a trace in the session's random numbers
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(seed)
            return timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise RuntimeError(
            f"The weights of {name!r} could not be downloaded ({error}). Check the connection, or set weights to a file of them; "
            "weights='random' leaves the network untrained."
        ) from error


def _origin(known: dict[str, Any]) -> str:
    return str(known.get("hf_hub_id") or known.get("url") or known.get("file") or known.get("architecture"))
