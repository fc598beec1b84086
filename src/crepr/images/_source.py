"""An image, or a stack of crops, wherever it lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Source:
    """Pixels with names: what :func:`open_source` finds behind a uri.

    Nothing is read before it is sliced. Pickling a source keeps only the way to reopen it, unless it holds an array
    in memory.
    """

    uri: str
    """Path, URL or key, as given."""
    array: Any = field(repr=False, compare=False)
    """NumPy array, or an array on disk that reads what is sliced; always with the axes `axes`."""
    axes: str
    """`'cyx'`, `'czyx'` or, for ready-made crops, `'ncyx'`. A label image is `'cyx'` with one channel."""
    channels: tuple[str, ...]
    """Names of the channels, unique."""
    pixel_size: float | None = None
    """Micrometres per pixel; `None` where unknown."""
    stored_axes: str = ""
    """Axes of the array as stored (such as `'yxc'`): the `axes` with which to open the same uri again."""
    reopen: Callable[[], Source] | None = field(default=None, repr=False, compare=False)
    """Opens the source anew in another process; `None` for an array in memory."""
    masks: tuple[str, ...] = ()
    """Names of the channels that the file says are masks of cells and no pictures."""
    files: tuple[str, ...] = ()
    """What stands for the `*` of the uri in the name of each file, where each channel has a file of its own."""

    @property
    def height(self) -> int:
        """Pixels along y."""
        return int(self.array.shape[-2])

    @property
    def width(self) -> int:
        """Pixels along x."""
        return int(self.array.shape[-1])

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def dtype(self) -> np.dtype:
        """Type of a pixel, in the byte order of this machine."""
        return np.dtype(self.array.dtype).newbyteorder("=")

    def channel_positions(self, names: tuple[str, ...] | list[str]) -> list[int]:
        """Find channels by name.

        Raises
        ------
        ValueError
            If a name is not there; lists those that are.
        """
        missing = [name for name in names if name not in self.channels]
        if missing:
            raise ValueError(
                f"channels={missing} are not in {self.uri!r}, which has {list(self.channels)}. "
                f"Set channels to some of these, or name the image's channels when it is registered."
            )
        return [self.channels.index(name) for name in names]

    def __reduce__(self) -> Any:
        if self.reopen is not None:
            return self.reopen, ()
        # only an array in memory comes here, which has no files
        parts = (self.uri, self.array, self.axes, self.channels, self.pixel_size, self.stored_axes, None, self.masks)
        return Source, parts
