from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "tutorials" / "what_does_not_matter.ipynb"


@pytest.fixture(scope="module")
def run(real_data):
    """What the cells of the notebook leave behind, with few epochs for each model; some are needed until latents are used."""
    if not (real_data / "jurkat_cellcycle").is_dir():
        pytest.skip("CREPR_DATA holds no jurkat_cellcycle")
    names = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{NOTEBOOK.name}:{cell.id}", "exec"), names)
        if "parameters" in cell.metadata.get("tags", []):
            names["max_epochs"] = {"simulated": 8, "jurkat": 1}
    plt.close("all")
    return names


def test_pose_is_that_of_the_simulation(run):
    assert run["axis"].abs().median() < 1


def test_each_representation_is_judged(run):
    rows = run["rows"]
    assert list(rows) == ["PCA of aligned pixels", "VAE", "ME-VAE"]
    # without training, the baseline that has none
    assert rows["PCA of aligned pixels"]["accuracy of the phase"] > 0.6
    assert all(abs(row["R2 of the rotation"]) <= 1 for row in rows.values())
