"""Crops of 100 px, 2 channels, at random cells of a 4000 x 4000 uint16 image: in memory and from a SpatialData store.

The peers are a bare loop of numpy slices, and the ImageTilesDataset of spatialdata on the same image and cells.
"""

from __future__ import annotations

import tempfile
import warnings
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from _report import Report, alternate, parse_quick
from anndata import AnnData
from scipy.ndimage import gaussian_filter
from spatialdata import SpatialData, read_zarr
from spatialdata.dataloader.datasets import ImageTilesDataset
from spatialdata.models import Image2DModel, ShapesModel, TableModel

from crepr.images._crop_reader import CropReader
from crepr.images._open import open_source
from crepr.images._source import Source

SIDE, SIZE, BATCH = 4000, 100, 64
CHANNELS = ["DAPI", "membrane"]


def main() -> None:
    quick = parse_quick(__doc__)
    warnings.simplefilter("ignore")  # the peers' own
    rng = np.random.default_rng(0)
    n_cells = 1024 if quick else 4096
    # the peer takes as long for every tile, so some tell its rate
    n_tiles, n_tiles_store = (128, 32) if quick else (1024, 128)
    image = tissue(rng)
    positions = rng.uniform(SIZE, SIDE - SIZE, (n_cells, 2)).astype(int)  # whole pixels: the same windows for all
    report = Report()

    reader = make_reader(Source("uns:image", image, "cyx", tuple(CHANNELS)), positions)
    order = rng.permutation(n_cells)
    check(reader, image, positions)
    ours, bare = alternate(
        partial(read_epoch, reader, order), partial(slice_epoch, image, reader.top, reader.left, order), repeats=9
    )
    report.ratio("crops in memory vs bare slicing", n_cells / ours, n_cells / bare, unit="crops/s", at_least=0.5)

    with tempfile.TemporaryDirectory() as folder:
        sdata = make_spatialdata(image, positions)
        in_memory = tiles(sdata)
        sdata.write(Path(folder) / "tissue.zarr")
        in_store = tiles(read_zarr(Path(folder) / "tissue.zarr"))
        uri = f"spatialdata:{folder}/tissue.zarr#image"
        some = order[:n_tiles]
        ours, peer = alternate(
            partial(read_epoch, reader, order), partial(tile_epoch, in_memory, some), repeats=3 if quick else 5
        )
        report.ratio(
            "crops in memory vs ImageTilesDataset", n_cells / ours, len(some) / peer, unit="crops/s", at_least=100
        )
        some = order[:n_tiles_store]
        # a new reader each time: opening the store and the first read of every chunk count
        ours, peer = alternate(
            lambda: read_epoch(make_reader(open_source(uri), positions), order),
            partial(tile_epoch, in_store, some),
            repeats=1 if quick else 3,
            warmup=0,
        )
        report.ratio(
            "crops from a SpatialData store vs ImageTilesDataset",
            n_cells / ours,
            len(some) / peer,
            unit="crops/s",
            at_least=50,
        )
    report.finish()


def tissue(rng: np.random.Generator) -> np.ndarray:
    """Make two smooth channels with shot noise, so that chunks compress as those of microscopes do."""
    smooth = np.stack([gaussian_filter(rng.random((SIDE, SIDE), dtype=np.float32), 5) for _ in CHANNELS])
    return rng.poisson(smooth * 2000).astype(np.uint16)


def make_reader(source: Source, positions: np.ndarray) -> CropReader:
    images = pd.Categorical.from_codes(np.zeros(len(positions), dtype=np.int8), [source.uri])
    references = pd.DataFrame({"image": images, "y": positions[:, 0], "x": positions[:, 1]}).astype(
        {"y": float, "x": float}
    )
    return CropReader(references, {source.uri: source}, size=SIZE, channels=CHANNELS)


def read_epoch(reader: CropReader, order: np.ndarray) -> None:
    for start in range(0, len(order), BATCH):
        reader.read(order[start : start + BATCH])


def slice_epoch(image: np.ndarray, top: np.ndarray, left: np.ndarray, order: np.ndarray) -> None:
    for start in range(0, len(order), BATCH):
        cells = order[start : start + BATCH]
        out = np.empty((len(cells), len(image), SIZE, SIZE), dtype=image.dtype)
        for i, (t, f) in enumerate(zip(top[cells].tolist(), left[cells].tolist(), strict=True)):
            out[i] = image[:, t : t + SIZE, f : f + SIZE]


def make_spatialdata(image: np.ndarray, positions: np.ndarray) -> SpatialData:
    names = np.arange(len(positions))
    circles = gpd.GeoDataFrame(
        {"radius": np.full(len(positions), 10.0)},
        geometry=gpd.points_from_xy(positions[:, 1], positions[:, 0]),
        index=names,
    )
    table = AnnData(obs=pd.DataFrame({"region": pd.Categorical(["cells"] * len(names)), "cell": names}))
    table.obs_names = names.astype(str)
    return SpatialData(
        images={"image": Image2DModel.parse(image, dims="cyx", c_coords=CHANNELS)},
        shapes={"cells": ShapesModel.parse(circles)},
        tables={"table": TableModel.parse(table, region="cells", region_key="region", instance_key="cell")},
    )


def tiles(sdata: SpatialData) -> ImageTilesDataset:
    return ImageTilesDataset(
        sdata,
        regions_to_images={"cells": "image"},
        regions_to_coordinate_systems={"cells": "global"},
        tile_dim_in_units=SIZE,
        table_name="table",
        return_annotations="cell",
    )


def tile_epoch(dataset: ImageTilesDataset, order: np.ndarray) -> None:
    for start in range(0, len(order), BATCH):
        np.stack([np.asarray(dataset[i][0].data) for i in order[start : start + BATCH].tolist()])


def check(reader: CropReader, image: np.ndarray, positions: np.ndarray) -> None:
    """Stop if the crops are not the slices."""
    for crop, (y, x) in zip(reader.read(np.arange(50)), positions, strict=False):
        half = SIZE // 2
        if not np.array_equal(crop, image[:, y - half : y + half, x - half : x + half]):
            raise RuntimeError("The crops are not the slices of the image.")


if __name__ == "__main__":
    main()
