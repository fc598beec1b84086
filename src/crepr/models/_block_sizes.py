from __future__ import annotations


def block_sizes(size: int, n_blocks: int, *, kernel: int = 3, padding: int = 1) -> tuple[int, ...]:
    """Give the sizes of the maps between a picture and the end of an encoder.

    Each block is a convolution of stride 2: `(size + 2 * padding - kernel) // 2 + 1`.

    Parameters
    ----------
    size
        Pixels per side of the picture.
    n_blocks
        Number of blocks.
    kernel, padding
        Of the convolutions, in pixels.

    Returns
    -------
    `n_blocks + 1` sizes, the picture's first.

    Raises
    ------
    ValueError
        If nothing is left of the picture.

    Examples
    --------
    >>> block_sizes(100, 5, padding=0)
    (100, 49, 24, 11, 5, 2)
    """
    sizes = [size]
    for block in range(n_blocks):
        room = sizes[-1] + 2 * padding - kernel
        if room < 0:
            raise ValueError(
                f"{n_blocks} blocks are too many for size={size}: nothing is left after block {block} ({sizes[-1]} pixels, "
                f"kernel {kernel}, padding {padding}). Give fewer widths or a larger size."
            )
        sizes.append(room // 2 + 1)
    return tuple(sizes)
