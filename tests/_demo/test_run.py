import re

import mudata
import numpy as np
import pytest

from crepr import get, load_model
from crepr._demo._run import run_demo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    report = run_demo(folder, n_obs=200, epochs=1, epochs_both=1, folds=2, progress=False)
    assert report == folder / "report.html"
    return folder


@pytest.mark.slow
def test_report_is_one_page_with_code_times_and_figures(folder):
    page = (folder / "report.html").read_text()
    assert "cr.tl.train_vae(mdata, inputs=&quot;stain&quot;, hide_neighbours=True, max_epochs=1)" in page
    assert len(re.findall(r'<h2 id="step-\d', page)) >= 5
    assert page.count('src="data:image/png;base64,') >= 8
    # nothing is fetched from elsewhere
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "url(" not in page


@pytest.mark.slow
def test_data_and_models_are_kept(folder):
    mdata = mudata.read_h5mu(folder / "tissue.h5mu")
    assert mdata.obsm["X_vae"].shape == mdata["stain"].obsm["X_vae"].shape == (200, 50)
    assert {"cell_type", "leiden"} <= set(mdata.obs)
    assert get.crops(mdata, cells=np.arange(3)).shape == (3, 2, 48, 48)
    assert load_model(folder / "stain_vae").spec.inputs.keys() == {"stain"}
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_error_folder_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=r"out=.*cannot be written to"):
        run_demo(tmp_path / "file", progress=False)
