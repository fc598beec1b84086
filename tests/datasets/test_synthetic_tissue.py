import mudata
import numpy as np
import pandas as pd
import pytest
import zarr
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from crepr import datasets, get
from crepr.images._open import open_source
from crepr.images._windows import read_windows


@pytest.fixture(scope="module")
def mdata(tmp_path_factory):
    return datasets.synthetic_tissue(600, path=tmp_path_factory.mktemp("tissue"), rng=1)


def image_of(mdata):
    return mdata["stain"].obsm["crops"]["image"].cat.categories[0]


def accuracy_of(features, types):
    guess = cross_val_predict(KNeighborsClassifier(10), features, types, cv=4)
    return balanced_accuracy_score(types, guess)


def test_anchor_modalities_agree(mdata):
    rna, stain = mdata["rna"], mdata["stain"]
    assert (rna.shape, stain.shape) == ((600, 60), (600, 2))
    assert list(stain.var_names) == ["DAPI", "membrane"]
    for adata in (rna, stain):
        assert adata.obs_names.equals(mdata.obs_names)
        assert adata.obs["cell_type"].equals(mdata.obs["cell_type"])
        assert len(adata.uns["cell_type_colors"]) == len(adata.obs["cell_type"].cat.categories) == 10
        np.testing.assert_array_equal(adata.obsm["spatial"], stain.obsm["spatial"])


def test_anchor_positions_are_centroids_in_micrometres(mdata):
    labels = open_source(f"{image_of(mdata)}/labels/cells").array[0]
    row, column = np.nonzero(labels == 12)
    assert mdata["stain"].obsm["spatial"][11] == pytest.approx([(column.mean() + 0.5) / 2, (row.mean() + 0.5) / 2])
    assert mdata["stain"].obs["cell_area"].iloc[11] == len(row) / 4


def test_reference_counts_are_those_of_the_registered_molecules(mdata):
    rna = mdata["rna"]
    table = rna.obsm["transcripts"]
    np.testing.assert_array_equal((table["stop"] - table["start"]).to_numpy(), np.asarray(rna.X.sum(axis=1)).ravel())
    counts = rna.uns["transcripts"]["counts"]
    assert counts["kept"] == rna.X.sum()
    assert counts["no_cell"] > 0
    assert list(rna.uns["transcripts"]["genes"]) == list(rna.var_names)


def test_reference_masks_are_the_cells_of_the_table(mdata):
    masks = mdata["stain"].obsm["masks"]
    assert masks["label"].tolist() == list(range(1, 601))
    spatial = mdata["stain"].obsm["spatial"] * 2
    labels = open_source(f"{image_of(mdata)}/labels/cells")
    pixel = read_windows(labels, *np.floor(spatial.T[::-1]).astype(int), 1, channels=[0]).ravel()
    # the centroid of a bent cell can lie outside it
    assert np.mean(pixel == masks["label"]) > 0.98


def test_reference_image_is_ome_zarr_with_names_and_pixel_size(mdata):
    source = open_source(image_of(mdata))
    assert source.channels == ("DAPI", "membrane")
    assert source.pixel_size == 0.5
    assert source.dtype == np.uint16
    group = zarr.open_group(image_of(mdata), mode="r")
    assert group["labels"].attrs["ome"]["labels"] == ["cells", "nuclei"]
    assert [level["path"] for level in group.attrs["ome"]["multiscales"][0]["datasets"]] == ["s0", "s1", "s2"]


def test_property_types_can_be_told_apart_by_crops_and_counts_but_not_perfectly(mdata):
    types = mdata.obs["cell_type"].cat.codes.to_numpy()
    common = np.isin(types, np.flatnonzero(np.bincount(types) >= 10))
    crops = get.crops(mdata, mod="stain").reshape(600, -1)[common]
    by_crops = accuracy_of(PCA(30, random_state=0).fit_transform(crops), types[common])
    counts = np.log1p(mdata["rna"].X.toarray())[common]
    by_counts = accuracy_of(PCA(15, random_state=0).fit_transform(counts), types[common])
    chance = 1 / len(np.unique(types[common]))
    assert 2 * chance < by_crops < 0.9
    assert 0.6 < by_counts < 0.98


def test_property_same_seed_same_data_and_files_are_replaced(tmp_path):
    first = datasets.synthetic_tissue(40, n_genes=20, size=16, path=tmp_path, rng=5)
    again = datasets.synthetic_tissue(40, n_genes=20, size=16, path=tmp_path, rng=np.random.default_rng(5))
    assert (first["rna"].X != again["rna"].X).nnz == 0
    np.testing.assert_array_equal(get.crops(first), get.crops(again))
    pd.testing.assert_frame_equal(first["stain"].obs, again["stain"].obs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tissue.ome.zarr", "transcripts.parquet"]


def test_property_survives_writing_and_subsetting(mdata, tmp_path):
    mdata.write(tmp_path / "tissue.h5mu")
    read = mudata.read_h5mu(tmp_path / "tissue.h5mu")[100:110].copy()
    np.testing.assert_array_equal(get.crops(read), get.crops(mdata, cells=np.arange(100, 110)))


def test_property_numbers_drawn_elsewhere_stay_the_same():
    state = np.random.get_state()
    datasets.synthetic_tissue(30, n_genes=10, size=16)
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_obs": 0}, ValueError, "n_obs must be at least 1, got 0"),
        ({"n_obs": 40.0}, TypeError, "n_obs must be an integer"),
        ({"n_genes": 0}, ValueError, "n_genes must be at least 1"),
        ({"pixel_size": 0}, ValueError, "pixel_size must be a finite number above 0"),
        ({"pixel_size": 1.5}, ValueError, "pixel_size must be at most 1 micrometre"),
        ({"n_obs": 20, "size": 400}, ValueError, r"size=400 is larger than the image of 20 cells \(150 x \d+ pixels\)"),
    ],
)
def test_error(options, error, match, tmp_path):
    with pytest.raises(error, match=match):
        datasets.synthetic_tissue(**{"path": tmp_path, **options})
    assert not list(tmp_path.iterdir())


def test_error_folder_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=r"path=.*cannot be written to"):
        datasets.synthetic_tissue(30, n_genes=5, size=16, path=tmp_path / "file")
