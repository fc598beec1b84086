"""Crops cut on the device from images that lie there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.images._crop_reader import CropReader

# share of the device's free memory that images may take; the rest is the network's
SHARE = 0.25


def room_for_images(device: torch.device) -> int:
    """Return how many bytes of images may stay on the device; none on a CPU, whose memory the reader uses already."""
    return int(SHARE * torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else 0


class DeviceCrops:
    """The images of a reader on the device, where the windows of a batch are cut: no pixel crosses the bus twice.

    Parameters
    ----------
    reader
        Says where each cell's window lies.
    images
        The planes used of each image, `(c, height, width)`, from :meth:`CropReader.images`.
    device
        Where they go.
    """

    def __init__(self, reader: CropReader, images: list[np.ndarray], *, device: torch.device) -> None:
        self.reader, self.device = reader, device
        self._dtypes = [torch.from_numpy(image[:0]).dtype for image in images]
        # not all devices can index by unsigned numbers of more than a byte; signed ones have the same bits
        self._images = [torch.from_numpy(_signed(image)).to(device) for image in images]

    def read(self, cells: np.ndarray, *, margin: int = 0) -> Tensor:
        """Cut the windows, with `margin` pixels more on each side: `(B, c, size + 2 margin, ...)`, float32; zero outside."""
        side = self.reader.size + 2 * margin
        crops = torch.empty(len(cells), len(self.reader.channels), side, side, device=self.device)
        codes = self.reader.image[cells]
        for code in np.unique(codes):
            where = np.flatnonzero(codes == code)
            top, left = self.reader.top[cells[where]] - margin, self.reader.left[cells[where]] - margin
            crops[torch.from_numpy(where).to(self.device)] = self._cut(code, top, left, side)
        return crops

    def _cut(self, code: int, top: np.ndarray, left: np.ndarray, side: int) -> Tensor:
        image = self._images[code]
        y, in_y = self._pixels(top, side, image.shape[1])
        x, in_x = self._pixels(left, side, image.shape[2])
        cut = image[:, y[:, :, None], x[:, None, :]].view(self._dtypes[code]).float().transpose(0, 1)
        return cut * (in_y[:, None, :, None] & in_x[:, None, None, :])

    def _pixels(self, start: np.ndarray, side: int, length: int) -> tuple[Tensor, Tensor]:
        """Positions of a window's pixels along one axis, `(B, side)`, and which of them the image has."""
        pixels = torch.from_numpy(start).to(self.device)[:, None] + torch.arange(side, device=self.device)
        inside = (pixels >= 0) & (pixels < length)
        return pixels.clamp(0, length - 1), inside


def _signed(image: np.ndarray) -> np.ndarray:
    wide = image.dtype.kind == "u" and image.dtype.itemsize > 1
    return np.ascontiguousarray(image).view(f"i{image.dtype.itemsize}" if wide else image.dtype)
