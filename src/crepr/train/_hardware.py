"""On what to train."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
#: Weights stay in float32 in all of them: steps of a small learning rate are lost in the rounding of 16 bits, and
#: losses and latents are made in float32 whatever the network, so that 64 bits would only cost time.
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
SHORT = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
#: What of Lightning's `Trainer` may be set beside; others would take apart epochs, history or checkpoints.
OPTIONS = (
    "accumulate_grad_batches",
    "benchmark",
    "callbacks",
    "default_root_dir",
    "detect_anomaly",
    "deterministic",
    "gradient_clip_algorithm",
    "gradient_clip_val",
    "log_every_n_steps",
    "logger",
    "plugins",
    "profiler",
    "sync_batchnorm",
)
ARGUMENTS = ("accelerator", "devices", "num_nodes", "strategy", "precision", "max_epochs")


@dataclass(frozen=True)
class Hardware:
    """What Lightning's `Trainer` is told of the machine."""

    accelerator: str = "auto"
    devices: int | str | list[int] = 1
    num_nodes: int = 1
    strategy: Any = "auto"
    precision: Any = "32-true"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "precision", SHORT.get(str(self.precision), self.precision))

    def check(self) -> None:
        """Raise if this machine does not have it, or `options` name what is not theirs."""
        _validate.choice("accelerator", self.accelerator, ACCELERATORS)
        _validate.choice("precision", self.precision, PRECISIONS)
        _validate.integer("num_nodes", self.num_nodes, minimum=1)
        for name in self.options:
            if name in ARGUMENTS:
                raise ValueError(
                    f"trainer_options holds {name!r}, which is an argument of its own. Set {name}={self.options[name]!r}."
                )
            _validate.choice("trainer_options", name, OPTIONS)
        if self.accelerator != "cpu":
            self._check_accelerator()
        self._check_devices()

    def plain_options(self) -> dict[str, Any]:
        """Return the options that can be written down: two runs that differ in one are two runs."""
        plain = bool | int | float | str | None
        return {name: value for name, value in self.options.items() if isinstance(value, plain)}

    def _check_accelerator(self) -> None:
        mps = torch.backends.mps.is_available()
        missing = {
            "cuda": not torch.cuda.is_available(),
            "mps": not mps,
            "gpu": not (torch.cuda.is_available() or mps),
        }
        if missing.get(self.accelerator):
            what = "MPS" if self.accelerator == "mps" else "CUDA"
            raise ValueError(
                f"accelerator={self.accelerator!r}, but torch {torch.__version__} sees no {what} device. "
                f"Set accelerator='auto' or 'cpu', or install a build of torch for {what} and a driver for it."
            )

    def _check_devices(self) -> None:
        devices = _numbers(self.devices)
        if devices == "auto":
            return
        n = 0
        if self.accelerator != "cpu":
            n = torch.cuda.device_count() or int(torch.backends.mps.is_available())
        if isinstance(devices, list | tuple):
            fits = 0 < len(set(devices)) == len(devices) and all(i in range(n) for i in devices)
        else:
            number = isinstance(devices, int) and not isinstance(devices, bool)
            fits = number and (devices in (-1, *range(1, n + 1)) if n else int(devices) >= 1)
        if not fits:
            choices = (
                f"number of GPUs, 1 to {n}, -1 for all, or a list of their numbers, from 0 to {n - 1}"
                if n
                else "number of processes, at least 1, where training is on the CPU"
            )
            raise ValueError(f"devices must be 'auto' or a {choices}; got {self.devices!r}.")


def _numbers(devices: Any) -> Any:
    """Read a text as Lightning does: '4' is a number of devices, '0,1' a list of them."""
    if not isinstance(devices, str) or not re.fullmatch(r"-?\d+(,\d+)*,?", devices):
        return devices
    return [int(part) for part in devices.split(",") if part] if "," in devices else int(devices)
