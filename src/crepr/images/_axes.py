"""From the axes an array is stored with to the axes that crepr reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGETS: Final = ("cyx", "czyx", "ncyx")


def normalised_axes(stored: str, shape: Sequence[int], *, uri: str) -> str:
    """Tell which of "cyx", "czyx" and "ncyx" an array stored with other axes is read as.

    Parameters
    ----------
    stored
        One letter per dimension, in any order: y, x, and possibly c, z, n (ready-made crops) or t (of length one).
    shape
        Shape of the stored array.
    uri
        Where the array lies; named in errors.

    Raises
    ------
    ValueError
        If the letters are unknown, repeated, not one per dimension, or contradict each other.
    """
    if len(stored) != len(shape):
        raise ValueError(
            f"axes={stored!r} name {len(stored)} dimensions, but {uri!r} has {len(shape)} (shape {tuple(shape)}). "
            f"Give one letter per dimension."
        )
    if len(set(stored)) != len(stored) or not set("yx") <= set(stored) <= set("tnczyx"):
        raise ValueError(
            f"axes={stored!r} of {uri!r} must hold y and x, and may hold c (channel), z (depth), n (ready-made crops) "
            f"and t (one time point), each once. Set axes to match the shape {tuple(shape)}."
        )
    if "n" in stored and "z" in stored:
        raise ValueError(f"axes={stored!r} of {uri!r}: crops with depth are not supported. Project over z first.")
    if "t" in stored and shape[stored.index("t")] != 1:
        raise ValueError(
            f"{uri!r} holds {shape[stored.index('t')]} time points (axes {stored!r}, shape {tuple(shape)}). "
            f"Save the one to use as an image of its own."
        )
    if 0 in shape:
        raise ValueError(f"{uri!r} is empty (shape {tuple(shape)}). Give an image with pixels.")
    return "ncyx" if "n" in stored else "czyx" if "z" in stored else "cyx"


def guess_axes(shape: Sequence[int], *, uri: str) -> str:
    """Guess the axes of an array that does not tell them: "yx", "cyx", or "yxc" with 3 or 4 channels last.

    Raises
    ------
    ValueError
        If more than one reading is plausible.
    """
    if len(shape) == 2:
        return "yx"
    if len(shape) == 3:
        if shape[2] <= 4 < min(shape[:2]):
            return "yxc"
        if shape[0] <= 64 and shape[0] < min(shape[1:]):
            return "cyx"
    raise ValueError(
        f"The axes of {uri!r} (shape {tuple(shape)}) cannot be told from its metadata. "
        f"Set axes, for example axes='cyx', 'czyx' or, for ready-made crops, 'ncyx'."
    )
