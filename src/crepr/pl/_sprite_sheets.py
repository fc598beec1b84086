from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from crepr._progress import tqdm
from crepr.pl._mosaic import mosaic

if TYPE_CHECKING:
    from crepr.pl._small_pictures import SmallPictures

#: Pixels per side of a sheet, at most: small enough to be decoded while the mouse rests.
LONG = 2048
#: Of JPEG, with colours at full resolution: WebP halves it, which blurs blue nuclei most of all.
QUALITY = 85


@dataclass(frozen=True)
class SpriteSheets:
    """Pictures of cells, side by side in few images.

    Attributes
    ----------
    uris
        The images as data URIs (JPEG).
    side
        Pixels per side of a picture.
    columns
        Pictures in a row of a sheet.
    per_sheet
        Pictures in a sheet, but the last.
    """

    uris: list[str]
    side: int
    columns: int
    per_sheet: int


def sprite_sheets(pictures: SmallPictures, cells: np.ndarray, *, progress: bool) -> SpriteSheets:
    """Draw cells row by row on sheets; no more than one sheet is in memory as pixels."""
    side = pictures.side
    across = max(1, LONG // side)
    columns = min(across, math.ceil(math.sqrt(len(cells))))
    per_sheet = columns * across
    uris = []
    with tqdm(total=len(cells), desc="crops", unit="cell", disable=not progress) as bar:
        for start in range(0, len(cells), per_sheet):
            parts = []
            for part in pictures.batches(cells[start : start + per_sheet]):
                parts.append(part)
                bar.update(len(part))
            row, column = np.divmod(np.arange(sum(map(len, parts))), columns)
            shape = (int(row[-1] + 1) * side, columns * side)
            uris.append(_uri(mosaic(np.concatenate(parts), row * side, column * side, shape)[..., :3]))
    return SpriteSheets(uris, side, columns, per_sheet)


def _uri(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY, subsampling=0, progressive=True)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
