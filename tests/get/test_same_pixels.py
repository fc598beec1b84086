import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData

import crepr as cr
from crepr.get._molecule_reader import molecule_reader
from crepr.get._same_pixels import check_same_pixels

IMAGE = np.ones((1, 60, 60), np.uint8)


@pytest.fixture
def adata(rng, tmp_path):
    """Cells with crops at one pixel per unit, and three molecules in the middle of each."""
    cells = pd.DataFrame(index=[f"c{i}" for i in range(10)])
    adata = AnnData(np.zeros((10, 2)), cells, obsm={"spatial": rng.uniform(20, 40, (10, 2))})
    cr.pp.crops(adata, IMAGE, size=10)
    x, y = np.repeat(adata.obsm["spatial"], 3, axis=0).T
    molecules = pd.DataFrame({"x": x, "y": y, "gene": "0", "cell": np.repeat(adata.obs_names, 3)})
    cr.pp.transcripts(adata, molecules, cell="cell", path=tmp_path / "t.parquet", progress=False)
    adata.uns["molecules"] = molecules
    return adata


def test_crops_in_other_pixels_warn_and_cannot_be_read_with_the_molecules(adata, tmp_path):
    check_same_pixels(adata, adata)
    with pytest.warns(
        UserWarning, match="registered in other pixels .* after cr.pp.transcripts.*Run cr.pp.transcripts"
    ):
        cr.pp.crops(adata, np.ones((1, 120, 120), np.uint8), size=10, pixel_size=0.5)
    for read in (molecule_reader, lambda adata: check_same_pixels(adata[:3], adata[:3])):
        with pytest.raises(ValueError, match="molecules lie in the old ones. Run cr.pp.transcripts again"):
            read(adata)
    cr.pp.transcripts(adata, adata.uns["molecules"], cell="cell", path=tmp_path / "2.parquet", progress=False)
    _, y, x, _ = molecule_reader(adata).read(np.arange(10))
    np.testing.assert_allclose(np.stack([x, y], axis=1)[::3], adata.obsm["spatial"] * 2, rtol=1e-6)


def test_the_crops_may_be_in_another_modality(adata):
    stain = adata[:, :0].copy()
    del adata.obsm["crops"], adata.uns["crops"], stain.obsm["transcripts"], stain.uns["transcripts"]
    mdata = MuData({"rna": adata, "stain": stain})
    with pytest.warns(UserWarning, match="Run cr.pp.transcripts again"):
        cr.pp.crops(mdata, IMAGE, size=10, affine=np.diag([1.5, 1.5, 1]))
    with pytest.raises(ValueError, match="Run cr.pp.transcripts again"):
        check_same_pixels(stain, adata)
    molecule_reader(adata)  # knows of no crops


@pytest.mark.parametrize("again", [{"size": 8}, {"size": 8, "pixel_size": 1.0}])
def test_property_what_leaves_the_pixels_alone_is_no_reason(adata, again):
    cr.pp.crops(adata, **again)
    cr.pp.crops(adata, 2 * IMAGE, **again)
    check_same_pixels(adata, adata)


def test_molecules_with_a_map_of_their_own(adata, tmp_path):
    molecules = adata.uns["molecules"].assign(x=adata.uns["molecules"]["x"] / 2, y=adata.uns["molecules"]["y"] / 2)
    cr.pp.transcripts(adata, molecules, cell="cell", pixel_size=0.5, path=tmp_path / "2.parquet", progress=False)
    check_same_pixels(adata, adata)


def test_without_a_record_the_molecules_must_be_in_the_crops(adata):
    del adata.uns["transcripts"], adata.obsm["crops"], adata.uns["crops"]
    with pytest.warns(UserWarning, match="molecules of 10 of 10 cells lie outside of the cells' crops"):
        cr.pp.crops(adata, np.ones((1, 120, 120), np.uint8), size=10, pixel_size=0.5)
    check_same_pixels(adata, adata)
