"""Work that is killed at random moments, and how to tell that nothing was lost.

Each kind of work is a pair: `prepare` writes what it reads into `folder / "input"`, and `work` does it and returns an
array that is the same each time. Work runs in processes forked from one that has imported everything, so that a
trial costs little more than the work.
"""

import hashlib
import multiprocessing
import pkgutil
import shutil
import time
from dataclasses import dataclass, field

import anndata as ad
import numba
import numpy as np
import pandas as pd
import psutil
import torch
from cells import cells_on, nearest_labels, noise_image

import crepr as cr
from crepr.images._open import open_source

QUIET = {"progress": False}
SECONDS = 600  # after which something hangs, however busy the machine


def slide(folder, n_obs=40, size=16):
    """Cells with pictures, masks and molecules."""
    rng = np.random.default_rng(0)
    image = noise_image(rng, 160, 160)
    adata = cells_on(rng, image, n_obs)
    adata.obs["kind"] = pd.Categorical(np.arange(n_obs) % 2 * 1, categories=[0, 1]).rename_categories(["a", "b"])
    adata.obsm["X_pca"] = rng.normal(size=(n_obs, 5)) + 3 * (np.arange(n_obs) % 2)[:, None]
    adata.X = rng.normal(size=(n_obs, 3)).astype(np.float32)
    adata.obsm["X_umap"] = adata.obsm["X_pca"][:, :2]
    cr.pp.crops(adata, image, size=size, channel_names=["DAPI", "membrane"], store=folder / "image.zarr")
    cr.pp.masks(adata, nearest_labels(image.shape[-2:], adata.obsm["spatial"]), store=folder / "masks.zarr")
    owner = np.repeat(np.arange(n_obs), 500)
    molecules = pd.DataFrame(adata.obsm["spatial"][owner] + rng.normal(size=(len(owner), 2)), columns=["x", "y"])
    molecules["gene"], molecules["cell"] = rng.choice(adata.var_names, len(owner)), adata.obs_names[owner]
    molecules.to_parquet(folder / "molecules.parquet")
    adata.write_h5ad(folder / "a.h5ad")


def read(folder):
    return ad.read_h5ad(folder / "input" / "a.h5ad")


def train(folder, max_epochs=6):
    adata = read(folder)
    model = cr.tl.train_vae(
        adata, inputs="stain", n_latent=3, batch_size=16, model_options={"widths": (4, 8)}, max_epochs=max_epochs,
        validation=0.2, accelerator="cpu", checkpoint_dir=folder / "run", resume=True, **QUIET,
    )  # fmt: skip
    return adata.obsm["X_vae"], model


def work_train(folder):
    return train(folder)[0]


def prepare_save(folder):
    slide(folder)
    _, model = train(folder.parent, max_epochs=1)
    model.save(folder / "model")
    shutil.rmtree(folder.parent / "run")


def work_save(folder):
    model = cr.load_model(folder / "input" / "model")
    for _ in range(20):
        model.save(folder / "model", overwrite=True)
    return np.concatenate([values.detach().ravel() for values in cr.load_model(folder / "model").network.parameters()])


def work_leiden(folder, n_jobs=1):
    adata = read(folder)
    grid = {"n_neighbors": [5, 8, 12], "resolution": np.linspace(0.1, 1.5, 30).tolist()}
    cr.tl.optimize_leiden(adata, use_rep="X_pca", min_clusters=2, n_jobs=n_jobs, **grid, **QUIET)
    return adata.obs["leiden_optimized"].cat.codes.to_numpy()


def work_leiden_in_processes(folder):
    return work_leiden(folder, n_jobs=2)


def work_multiplex(folder):
    adata = read(folder)
    adata.obsm["X_other"] = adata.obsm["X_pca"][:, ::-1] ** 2
    cr.tl.optimize_multiplex_leiden(
        adata, use_rep=["X_pca", "X_other"], min_clusters=2, n_neighbors=8, resolution=0.5, n_jobs=2, **QUIET
    )
    return adata.obs["leiden_multiplex_optimized"].cat.codes.to_numpy()


def work_features(folder):
    adata = read(folder)
    cr.pp.classical_features(adata, features="granularity", path=folder / "features", batch_size=4, n_jobs=1, **QUIET)
    return adata.obsm["X_classical"].to_numpy()


def work_transcripts(folder):
    adata, path = read(folder), folder / "sorted.parquet"
    for min_cell_count in (0, 1, 0):
        cr.pp.transcripts(
            adata, folder / "input" / "molecules.parquet", cell="cell", path=path, overwrite=True,
            min_cell_count=min_cell_count, **QUIET,
        )  # fmt: skip
    return check_transcripts(folder)


def check_transcripts(folder):
    return pd.read_parquet(folder / "sorted.parquet").to_numpy()


def work_explorer(folder):
    adata, path = read(folder), folder / "page.html"
    for _ in range(3):
        cr.pl.explorer(adata, path, color="kind", basis="X_umap", **QUIET)
    return check_explorer(folder)


def check_explorer(folder):
    text = (folder / "page.html").read_text()
    assert text.rstrip().endswith("</html>")
    return np.array(len(text))


def work_search(folder):
    adata = read(folder)
    cr.tl.tune_vae(
        adata, validation=0.25, space={"lr": [1e-3, 1e-2], "n_latent": [2, 3]}, n_trials=4, max_epochs=3,
        model_options={"widths": (4,)}, storage=folder / "search.db", accelerator="cpu", **QUIET,
    )  # fmt: skip
    return cr.get.tune_vae(adata)["val_loss"].to_numpy()


STORED = "other.zarr/image.ome.zarr"


def other_pixels():
    return np.random.default_rng(1).integers(0, 4000, (2, 1500, 1500)).astype("u2")


def check_images(folder):
    np.testing.assert_array_equal(open_source(str(folder / STORED)).array[...], other_pixels())


def work_images(folder):
    adata = read(folder)
    cr.pp.crops(adata, other_pixels(), size=16, channel_names=["DAPI", "membrane"], store=folder / "other.zarr")
    return cr.get.crops(adata, scaled=False)


@dataclass(frozen=True)
class Work:
    """What is done, and what of it is on disk: `old` reads what is there and raises if it is not whole."""

    work: object
    prepare: object = slide
    old: dict = field(default_factory=dict)


WORK = {
    "train_vae": Work(work_train),
    "model.save": Work(work_save, prepare_save, {"model": lambda folder: cr.load_model(folder / "model")}),
    "optimize_leiden": Work(work_leiden),
    "optimize_leiden, n_jobs=2": Work(work_leiden_in_processes),
    "optimize_multiplex_leiden": Work(work_multiplex),
    "classical_features": Work(work_features),
    "pp.transcripts": Work(work_transcripts, old={"sorted.parquet": check_transcripts}),
    "pp.crops": Work(work_images, old={STORED: check_images}),
    "pl.explorer": Work(work_explorer, old={"page.html": check_explorer}),
    "tune_vae": Work(work_search),
}

CONTEXT = multiprocessing.get_context("forkserver")
# what functions would import when they are called takes longer than what they do
MODULES = [module.name for module in pkgutil.walk_packages(cr.__path__, "crepr.") if "__main__" not in module.name]
CONTEXT.set_forkserver_preload(["killed", "bokeh.plotting", "lightning.pytorch", "ome_zarr.writer", "optuna", *MODULES])


def _run(name, folder, result, threads, started):
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    started.set()
    try:
        np.save(folder / f"{result}.npy", WORK[name].work(folder))
    except ValueError as error:
        (folder / f"{result}.txt").write_text(str(error))
        raise


def start(name, folder, result="result", threads=1):
    """Begin the work in a process of its own, which writes what comes of it under the name `result`."""
    started = CONTEXT.Event()
    process = CONTEXT.Process(target=_run, args=(name, folder, result, threads, started))
    process.start()
    while not started.wait(1):
        assert process.is_alive(), f"{name} ended before it began: {process.exitcode}"
    return process


def finish(name, folder, threads=1):
    """Do the work to its end; return its result and the seconds it took."""
    process, begin = start(name, folder, threads=threads), time.monotonic()
    process.join(SECONDS)
    assert process.exitcode == 0, f"{name} did not come to its end: {process.exitcode}"
    return np.load(folder / "result.npy"), time.monotonic() - begin


def kill(process, after):
    """Kill the process after so many seconds, and see that what it has started ends with it; whether it was in time."""
    time.sleep(after)
    in_time = process.is_alive()
    children = psutil.Process(process.pid).children(recursive=True) if in_time else []
    process.kill()
    process.join()
    _, alive = psutil.wait_procs(children, timeout=SECONDS)
    assert not alive, f"left behind: {[child.cmdline() for child in alive]}"
    return in_time


def digest(folder):
    """What is in a folder, by the name of each file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
