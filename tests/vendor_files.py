"""The same few cells, written as the files of several vendors and formats lay them out."""

import json
from dataclasses import dataclass

import geopandas as gpd
import h5py
import numpy as np
import pandas as pd
import shapely
import tifffile
import zarr
from anndata import AnnData
from cells import CHANNELS
from skimage.io import imread
from spatialdata import SpatialData
from spatialdata.models import Image2DModel, Labels2DModel, PointsModel, ShapesModel, TableModel
from spatialdata.transformations import Scale

from crepr.images._rasterize import rasterize
from crepr.images._source import Source
from crepr.images._write_image import write_image

GENES = ["Actb", "Cd4", "Ins1", "Krt8"]
RADIUS = 12


@dataclass
class Tissue:
    """Round cells in rows; all in pixels, where pixel i covers [i, i + 1)."""

    image: np.ndarray
    labels: np.ndarray
    """The first cell is 1."""
    positions: np.ndarray
    """(x, y) of the cells."""
    molecules: pd.DataFrame
    """x, y, gene and, from 0, the cell; -1 for none."""

    @property
    def counts(self):
        found = self.molecules.query("cell >= 0")
        table = pd.crosstab(found["cell"], found["gene"])
        return table.reindex(index=range(len(self.positions)), columns=GENES, fill_value=0)

    def circles(self, affine=None):
        """Outlines, taken to other coordinates."""
        outlines = shapely.buffer(shapely.points(self.positions), RADIUS)
        return outlines if affine is None else shapely.transform(outlines, lambda xy: apply(affine, xy))


def make_tissue(rng, rows=4, columns=6, step=40):
    height, width = rows * step, columns * step + 20
    y, x = (axis.ravel() * step + step / 2 for axis in np.mgrid[:rows, :columns])
    positions = np.stack([x, y], axis=1) + rng.uniform(-5, 5, (rows * columns, 2))
    places = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    away = np.linalg.norm(places[None] - positions[:, None, None], axis=-1)
    labels = np.where(away.min(0) < RADIUS, away.argmin(0) + 1, 0).astype(np.int32)
    light = rng.uniform(500, 3000, (2, len(positions)))
    image = np.stack(
        [(light[0, :, None, None] * (away < 5)).sum(0), (light[1, :, None, None] * (away < RADIUS)).sum(0)]
    )
    image = (image + rng.uniform(0, 200, image.shape)).astype(np.uint16)
    cell = np.repeat(np.arange(len(positions)), 20)
    turn, distance = rng.uniform(0, 2 * np.pi, len(cell)), rng.uniform(0, RADIUS - 3, len(cell))
    spots = positions[cell] + (distance * [np.cos(turn), np.sin(turn)]).T
    spots = np.concatenate([spots, [[width - 2.0, 2.0]] * 5])
    molecules = pd.DataFrame(spots, columns=["x", "y"])
    molecules["gene"] = rng.choice(GENES, len(molecules))
    molecules["cell"] = np.append(cell, [-1] * 5)
    return Tissue(image, labels, positions, molecules)


def apply(affine, xy):
    return xy @ np.asarray(affine)[:2, :2].T + np.asarray(affine)[:2, 2]


def write_tiff_and_csv(folder, tissue):
    """One TIFF per channel, cells and molecules in micrometres of 0.5 pixels, masks."""
    for name, plane in zip(CHANNELS, tissue.image, strict=True):
        tifffile.imwrite(folder / f"stain_{name}.tif", plane)
    tifffile.imwrite(folder / "masks.tif", tissue.labels)
    number = 1001 + np.arange(len(tissue.positions))
    cells = pd.DataFrame(tissue.positions * 0.5, columns=["x_um", "y_um"]).assign(
        cell=number, label=number - 1000, area=450
    )
    cells.to_csv(folder / "cells.csv", index=False)
    molecules = tissue.molecules.assign(x_um=tissue.molecules["x"] * 0.5, y_um=tissue.molecules["y"] * 0.5)
    molecules["cell"] = np.where(molecules["cell"] >= 0, molecules["cell"] + 1001, 0)
    molecules[["x_um", "y_um", "gene", "cell"]].to_csv(folder / "molecules.csv", index=False)


def write_ome_zarr(folder, tissue):
    """An image with a label image inside, and a table of cells in pixels."""
    path = write_image(folder / "image.ome.zarr", Source("uns:a", tissue.image, "cyx", tuple(CHANNELS), 0.5))
    write_image(path / "labels" / "cells", Source("uns:b", tissue.labels[None], "cyx", ("label",), 0.5))
    cells = pd.DataFrame(tissue.positions, columns=["x", "y"]).assign(label=np.arange(len(tissue.positions)) + 1)
    cells.to_csv(folder / "cells.csv", index_label="cell")


def write_arrays(folder, tissue):
    """An image, positions in pixels, and crops that somebody cut."""
    np.save(folder / "image.npy", tissue.image)
    np.save(folder / "positions.npy", tissue.positions)
    corners = np.clip(np.floor(tissue.positions[:, ::-1]).astype(int) - 16, 0, np.array(tissue.image.shape[1:]) - 32)
    np.save(folder / "crops.npy", np.stack([tissue.image[:, y : y + 32, x : x + 32] for y, x in corners]))


def write_h5sc(folder, tissue):
    """As scPortrait 1.3 to 1.8: an h5ad without X, with one image per cell, masks before stains, each from 0 to 1."""
    write_arrays(folder, tissue)
    stains = np.load(folder / "crops.npy").astype(float)
    stains /= stains.max(axis=(2, 3), keepdims=True)
    crops = np.concatenate([stains[:, 1:] > 0.3, stains], axis=1).astype(np.float16)
    names, kinds = ["seg_all_cytosol", *CHANNELS], ["mask", "image_channel", "image_channel"]
    obs = pd.DataFrame({"scportrait_cell_id": 101 + np.arange(len(crops), dtype=np.uint64)})
    obs.index = obs.index.astype(str)
    adata = AnnData(obs=obs)
    adata.uns["single_cell_images"] = {"channel_names": np.array(names), "channel_mapping": np.array(kinds)}
    adata.write_h5ad(folder / "single_cells.h5sc")
    with h5py.File(folder / "single_cells.h5sc", "a") as file:
        images = file.create_dataset(
            "obsm/single_cell_images", data=crops, chunks=(1, 1, *crops.shape[2:]), compression="gzip"
        )
        images.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        images.attrs["channel_names"] = np.array([name.encode() for name in names])
        images.attrs["channel_mapping"] = np.array([kind.encode() for kind in kinds])


def write_spatialdata(folder, tissue, scale=0.5):
    """Image and labels in pixels; shapes, points and positions in micrometres; the coordinate system is that of pixels."""
    to_pixels = {"global": Scale([1 / scale, 1 / scale], axes=("x", "y"))}
    names = [f"cell_{i}" for i in range(len(tissue.positions))]
    shapes = gpd.GeoDataFrame(geometry=tissue.circles(np.diag([scale, scale, 1])), index=names)
    points = tissue.molecules.assign(x=tissue.molecules["x"] * scale, y=tissue.molecules["y"] * scale)
    points["cell"] = [names[i] if i >= 0 else "UNASSIGNED" for i in points["cell"]]
    obs = pd.DataFrame({"region": pd.Categorical(["cells"] * len(names)), "instance": names}, index=names)
    table = AnnData(tissue.counts.to_numpy(np.float32), obs=obs, obsm={"spatial": tissue.positions * scale})
    table.var_names = GENES
    SpatialData(
        images={"stains": Image2DModel.parse(tissue.image, dims=("c", "y", "x"), c_coords=CHANNELS, scale_factors=[2])},
        labels={"masks": Labels2DModel.parse(tissue.labels, dims=("y", "x"), scale_factors=[2])},
        shapes={"cells": ShapesModel.parse(shapes, transformations=to_pixels)},
        points={"molecules": PointsModel.parse(points, feature_key="gene", transformations=to_pixels)},
        tables={"table": TableModel.parse(table, region="cells", region_key="region", instance_key="instance")},
    ).write(folder / "tissue.zarr")


def write_merscope(folder, tissue):
    """A region of a MERSCOPE run: mosaics of one stain and plane each; micrometres of the slide; ids of 19 digits."""
    region = folder / "region_0"
    (region / "images").mkdir(parents=True)
    to_pixels = np.array([[9.2594, 0, -412.5], [0, 9.2594, 231.25], [0, 0, 1]])
    to_microns = np.linalg.inv(to_pixels)
    np.savetxt(region / "images" / "micron_to_mosaic_pixel_transform.csv", to_pixels)
    for name, plane in zip(["DAPI", "PolyT"], tissue.image, strict=True):
        for z in (2, 3):
            tifffile.imwrite(region / "images" / f"mosaic_{name}_z{z}.tif", plane // (4 - z), bigtiff=True)
    entity = 1_112_223_334_445_556_000 + 7 * np.arange(len(tissue.positions))
    tissue.counts.assign(**{"Blank-1": 0}).set_index(entity).to_csv(region / "cell_by_gene.csv", index_label="cell")
    centres = pd.DataFrame(apply(to_microns, tissue.positions), columns=["center_x", "center_y"], index=entity)
    centres.assign(fov=0, volume=500.0).iloc[::-1].to_csv(region / "cell_metadata.csv", index_label="EntityID")
    outlines = shapely.multipolygons(tissue.circles(to_microns)[:, None])
    planes = [gpd.GeoDataFrame({"EntityID": entity, "ZIndex": z, "Geometry": outlines}) for z in (0, 3)]
    gpd.GeoDataFrame(pd.concat(planes), geometry="Geometry").to_parquet(region / "cell_boundaries.parquet")
    spots = pd.DataFrame(apply(to_microns, tissue.molecules[["x", "y"]].to_numpy()), columns=["global_x", "global_y"])
    spots = spots.assign(global_z=3.0, x=1.0, y=1.0, fov=0, gene=tissue.molecules["gene"])
    spots.loc[len(spots)] = [*spots.loc[0, ["global_x", "global_y"]], 3.0, 1.0, 1.0, 0, "Blank-1"]
    # in another plane, within the outlines of plane 3
    spots = pd.concat([spots, spots.iloc[:50].assign(global_z=2.0)], ignore_index=True)
    spots.to_csv(region / "detected_transcripts.csv")


def write_xenium(folder, tissue, pixel=0.2125):
    """Output of Xenium 3: micrometres from the corner of the picture, ids such as 'aaaaaaab-1', 'UNASSIGNED'."""
    outs = folder / "outs"
    (outs / "morphology_focus").mkdir(parents=True)
    specs = {"analysis_sw_version": "xenium-3.0.0.15", "pixel_size": pixel, "run_name": "test"}
    (outs / "experiment.xenium").write_text(json.dumps(specs))
    _write_multi_file_ome(outs / "morphology_focus", tissue.image[[0, 1, 0, 1]], pixel)
    n = len(tissue.positions)
    names = np.array(
        [f"aaaaaaa{'abcdefghijklmnop'[i]}-1" for i in range(16)] + [f"aaaaaab{'abcdefgh'[i]}-1" for i in range(n - 16)]
    )
    microns = tissue.positions * pixel
    area = np.pi * (RADIUS * pixel) ** 2
    table = {
        "cell_id": names,
        "x_centroid": microns[:, 0],
        "y_centroid": microns[:, 1],
        "cell_area": area,
        "nucleus_area": 1.0,
    }
    pd.DataFrame(table).to_parquet(outs / "cells.parquet")
    label = np.arange(n) + 1
    corners = [np.asarray(shape.exterior.coords) * pixel for shape in tissue.circles()]
    edge = pd.DataFrame(np.concatenate(corners), columns=["vertex_x", "vertex_y"])
    edge.insert(0, "cell_id", np.repeat(names, [len(part) for part in corners]))
    edge["label_id"] = np.repeat(label, [len(part) for part in corners])
    for kind in ("cell", "nucleus"):
        edge.to_parquet(outs / f"{kind}_boundaries.parquet")
    spots = tissue.molecules
    spots = pd.DataFrame(
        {
            "transcript_id": np.arange(len(spots)),
            "cell_id": [names[i] if i >= 0 else "UNASSIGNED" for i in spots["cell"]],
            "overlaps_nucleus": 0,
            "feature_name": spots["gene"],
            "x_location": spots["x"] * pixel,
            "y_location": spots["y"] * pixel,
            "z_location": 10.0,
            "qv": 40.0,
        }
    )
    poor = spots.iloc[:3].assign(qv=5.0)
    control = spots.iloc[3:4].assign(feature_name="NegControlProbe_00042")
    pd.concat([spots, poor, control]).to_parquet(outs / "transcripts.parquet", index=False)
    _write_cells_zarr(outs / "cells.zarr.zip", tissue, label)
    _write_10x_matrix(outs / "cell_feature_matrix.h5", tissue.counts.to_numpy(), names)


def _write_multi_file_ome(folder, image, pixel):
    """One image of which each channel lies in a file of its own, all named in the notes of each."""
    _, height, width = image.shape
    files = [f"morphology_focus_{i:04}.ome.tif" for i in range(len(image))]
    ids = [f"urn:uuid:00000000-0000-0000-0000-{i:012}" for i in range(len(image))]
    channels = "".join(f'<Channel ID="Channel:{i}" Name="stain {i}" SamplesPerPixel="1"/>' for i in range(len(image)))
    data = "".join(
        f'<TiffData FirstC="{i}" FirstT="0" FirstZ="0" IFD="0" PlaneCount="1"><UUID FileName="{files[i]}">{ids[i]}</UUID></TiffData>'
        for i in range(len(image))
    )
    for plane, file, own in zip(image, files, ids, strict=True):
        notes = (
            f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{own}">'
            f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="{width}" SizeY="{height}" '
            f'SizeC="{len(image)}" SizeZ="1" SizeT="1" PhysicalSizeX="{pixel}" PhysicalSizeY="{pixel}">{channels}{data}'
            "</Pixels></Image></OME>"
        )
        tifffile.imwrite(folder / file, plane, tile=(64, 64), description=notes, metadata=None)


def _write_cells_zarr(path, tissue, label):
    with zarr.storage.ZipStore(path, mode="w") as store:
        group = zarr.open_group(store, mode="w", zarr_format=2)
        prefix = np.stack([label - 1, np.ones_like(label)], axis=1).astype(np.uint32)
        group.create_array("cell_id", data=prefix)
        columns = ["cell_centroid_x", "cell_centroid_y", "z_level", "nucleus_count"]
        summary = group.create_array("cell_summary", data=np.ones((len(label), len(columns))))
        summary.attrs["column_names"] = columns
        for i in ("0", "1"):
            group.create_array(f"masks/{i}", data=tissue.labels.astype(np.uint32))
            group.create_array(f"polygon_sets/{i}/cell_index", data=(label - 1).astype(np.uint32))


def _write_10x_matrix(path, counts, names):
    from scipy.sparse import csr_matrix

    sparse = csr_matrix(counts)  # cells by genes, which is what the file calls columns and rows
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = names.astype("S")
        group["data"], group["indices"], group["indptr"] = sparse.data, sparse.indices, sparse.indptr
        group["shape"] = np.array(counts.shape[::-1])
        features = {"id": GENES, "name": GENES, "feature_type": ["Gene Expression"] * 4, "genome": ["test"] * 4}
        for key, values in features.items():
            group[f"features/{key}"] = np.array(values, dtype="S")


def write_cosmx(folder, tissue):
    """Flat files of a CosMx run: a picture and labels per field of view, y counted from its bottom."""
    run = folder / "run"
    for name in ("Morphology2D", "CellLabels"):
        (run / name).mkdir(parents=True)
    height, half = tissue.image.shape[1], tissue.image.shape[2] // 2
    cells, spots = [], []
    for fov, left in ((1, 0), (12, half)):
        window = np.s_[..., left : left + half]
        mine = np.flatnonzero((tissue.positions[:, 0] // half).astype(int) == left // half)
        labels = tissue.labels[window]
        number = np.zeros(len(tissue.positions) + 1, np.uint16)
        number[mine + 1] = np.arange(len(mine)) + 1
        tifffile.imwrite(
            run / "Morphology2D" / f"20230101_S1_C902_P99_N99_F{fov:05d}.TIF",
            tissue.image[window],
            photometric="minisblack",
        )
        tifffile.imwrite(run / "CellLabels" / f"CellLabels_F{fov:03d}.tif", number[labels])
        x, y = tissue.positions[mine].T
        cells.append(
            tissue.counts.loc[mine].assign(
                fov=fov, cell_ID=number[mine + 1], CenterX_local_px=x - left, CenterY_local_px=height - y
            )
        )
        part = tissue.molecules[(tissue.molecules["x"] // half).astype(int) == left // half]
        spots.append(
            pd.DataFrame(
                {
                    "fov": fov, "cell_ID": number[part["cell"] + 1],
                    "x_local_px": part["x"] - left, "y_local_px": height - part["y"], "z": 0, "target": part["gene"],
                }
            )
        )  # fmt: skip
    cells, spots = pd.concat(cells), pd.concat(spots)
    cells[["fov", "cell_ID", *GENES]].to_csv(run / "S1_exprMat_file.csv", index=False)
    cells.drop(columns=GENES).to_csv(run / "S1_metadata_file.csv", index=False)
    spots.to_csv(run / "S1_tx_file.csv", index=False)


def write_brain(folder, raw, scale=9.20585):
    """A piece of real mouse brain in the layout of `write_tiff_and_csv`."""
    corner = np.array([6400.029, 4699.967])
    for name, kind in zip(CHANNELS, ("dapi", "polyT"), strict=True):
        plane = imread(raw / f"mini_dataset_{kind}_z0.jpg")
        tifffile.imwrite(folder / f"stain_{name}.tif", plane)
    edge = pd.read_csv(raw / "z0_polygons.gz", dtype={"poly_ID": str}).assign(y=lambda table: -table["y"])
    edge[["x", "y"]] = (edge[["x", "y"]] - corner) * scale
    outlines = {cell: shapely.Polygon(part[["x", "y"]]).buffer(0) for cell, part in edge.groupby("poly_ID")}
    inside = shapely.box(0, 0, *plane.shape[::-1])
    outlines = {cell: shape for cell, shape in outlines.items() if shape.area > 1000 and shape.within(inside)}
    label = np.arange(len(outlines)) + 1
    drawn = rasterize(np.array(list(outlines.values())), label, plane.shape)
    tifffile.imwrite(folder / "masks.tif", drawn)
    middle = np.array([shape.centroid.coords[0] for shape in outlines.values()])
    cells = pd.DataFrame(middle * 0.5, columns=["x_um", "y_um"]).assign(cell=list(outlines), label=label)
    cells.to_csv(folder / "cells.csv", index=False)
    spots = pd.read_csv(raw / "vizgen_transcripts.gz").query("global_z == 0")
    x, y = (spots[["global_x", "global_y"]].to_numpy() - corner).T * scale
    row, column = (np.clip(axis, 0, n - 1).astype(int) for axis, n in zip((y, x), plane.shape, strict=True))
    spots = spots.assign(x_um=x * 0.5, y_um=y * 0.5, cell=np.array(["0", *outlines])[drawn[row, column]])
    spots.to_csv(folder / "molecules.csv", index=False)
