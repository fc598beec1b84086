"""Stain crops, read by reference and scaled on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from crepr.train._device_crops import DeviceCrops, room_for_images
from crepr.train._intensity import scale_intensity
from crepr.train._pose import Pose, turn_crops

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.images._crop_reader import CropReader


class CropInput:
    """Crops of cells, scaled to 0..1 and turned on the device.

    Images that fit on a GPU stay there, and crops are cut there; else crops are read on the CPU, batch by batch.

    Parameters
    ----------
    reader
        Reads the windows.
    limits
        Intensities that become 0 and 1: `(low, high)`, each `(c,)` for all cells or `(n, c)` for each cell;
        `None` takes the minimum and maximum of each crop.
    masks, labels
        Reader of the label images in the same windows, and the cells' own labels, `(n,)`: pixels of other cells
        are then zero.
    """

    def __init__(
        self,
        reader: CropReader,
        limits: tuple[np.ndarray, np.ndarray] | None,
        *,
        masks: CropReader | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        self.reader, self.limits, self.masks, self.labels = reader, limits, masks, labels
        self.channels, self.size = tuple(reader.channels), reader.size
        self.on_device: DeviceCrops | None = None

    def prepare(self, device: torch.device, *, margin: int) -> None:
        """Take the images to the device if they fit there, or leave it."""
        if self.on_device is None or self.on_device.device != device:
            room = room_for_images(device)
            images = self.reader.images(most=room, margin=margin) if room else None
            self.on_device = None if images is None else DeviceCrops(self.reader, images, device=device)

    def read(self, cells: np.ndarray, *, margin: int = 0) -> dict[str, Tensor]:
        """Read the windows, in the data type of the image, and the limits of these cells."""
        crops = self.reader if self.on_device is None else self.on_device
        raw = {"crops": torch.as_tensor(crops.read(cells, margin=margin))}
        if self.limits is not None:
            low, high = (np.asarray(limit, np.float32) for limit in self.limits)
            raw |= {"low": torch.from_numpy(low if low.ndim == 1 else low[cells])}
            raw |= {"high": torch.from_numpy(high if high.ndim == 1 else high[cells])}
        if self.masks is not None and self.labels is not None:
            labels = self.masks.read(cells, margin=margin)
            own = self.labels[cells].astype(labels.dtype)[:, None, None, None]
            raw["visible"] = torch.from_numpy((labels == own) | (labels == 0))
        return raw

    def assemble(self, raw: dict[str, Tensor], *, pose: Pose | None, device: torch.device) -> dict[str, Tensor]:
        """Scale, hide the neighbours and turn: `{"planes": (B, c, size, size)}` in 0..1."""
        moved = {name: values.to(device, non_blocking=True) for name, values in raw.items()}
        crops = moved["crops"].float()
        if self.limits is None:
            # of the window alone: what is read around it depends on what is done to the cell
            margin = (crops.shape[-1] - self.size) // 2
            window = crops[..., margin : margin + self.size, margin : margin + self.size]
            crops = scale_intensity(crops, window.amin((2, 3)), window.amax((2, 3)))
        else:
            crops = scale_intensity(crops, moved["low"], moved["high"])
        if "visible" in moved:
            crops = crops * moved["visible"]
        return {"planes": crops if pose is None else turn_crops(crops, pose, size=self.size)}
