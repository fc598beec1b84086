"""Reading windows piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from crepr._warn import warn
from crepr.images._pool import run_all

if TYPE_CHECKING:
    from collections.abc import Callable

    type Place = tuple[np.ndarray, ...]

# windows copied by one task: fewer, and the hand-over costs more than the copying
WINDOWS_PER_TASK = 32
# bytes that are read in one go, where chunks are smaller
RUN_BYTES = 1 << 23


class Pieces(Protocol):
    """The used planes of a source, cut where it is best read: tiles of an image, or rows of a stack.

    A window is described by one value in each array of a `place`: its corner, or its row.
    """

    uri: str
    shape: tuple[int, ...]
    """Of the used planes as one array."""
    dtype: np.dtype
    n_pieces: int
    whole: np.ndarray | None
    """All planes, used or not, where they lie in memory already."""
    planes: np.ndarray
    """Positions of the used channels in `whole`."""
    piece_nbytes: int
    """Bytes of the largest piece."""
    absent: set[Any]
    """Pieces that turned out not to exist."""
    told: bool
    """Whether the user was told of them."""

    def touched(self, place: Place, size: int) -> list[tuple[Any, np.ndarray]]:
        """List the pieces that windows touch, each with the positions of these windows."""

    def load(self, piece: Any) -> np.ndarray:
        """Read a piece."""

    def region(self, piece: Any) -> tuple[Any, ...]:
        """Where a piece lies in an array of `shape`."""

    def clear(self, place: Place, out: np.ndarray) -> None:
        """Set to zero what lies outside the image; pixels inside may be set too."""

    def copy(self, piece: Any, pixels: np.ndarray, place: Place, windows: np.ndarray, out: np.ndarray) -> None:
        """Copy what a loaded piece shares with windows."""

    def copy_whole(
        self, pixels: np.ndarray, planes: np.ndarray, place: Place, windows: np.ndarray, out: np.ndarray
    ) -> None:
        """Copy windows from an array that holds everything."""

    def in_absent(self, place: Place, size: int) -> int:
        """Count windows whose middle lies in a piece that does not exist."""


def by_value(values: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """List the different values in order, each with its positions."""
    order = np.argsort(values, kind="stable")
    found, starts = np.unique(values[order], return_index=True)
    return list(zip(found.tolist(), np.split(order, starts[1:])[: len(found)], strict=True))


def channel_runs(edges: np.ndarray, planes: np.ndarray, *, most: int) -> list[np.ndarray]:
    """Split used channels into runs to read in one go: those in one chunk, or in neighbouring small chunks.

    Opening a small chunk costs more than decoding it. Channels between that are not used are left out.

    Parameters
    ----------
    edges
        Where chunks of channels start, and the end.
    planes
        Positions of the used channels.
    most
        Channels of which chunks are joined.

    Returns
    -------
    For each run, positions in `planes`.
    """
    runs: list[np.ndarray] = []
    before = -1
    for chunk, slots in by_value(np.searchsorted(edges, planes, side="right")):
        if runs and chunk == before + 1 and len(runs[-1]) + len(slots) <= most:
            runs[-1] = np.concatenate([runs[-1], slots])
        else:
            runs.append(slots)
        before = chunk
    return runs


def read_pieces(pieces: Pieces, place: Place, out: np.ndarray, load: Callable[[Any], np.ndarray]) -> None:
    """Fill `out` with windows; each piece they touch is loaded once, in threads."""
    pieces.clear(place, out)
    if pieces.whole is not None:
        copy_windows(pieces, pieces.whole, pieces.planes, place, out)
        return

    def work(job: tuple[Any, np.ndarray]) -> None:
        piece, windows = job
        pieces.copy(piece, load(piece), place, windows, out)

    run_all(work, pieces.touched(place, out.shape[-1]))
    warn_absent(pieces, place, out.shape[-1])


def copy_windows(pieces: Pieces, pixels: np.ndarray, planes: np.ndarray, place: Place, out: np.ndarray) -> None:
    """Copy windows from an array that holds everything, in threads."""
    tasks = np.array_split(np.arange(len(out)), max(1, len(out) // WINDOWS_PER_TASK))
    run_all(lambda windows: pieces.copy_whole(pixels, planes, place, windows, out), tasks)


def warn_absent(pieces: Pieces, place: Place, size: int) -> None:
    """Warn, once per source, of windows whose middle lies where nothing is stored."""
    if not pieces.absent or pieces.told:
        return
    count = pieces.in_absent(place, size)
    if count:
        pieces.told = True
        warn(
            f"{count} of {len(place[0])} windows lie where {pieces.uri!r} stores no chunk, and read as its fill value. "
            f"If the image was copied, the copy may be incomplete; if it is empty there, remove these cells."
        )
