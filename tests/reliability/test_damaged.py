"""Whatever is damaged: right values, values of the right shape and type, or an error that says which file and what to do.

Values may differ where nothing checks them: in TIFF but for deflate, npy, Zarr (as crepr writes it, too), HDF5 but for gzip, whose metadata may
still change, CSV and Parquet of others. There are checksums in npz, gzip, tables of molecules, kept features, checkpoints and models of crepr.
`CREPR_TRIALS` sets the number of damages of each kind.
"""

import io
import json
import pickle
import threading
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
import zarr
from anndata import read_h5ad
from damage import (
    SIZE,
    TRIALS,
    N,
    Tally,
    Trap,
    cells,
    contents,
    damage,
    damage_plain,
    molecules,
    restore,
    state,
    try_damages,
)
from pictures import blobs, plan_of, spec

import crepr as cr
from crepr.get._molecule_reader import molecule_reader
from crepr.pp._feature_checkpoint import FeatureCheckpoint
from crepr.tl._search_space import Range
from crepr.tl._study import check_storage, search
from crepr.train._fit import fit
from crepr.train._hardware import Hardware
from crepr.train._trained_model import TrainedModel, _digests

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 4000, (2, 70, 60)).astype("u2")
STACK = RNG.random((N, 2, SIZE, SIZE)).astype("f2")
NAMES = ["DAPI", "RNA"]


def write_tiff(**options):
    def write(folder):
        path = folder / ("image.ome.tif" if options.get("ome") else "image.tif")
        tifffile.imwrite(path, IMAGE, photometric="minisblack", **options)
        return path, str(path)

    return write


def write_zarr(zarr_format, **options):
    def write(folder):
        path = folder / "image.zarr"
        array = zarr.create_array(path, data=IMAGE, chunks=(1, 32, 32), zarr_format=zarr_format, **options)
        array.attrs["channel_names"] = NAMES
        return path, str(path)

    return write


def write_ome_zarr(folder):
    other = cells()
    cr.pp.crops(other, IMAGE, size=SIZE, axes="cyx", channel_names=NAMES, store=folder / "store")
    return folder / "store", other.obsm["crops"]["image"].cat.categories[0]


def write_stack(folder):
    other = cells()
    cr.pp.crops(other, STACK, size=SIZE, axes="ncyx", channel_names=NAMES, store=folder / "store")
    return folder / "store", other.obsm["crops"]["image"].cat.categories[0]


def write_h5sc(compression=None):
    def write(folder):
        path = folder / "cells.h5sc"
        with h5py.File(path, "w") as file:
            data = file.create_dataset(
                "obsm/single_cell_images", data=STACK, chunks=(4, 2, SIZE, SIZE), compression=compression
            )
            data.attrs["channel_names"] = NAMES
            data.attrs["channel_mapping"] = ["mask", "image_channel"]
        return path, str(path)

    return write


def write_numpy(name):
    def write(folder):
        path = folder / name
        np.savez_compressed(path, image=IMAGE) if name.endswith("z") else np.save(path, IMAGE)
        return path, str(path)

    return write


def write_channels(folder):
    path = folder / "channels"
    path.mkdir()
    for name, plane in zip(NAMES, IMAGE, strict=True):
        tifffile.imwrite(path / f"a_{name}.tif", plane, tile=(32, 32), compression="zlib")
    return path, str(path / "a_*.tif")


IMAGES = {
    "TIFF": write_tiff(),
    "OME-TIFF": write_tiff(ome=True, metadata={"axes": "CYX", "Channel": {"Name": NAMES}, "PhysicalSizeX": 0.5}),
    "TIFF, tiles, deflate": write_tiff(tile=(32, 32), compression="zlib"),
    "TIFF, strips, LZW": write_tiff(rowsperstrip=16, compression="lzw"),
    "TIFF of each channel": write_channels,
    "OME-Zarr 3": write_ome_zarr,
    "Zarr 2": write_zarr(2),
    "Zarr 3, raw": write_zarr(3, compressors=None),
    "Zarr stack": write_stack,
    "HDF5 stack": write_h5sc(),
    "HDF5 stack, gzip": write_h5sc("gzip"),
    "npy": write_numpy("image.npy"),
    "npz": write_numpy("image.npz"),
}
STACKS = ("Zarr stack", "HDF5 stack", "HDF5 stack, gzip")


def register(adata, uri, name):
    if name in STACKS:
        cr.pp.crops(adata, uri, size=SIZE, index=np.arange(N), axes="ncyx")
    else:
        cr.pp.crops(adata, uri, size=SIZE)


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_are_registered(tmp_path, name):
    path, uri = IMAGES[name](tmp_path)
    adata = cells()
    register(adata, uri, name)
    before, expected = state(adata), cr.get.crops(adata, scaled=False)

    def unchanged():
        assert state(adata) == before, "data was changed"

    def read():
        found = cr.get.crops(adata, scaled=False)
        cr.pp.intensity(adata.copy(), progress=False)
        return found

    try_damages(f"{name}, registered", path, read, expected, named=[path.name], check=unchanged)


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_are_new(tmp_path, name):
    path, uri = IMAGES[name](tmp_path)
    adata = cells()
    before = state(adata)

    def unchanged():
        assert state(adata) == before, "data was changed"

    def read():
        register(adata, uri, name)
        cr.get.crops(adata)

    def check():
        for key in [*adata.obsm]:
            if key != "spatial":
                del adata.obsm[key]
        adata.uns.clear()

    try_damages(f"{name}, new", path, read, None, named=[path.name, "c0"], check=check)


def test_molecules_that_are_registered(tmp_path):
    adata, path = cells(), tmp_path / "table.parquet"
    options = {"cell": "cell", "path": path, "progress": False}
    cr.pp.transcripts(adata, molecules(), **options)
    before = state(adata)

    def read():
        found = molecule_reader(adata).read(np.arange(N))
        cr.pp.transcripts(adata.copy(), molecules(), **options)
        return found

    def unchanged():
        assert state(adata) == before, "data was changed"

    try_damages("molecules", path, read, read(), named=[path.name], check=unchanged)


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz"])
def test_molecules_that_are_new(tmp_path, kind):
    path, adata = tmp_path / f"raw.{kind}", cells()
    molecules().to_parquet(path) if kind == "parquet" else molecules().to_csv(path, index=False)
    before = state(adata)

    def read():
        target = tmp_path / "sorted.parquet"
        try:
            cr.pp.transcripts(adata, path, cell="cell", path=target, unknown_genes="error", progress=False)
        finally:
            target.unlink(missing_ok=True)

    def unchanged():
        if "transcripts" not in adata.obsm:
            assert state(adata) == before, "data was changed"
        adata.obsm.pop("transcripts", None)
        adata.uns.clear()

    # of text, what is left may be other columns, genes and cells
    named = [path.name, "columns of molecules", "molecules", "No molecule lies in any cell"]
    try_damages(f"molecules, {kind}", path, read, None, named=named, check=unchanged)


def test_model(tmp_path):
    path, description = tmp_path / "model", spec()
    history = pd.DataFrame({"train_loss": [2.0, 1.0]}, index=pd.RangeIndex(2, name="epoch"))
    model = TrainedModel(description, description.build(seed=3), history=history, params={"lr": 0.01})
    model.save(path)
    z = np.ones((1, 4), np.float32)

    def read():
        found = cr.load_model(path)
        return found.decode(z)["stain"], found.history.to_numpy()

    expected = read()
    try_damages("model", path, read, expected, named=[path.name])
    whole, (rng, tally) = contents(path), (np.random.default_rng(1), Tally("model, signed anew"))
    for number in range(TRIALS):
        header = json.loads((path / "spec.json").read_text())
        made = damage_plain(rng, {name: value for name, value in header.items() if name != "sha256"})
        header = {**made, "sha256": header["sha256"]} if isinstance(made, dict) else made
        with suppress(KeyError, TypeError):
            header["sha256"] = _digests(path, header)
        (path / "spec.json").write_text(json.dumps(header))
        tally.add(f"{number} {header}", read, None, [path.name])
        restore(path, whole)
    tally.close()


def run(path, *, max_epochs=2):
    plan = plan_of(blobs(24), max_epochs=max_epochs, n_validation=8)
    options = {"identity": '"a"', "hardware": Hardware(accelerator="cpu"), "progress": False, "resume": True}
    history = fit(plan, checkpoint_dir=path, **options)
    return history.to_numpy(), np.concatenate([values.numpy().ravel() for values in plan.network.state_dict().values()])


def test_checkpoints(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    expected = run(path)
    whole = contents(path)
    longer = run(path, max_epochs=3)
    restore(path, whole)
    try_damages("checkpoint, finished", path, lambda: run(path), expected, named=[path.name])
    # it goes on, and writes the next epoch over one that is whole
    rng, tally = np.random.default_rng(3), Tally("checkpoint, resumed")
    for number in range(max(2, TRIALS // 4)):
        what = damage(rng, path)
        tally.add(f"{number} {what}", lambda: run(path, max_epochs=3), longer, [path.name])
        restore(path, whole)
    tally.close()


def test_features(tmp_path):
    path, identity = tmp_path / "features", {"cells": "a", "columns": "b"}
    rows = np.random.default_rng(0).random((N, 5)).astype(np.float32)
    checkpoint = FeatureCheckpoint(path, identity)
    for part in np.array_split(np.arange(N), 3):
        checkpoint.save(part, rows[part])

    def read():
        found = np.zeros_like(rows)
        left = FeatureCheckpoint(path, identity).load(found)
        found[left] = rows[left]  # those are measured again
        return found

    try_damages("features", path, read, rows, named=[path.name])


def test_search(tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    path, done = tmp_path / "search.db", {"loss": 1.0, "train_loss": 2.0, "epoch": 1, "n_epochs": 2}
    space = {"lr": Range(1e-4, 1e-2, False), "n_latent": Range(2, 6, True), "widths": [[16], [12, 8]]}
    options = {"seed": 0, "storage": path, "identity": "a", "step": lambda number: None}

    def read():
        check_storage(path)
        return len(search(lambda chosen: {**done, "loss": chosen["lr"]}, space, n_trials=3, **options))

    assert read() == 3
    # one that goes on writes to it, so only what is refused must stay
    rng, tally, whole = np.random.default_rng(4), Tally("search"), contents(path)
    for number in range(max(2, TRIALS // 2)):
        what = damage(rng, path)
        damaged = path.read_bytes()
        tally.add(f"{number} {what}", read, 3, [path.name])
        if path.read_bytes()[: len(damaged)] != damaged:
            tally["rewritten"] += 1
        restore(path, whole)
    tally.close()


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt", "weights.safetensors", "history.parquet", "spec.json", "part.npz", "features.json", "image.npy", "image.npz", "search.db"])  # fmt: skip
def test_a_pickle_in_disguise_is_never_executed(tmp_path, name):
    path, sprung = tmp_path / "here", tmp_path / "sprung"
    path.mkdir()
    read = {
        ".ckpt": lambda: run(path),
        ".npy": lambda: register(cells(), str(path / name), name),
        ".npz": lambda: register(cells(), str(path / name), name),
        ".db": lambda: check_storage(path / name),
        ".part": lambda: FeatureCheckpoint(path, {"cells": "a"}).load(np.zeros((3, 2), np.float32)),
        ".model": lambda: cr.load_model(path / "model"),
    }
    kind = Path(name).suffix
    if kind == ".ckpt":
        run(path)
    elif name in ("weights.safetensors", "history.parquet", "spec.json"):
        kind, name = ".model", f"model/{name}"
        TrainedModel(spec(), spec().build()).save(path / "model")
    elif name in ("features.json", "part.npz"):
        kind = ".part"
        FeatureCheckpoint(path, {"cells": "a"})
    for trap in (pickle.dumps(Trap(sprung)), zipped(Trap(sprung)), array_of(Trap(sprung))):
        (path / name).write_bytes(trap)
        if kind == ".model" and "spec" not in name:
            header = json.loads((path / "model" / "spec.json").read_text())
            signed = {**header, "sha256": _digests(path / "model", header)}
            (path / "model" / "spec.json").write_text(json.dumps(signed))
        with pytest.raises((ValueError, OSError), match=name):
            read[kind]()
        assert not sprung.exists()


def zipped(trap):
    """A checkpoint of torch that unpickles to a trap."""
    file = io.BytesIO()
    torch.save({"state_dict": trap}, file)
    return file.getvalue()


def array_of(trap):
    file = io.BytesIO()
    np.save(file, np.array([trap], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("verb", ["train_vae", "intensity", "crops", "embed"])
def test_a_chunk_turns_out_damaged_in_the_middle_of_a_verb(tmp_path, verb):
    path, uri = write_ome_zarr(tmp_path)
    adata = cells()
    cr.pp.crops(adata, uri, size=SIZE)
    quick = {"accelerator": "cpu", "max_epochs": 1, "batch_size": 4, "n_latent": 3, "model_options": {"widths": (4, 8)}, "progress": False}  # fmt: skip
    model = cr.tl.train_vae(adata.copy(), **quick) if verb == "embed" else None
    before = state(adata)
    for chunk in [file for file in sorted(path.rglob("c/**/*")) if file.is_file()]:
        chunk.write_bytes(chunk.read_bytes()[:-20])
    verbs = {
        "train_vae": lambda: cr.tl.train_vae(adata, **quick),
        "intensity": lambda: cr.pp.intensity(adata, progress=False),
        "crops": lambda: cr.get.crops(adata),
        "embed": lambda: cr.tl.embed(adata, model, progress=False),
    }
    with pytest.raises(OSError, match=r"Cannot read the pixels .* of '.*store.*copy it again"):
        verbs[verb]()
    assert state(adata) == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("crepr-read")]


def test_files_that_are_gone(tmp_path):
    path, uri = write_ome_zarr(tmp_path)
    adata = cells()
    cr.pp.crops(adata, uri, size=SIZE)
    cr.pp.transcripts(adata, molecules(), cell="cell", path=tmp_path / "table.parquet", progress=False)
    adata.write_h5ad(tmp_path / "a.h5ad")
    adata = read_h5ad(tmp_path / "a.h5ad")
    assert cr.get.crops(adata).shape == (N, 2, SIZE, SIZE)
    path.rename(tmp_path / "elsewhere")
    (tmp_path / "table.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"store.*relocate="):
        cr.get.crops(adata)
    with pytest.raises(FileNotFoundError, match=r"table\.parquet.*relocate="):
        molecule_reader(adata)
