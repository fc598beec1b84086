import tempfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from notebooks import run_notebook
from skimage.draw import polygon
from skimage.io import imread

import crepr as cr
from crepr.get._crop_reader import mask_reader
from crepr.get._molecule_reader import molecule_reader

pytestmark = [
    pytest.mark.filterwarnings("ignore:Features that are undefined"),
    pytest.mark.filterwarnings("ignore:.* genes are constant in the held-out cells"),
]

# pixels per micrometre of the JPEG files, and where they begin, from SOURCE.txt
SCALE, LEFT, TOP = 9.20585, 6400.029, 4699.967


@pytest.fixture(scope="module")
def raw(real_data):
    folder = real_data / "merfish_brain"
    if not folder.is_dir():
        pytest.skip("CREPR_DATA holds no merfish_brain")
    return folder


@pytest.fixture(scope="module")
def run(raw, tmp_path_factory):
    """What the cells of the notebook leave behind, with one epoch for each model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("merfish_brain")))
        yield run_notebook("merfish_brain", max_epochs=dict.fromkeys(("VAE1", "VAE2", "VAE5"), 1))


@pytest.fixture(scope="module")
def outlines(raw):
    """Corners (x, y) of each cell in pixels of the JPEG files."""
    corners = pd.read_csv(raw / "z0_polygons.gz", dtype={"poly_ID": str})
    corners["x"] = (corners["x"] - LEFT) * SCALE
    corners["y"] = (-corners["y"] - TOP) * SCALE
    return {cell: part[["x", "y"]].to_numpy() for cell, part in corners.groupby("poly_ID")}


@pytest.fixture(scope="module")
def dapi(raw):
    return imread(raw / "mini_dataset_dapi_z0.jpg")


@pytest.fixture(scope="module")
def in_outlines(outlines, dapi):
    drawn = np.zeros(dapi.shape, dtype=bool)
    for corners in outlines.values():
        drawn[polygon(corners[:, 1] - 0.5, corners[:, 0] - 0.5, dapi.shape)] = True
    return drawn


def away_from_border(mdata, dapi):
    """Cells whose windows of 64 pixels, each 2 x 2 of the JPEG files, were not shifted."""
    middle = mdata["rna"].obsm["spatial"] - (LEFT, TOP)
    return ((middle * SCALE >= 64) & (middle * SCALE <= np.array(dapi.shape[::-1]) - 65)).all(axis=1)


def test_outlines_of_the_files_lie_on_nuclei(dapi, in_outlines):
    assert dapi[in_outlines].mean() >= 2 * dapi[~in_outlines].mean()
    upside_down = in_outlines[::-1]
    assert dapi[upside_down].mean() < 2 * dapi[~upside_down].mean()


@pytest.mark.slow
def test_own_pixels_of_crops_are_nuclei(run, dapi, in_outlines):
    mdata = run["mdata"]
    cells = np.arange(mdata.n_obs)
    crops = cr.get.crops(mdata, channels=["DAPI"], scaled=False)[:, 0]
    own = (
        mask_reader(mdata["stain"]).read(cells)[:, 0] == mdata["stain"].obsm["masks"]["label"].to_numpy()[:, None, None]
    )
    assert crops.shape == own.shape == (mdata.n_obs, 64, 64)
    assert own.any(axis=(1, 2)).all()
    assert crops[own].mean() >= 2 * dapi[~in_outlines].mean()


@pytest.mark.slow
def test_crops_are_centred_on_nuclei(run, dapi):
    mdata = run["mdata"]
    whole = away_from_border(mdata, dapi)
    assert whole.mean() > 0.9
    labels = mask_reader(mdata["stain"]).read(np.arange(mdata.n_obs))[:, 0]
    own = labels == mdata["stain"].obsm["masks"]["label"].to_numpy()[:, None, None]
    places = np.mgrid[:64, :64] + 0.5
    middle = (places[:, None] * own).sum(axis=(2, 3)) / own.sum(axis=(1, 2))
    shift = np.hypot(*(middle - 32))[whole]
    # half a pixel is rounding; long cells do not fit into their windows
    assert np.median(shift) < 1
    assert np.quantile(shift, 0.95) < 5
    mean = cr.get.crops(mdata, whole, channels=["DAPI"], scaled=False)[:, 0].mean(axis=0)
    rim = np.ones((64, 64), dtype=bool)
    rim[8:-8, 8:-8] = False
    assert mean[24:40, 24:40].mean() > 1.5 * mean[rim].mean()


@pytest.mark.slow
def test_crops_hold_the_pixels_of_the_files(run, dapi):
    mdata = run["mdata"]
    crops = cr.get.crops(mdata, channels=["DAPI"], scaled=False)[:, 0].astype(float)
    middle = (mdata["rna"].obsm["spatial"] - (LEFT, TOP)) * SCALE
    for i in np.flatnonzero(away_from_border(mdata, dapi)):
        x, y = np.round(middle[i] / 2 - 32).astype(int) * 2
        expected = dapi[y : y + 128, x : x + 128].reshape(64, 2, 64, 2).mean(axis=(1, 3))
        # half a pixel more or less is a matter of rounding
        shifts = [
            crops[i, 1:-1, 1:-1] - expected[1 + dy : 63 + dy, 1 + dx : 63 + dx]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        assert min(np.abs(shift).max() for shift in shifts) <= 0.5


@pytest.mark.slow
def test_assigned_transcripts_lie_in_their_outlines(run, raw, outlines):
    rna = run["mdata"]["rna"]
    reader = molecule_reader(rna)
    cell, y, x, gene = reader.read(np.arange(rna.n_obs))
    counts = rna.uns["transcripts"]["counts"]
    assert len(cell) == counts["kept"] > 5000
    shapes = gpd.GeoSeries({name: shapely.Polygon(outlines[name] / 2) for name in rna.obs_names}).make_valid()
    # places are kept as float32
    assert shapely.distance(shapes.array[cell], shapely.points(x, y)).max() < 1e-3
    # and none that lies in an outline is missing
    table = pd.read_csv(raw / "vizgen_transcripts.gz")
    table = table[(table["global_z"] == 0) & table["gene"].isin(reader.genes)]
    places = gpd.points_from_xy((table["global_x"] - LEFT) * SCALE / 2, (table["global_y"] - TOP) * SCALE / 2)
    joined = gpd.GeoDataFrame(table[["gene"]], geometry=places).sjoin(gpd.GeoDataFrame(geometry=shapes))
    expected = pd.crosstab(joined["index_right"], joined["gene"]).reindex(
        rna.obs_names, columns=reader.genes, fill_value=0
    )
    found = np.zeros(expected.shape, dtype=int)
    np.add.at(found, (cell, gene), 1)
    assert np.abs(found - expected.to_numpy()).sum() <= 5
    assert (expected.sum() > 100).all()


@pytest.mark.slow
def test_latents_and_clusters(run):
    mdata, stain = run["mdata"], run["mdata"]["stain"]
    for owner in (mdata["rna"], stain, mdata):
        latent = owner.obsm["X_vae"]
        assert latent.shape == (mdata.n_obs, 50)
        assert latent.dtype == np.float32
        assert np.isfinite(latent).all()
        assert (latent.std(axis=0) > 0).any()
        assert len(owner.uns["vae"]["history"]) == 1
    assert list(stain.obs_names) == list(mdata["rna"].obs_names)
    for name in ("counts", "VAE1", "VAE2", "VAE5"):
        assert stain.obs[f"leiden_{name}"].notna().all()
        assert stain.obsm[f"X_umap_{name}"].shape == (mdata.n_obs, 2)
    assert len(stain.obs["leiden_counts"].unique()) > 1
