"""The recipes of docs/your_data.md, run as they stand on the page."""

import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import vendor_files
from anndata import AnnData, read_h5ad
from cells import CHANNELS, cut
from molecules import molecules_of

import crepr as cr

PAGE = (Path(__file__).parents[1] / "docs" / "your_data.md").read_text()
RECIPES = {
    "SpatialData": vendor_files.write_spatialdata,
    "MERSCOPE": vendor_files.write_merscope,
    "Xenium": vendor_files.write_xenium,
    "CosMx": vendor_files.write_cosmx,
    "TIFF and CSV": vendor_files.write_tiff_and_csv,
    "Image and masks only": vendor_files.write_tiff_and_csv,
    "OME-Zarr": vendor_files.write_ome_zarr,
    "scPortrait": vendor_files.write_h5sc,
    "Arrays": vendor_files.write_arrays,
}
WITH_MOLECULES = ("SpatialData", "MERSCOPE", "Xenium", "CosMx", "TIFF and CSV")
WITHOUT_MASKS = ("scPortrait", "Arrays")
# spatialdata, spatialdata-io and dask
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(?!crepr)"),
]


def blocks(text):
    return re.findall(r"^```python\n(.+?)^```", text, flags=re.DOTALL | re.MULTILINE)


def sections():
    """Title of each section to its code; the first is the one that all begin with."""
    start, *parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    return {"": blocks(start)} | {part.partition("\n")[0]: blocks(part) for part in parts}


@pytest.fixture
def tissue(rng):
    return vendor_files.make_tissue(rng)


@pytest.fixture
def follow(tmp_path, monkeypatch, tissue):
    """Runs a recipe where its files are, and gives the objects that its blocks end with."""

    def run(title):
        monkeypatch.chdir(tmp_path)
        RECIPES[title](tmp_path, tissue)
        names, ends = {}, []
        for code in sections()[""] + sections()[title]:
            exec(compile(code, title, "exec"), names)
            if "adata" in names:
                ends.append(names["adata"])
        return ends

    return run


def train(adata):
    cr.tl.train_vae(adata, max_epochs=1, n_latent=4, accelerator="cpu", progress=False)
    assert adata.obsm["X_vae"].shape == (24, 4)
    assert np.isfinite(adata.obsm["X_vae"]).all()
    adata.write_h5ad("trained.h5ad")
    again = read_h5ad("trained.h5ad")
    np.testing.assert_array_equal(cr.get.crops(again, scaled=False), cr.get.crops(adata, scaled=False))


def test_every_recipe_is_tested():
    assert [title for title, code in sections().items() if title and code] == list(RECIPES)
    table = re.findall(r"^\|.+\| \[(.+?)\]\(#(.+?)\) \|$", PAGE, flags=re.MULTILINE)
    assert [title for title, _ in table] == list(RECIPES)
    assert [anchor for _, anchor in table] == [title.lower().replace(" ", "-") for title in RECIPES]


def expected_crops(title, tissue, adata):
    """What a recipe must read: windows of 64 pixels around the cells, as far as its picture goes."""
    image, positions = tissue.image, tissue.positions
    if title == "CosMx":
        half = image.shape[2] // 2
        sides = [int(fov == 12) for fov in adata.obs["fov"]]
        order = np.argsort(positions[:, 0] >= half, kind="stable")
        return np.concatenate(
            [
                cut(image[..., s * half : (s + 1) * half], positions[i][None] - [s * half, 0], 64)
                for s, i in zip(sides, order, strict=True)
            ]
        ), order
    if title == "Xenium":
        image = image[[0, 1, 0, 1]]
    return cut(image, positions, 64), np.arange(24)


@pytest.mark.parametrize("title", [title for title in RECIPES if title not in WITHOUT_MASKS])
def test_recipe(follow, tissue, title):
    if title == "Xenium":
        pytest.importorskip("spatialdata_io", reason="needs the extra 'vendors'")
    ends = follow(title)
    assert "masks" in ends[0].obsm
    assert ("transcripts" in ends[0].obsm) == (title in WITH_MOLECULES)
    for adata in ends:
        expected, order = expected_crops(title, tissue, adata)
        read = cr.get.crops(adata, scaled=False)
        if title == "Image and masks only":  # centroids of pixels are not quite where the cells were put
            expected = cut(tissue.image, adata.obsm["crops"][["x", "y"]].to_numpy(), 64)
            np.testing.assert_allclose(adata.obsm["crops"][["x", "y"]], tissue.positions, atol=0.2)
        np.testing.assert_array_equal(read, expected)
        if "masks" in adata.obsm:
            own, taken = cr.get.masks(adata, own=True), cr.get.masks(adata) > 0
            assert own.sum(axis=(1, 2)).max() == pytest.approx(np.pi * vendor_files.RADIUS**2, rel=0.03)
            assert np.median(read[:, -1][own]) > 2 * np.median(read[:, -1][~taken])
        if "transcripts" in adata.obsm:
            check_molecules(title, adata, tissue, order)
        train(adata)


def check_molecules(title, adata, tissue, order):
    """All molecules are in their cells, at their pixels."""
    truth = tissue.molecules.query("cell >= 0")
    assert adata.uns["transcripts"]["counts"]["kept"] == len(truth)
    half = tissue.image.shape[2] // 2
    for (_, found), cell in zip(molecules_of(adata).items(), order, strict=True):
        mine = truth[truth["cell"] == cell]
        x = mine["x"] - half * (title == "CosMx" and tissue.positions[cell, 0] >= half)
        wanted = sorted(zip(mine["y"], x, mine["gene"], strict=True))
        np.testing.assert_allclose([spot[:2] for spot in found], [spot[:2] for spot in wanted], atol=2e-3)
        assert [spot[2] for spot in found] == [spot[2] for spot in wanted]


def test_recipe_scportrait(follow, tissue):
    (adata,) = follow("scPortrait")
    assert adata.uns["crops"]["channels"].tolist() == CHANNELS
    assert adata.obs["scportrait_cell_id"].tolist() == list(range(101, 125))
    stains = np.load("crops.npy")
    scaled = (stains / stains.max(axis=(2, 3), keepdims=True)).astype(np.float16)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), scaled)
    assert not adata.uns.get("spatial")
    train(adata)


def test_recipe_arrays(follow, tissue):
    image, crops = follow("Arrays")
    np.testing.assert_array_equal(cr.get.crops(image, scaled=False), cut(tissue.image, tissue.positions, 64))
    np.testing.assert_array_equal(cr.get.crops(crops, scaled=False), cut(tissue.image, tissue.positions, 32))
    for adata in (image, crops):
        assert "spatial" not in adata.uns
        train(adata)


def test_xenium_picture_as_it_is(tmp_path, tissue):
    vendor_files.write_xenium(tmp_path, tissue)
    adata = AnnData(obsm={"spatial": tissue.positions * 0.2125})
    cr.pp.crops(adata, tmp_path / "outs/morphology_focus/morphology_focus_0000.ome.tif", pixel_size=0.2125, size=64)
    np.testing.assert_array_equal(
        cr.get.crops(adata, scaled=False), cut(tissue.image[[0, 1, 0, 1]], tissue.positions, 64)
    )


def test_h5sc_of_before_scportrait_1_3(tmp_path, tissue):
    vendor_files.write_arrays(tmp_path, tissue)
    crops = np.load(tmp_path / "crops.npy")
    with h5py.File(tmp_path / "single_cells.h5sc", "w") as file:
        file["single_cell_data"] = crops
        file["single_cell_index"] = np.arange(48).reshape(24, 2)
    adata = AnnData(obs=pd.DataFrame(index=[str(i) for i in range(24)]))
    cr.pp.crops(adata, f"{tmp_path}/single_cells.h5sc#single_cell_data", channel_names=CHANNELS)
    np.testing.assert_array_equal(cr.get.crops(adata, scaled=False), crops)


def test_recipe_of_tiff_and_csv_on_a_mouse_brain(real_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vendor_files.write_brain(tmp_path, real_data / "merfish_brain")
    names = {}
    for code in sections()[""] + sections()["TIFF and CSV"]:
        exec(code, names)
    adata = names["adata"]
    assert adata.n_obs > 300
    light = cr.get.crops(adata, scaled=False, channels=["DAPI"])[:, 0]
    own, taken = cr.get.masks(adata, own=True), cr.get.masks(adata) > 0
    assert light[own].mean() > 1.1 * light[~taken].mean()
    assert adata.uns["transcripts"]["counts"]["kept"] == adata.X.sum()


def test_readers_that_do_not_run_yet(tmp_path, tissue):
    """Once they do, the recipes of MERSCOPE and CosMx may take them."""
    spatialdata_io = pytest.importorskip("spatialdata_io", reason="needs the extra 'vendors'")
    vendor_files.write_merscope(tmp_path, tissue)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dtype'"):
        spatialdata_io.merscope(tmp_path / "region_0", mosaic_images=False)
