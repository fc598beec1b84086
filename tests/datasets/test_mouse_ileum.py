import shutil

import numpy as np
import pytest

from crepr import datasets


@pytest.fixture
def folder(real_data):
    return real_data / "mouse_ileum"


def test_anchor_what_the_paper_says(folder):
    mdata = datasets.mouse_ileum(folder)
    rna, stain = mdata["rna"], mdata["stain"]
    assert rna.shape == (5192, 241)
    assert stain.obsm["X_vae"].shape == (5192, 50)
    assert 1 - rna.X.nnz / np.prod(rna.shape) == pytest.approx(0.8962, abs=1e-4)
    sizes = rna.obs["cell_type"].value_counts()
    assert (len(sizes), sizes["Enterocyte (Mid Villus)"], sizes["Tuft"]) == (19, 769, 18)
    assert np.median(np.asarray(rna.X.sum(1))) == 106
    assert rna.obs_names.astype(int).is_monotonic_increasing


def test_error_another_file(folder, tmp_path, monkeypatch):
    for path in folder.glob("*.csv"):
        shutil.copy(path, tmp_path)
    (tmp_path / "cell_assignment.csv").write_text("cell,leiden_final\n1,Goblet\n")
    # a file that is not the one known is fetched anew
    monkeypatch.setattr("crepr.datasets._mouse_ileum.SOURCE", "file:///nowhere/")
    with pytest.raises(ValueError, match="file:///nowhere/cell_assignment.csv"):
        datasets.mouse_ileum(tmp_path)
