from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "tutorials" / "yeast_proteins.ipynb"


@pytest.fixture(scope="module")
def run(real_data):
    """What the cells of the notebook leave behind, with one epoch for each model."""
    if not (real_data / "yeast_paired").is_dir():
        pytest.skip("CREPR_DATA holds no yeast_paired")
    names = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{NOTEBOOK.name}:{cell.id}", "exec"), names)
        if "parameters" in cell.metadata.get("tags", []):
            names["max_epochs"] = 1
    plt.close("all")
    return names


def test_all_layers_and_rivals_are_judged(run):
    told = run["told"]
    assert told.groupby(level=0).size().to_dict() == {
        "PCA of pixels": 1,
        "autoencoder": 5,
        "classical features": 1,
        "inpainting": 5,
    }
    assert told["inpainting"].max() > 0.3


def test_fields_have_profiles(run):
    assert run["profiles"].n_obs == 20
    assert "mixture_score" in run["yeast"].obs
