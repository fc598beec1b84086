import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.stats import mannwhitneyu
from skimage.measure import regionprops_table

from crepr.datasets._label_pixels import LabelPixels
from crepr.datasets._simulate_tissue import simulate_tissue
from crepr.datasets._tissue_genes import tissue_genes, tissue_rates
from crepr.datasets._tissue_labels import inner_border, tissue_labels
from crepr.datasets._tissue_layout import tissue_layout
from crepr.datasets._tissue_molecules import tissue_molecules
from crepr.datasets._tissue_types import CELL_TYPES

NAMES = [kind.name for kind in CELL_TYPES]
CODE = {name: code for code, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def tissue():
    return simulate_tissue(800, n_genes=60, pixel_size=0.5, rng=np.random.default_rng(0))


def counts_of(tissue):
    counts = np.zeros((len(tissue.cells), len(tissue.genes)))
    inside = tissue.molecules[tissue.molecules["cell"] >= 0]
    np.add.at(counts, (inside["cell"], inside["gene"]), 1)
    return counts


def one_cell(**shape):
    values = {"y": 20, "x": 25, "length": 12, "width": 6, "squareness": 2, "nuclear_length": 6, "nuclear_width": 3}
    values |= {"offset": 0, "angle": 0, "lobes": 0, "lobe_phase": 0}
    return pd.DataFrame({name: [float(value)] for name, value in (values | shape).items()})


def test_anchor_areas_of_one_cell_are_those_of_ellipses():
    labels, nuclei = tissue_labels(one_cell(), (400, 500), 0.1)
    # the outline of a cell wavers by 6 %, which adds a little to its area
    assert (labels == 1).sum() * 0.01 == pytest.approx(np.pi * 12 * 6, rel=0.02)
    assert (nuclei == 1).sum() * 0.01 == pytest.approx(np.pi * 6 * 3, rel=0.01)


def test_anchor_lobes_change_the_outline_but_not_the_area():
    shape = {"width": 12, "nuclear_length": 5, "nuclear_width": 5}
    _, plain = tissue_labels(one_cell(**shape), (400, 500), 0.1)
    _, lobed = tissue_labels(one_cell(**shape, lobes=0.35), (400, 500), 0.1)
    assert lobed.sum() == pytest.approx(plain.sum(), rel=0.01)
    assert (lobed != plain).sum() > 0.1 * plain.sum()


def test_anchor_molecules_lie_where_their_gene_says(rng):
    labels, nuclei = tissue_labels(one_cell(), (400, 500), 0.1)
    rates = np.full((1, 3), 4000.0)
    molecules = tissue_molecules(rates, ["nuclear", "membrane", "diffuse"], labels, nuclei, rng)
    row, column = molecules[["y", "x"]].to_numpy().astype(int).T
    in_nucleus, in_border = nuclei[row, column] > 0, inner_border(labels)[row, column]
    share = molecules.assign(nucleus=in_nucleus, border=in_border).groupby("gene")[["nucleus", "border"]].mean()
    # 12 % of a gene's molecules stray within the cell, 3 % anywhere
    assert share.loc[0, "nucleus"] > 0.85
    assert share.loc[1, "border"] > 0.8
    assert share.loc[2, "nucleus"] == pytest.approx((nuclei > 0).sum() / (labels > 0).sum(), abs=0.05)


@pytest.mark.parametrize("n_obs", [1, 30, 150, 700])
def test_property_layout_has_as_many_cells_as_asked_for(n_obs, rng):
    cells, height, width = tissue_layout(n_obs, rng)
    inside = cells["x"].between(0, width, inclusive="left") & cells["y"].between(0, height, inclusive="left")
    assert inside.sum() == n_obs
    assert inside[:n_obs].all()


def test_property_same_seed_same_tissue():
    first, again, other = (
        simulate_tissue(60, n_genes=20, pixel_size=0.5, rng=np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.image, again.image)
    pd.testing.assert_frame_equal(first.molecules, again.molecules)
    assert not first.molecules.equals(other.molecules)


def test_property_abundances_differ_twentyfold(tissue):
    counts = np.bincount(tissue.cells["type"], minlength=len(NAMES))
    assert counts.min() >= 1
    assert counts.max() >= 20 * counts.min()


def test_property_cells_are_whole_and_touch(tissue):
    cells = regionprops_table(tissue.labels, properties=("label", "euler_number", "area"))
    assert cells["label"].tolist() == list(range(1, len(tissue.cells) + 1))
    assert (cells["euler_number"] <= 1).all(), "each cell is one piece"
    for name in ("Enterocyte", "Smooth muscle"):
        mine = np.flatnonzero(tissue.cells["type"] == CODE[name]) + 1
        touching = [
            len(np.unique(tissue.labels[binary_dilation(window == label)])) > 2
            for label in mine[:20]
            for window in [tissue.labels]
        ]
        assert np.mean(touching) > 0.8


def test_property_nuclei_lie_in_their_cells(tissue):
    nucleus = tissue.nuclei > 0
    np.testing.assert_array_equal(tissue.nuclei[nucleus], tissue.labels[nucleus])
    assert not (nucleus & inner_border(tissue.labels)).any()


def test_property_types_look_different(tissue):
    shapes = tissue.cells.assign(type=np.array(NAMES)[tissue.cells["type"]]).groupby("type")
    elongation, area, granularity = (shapes[name].median() for name in ("elongation", "nuclear_area", "granularity"))
    assert elongation["Smooth muscle"] > 2 * elongation["T CD4"]
    assert area["Macrophage resting"] > 1.4 * area["T CD4"]
    assert granularity["Goblet"] > 4 * granularity["Enterocyte"]


def test_property_images_show_the_cells(tissue):
    dapi, membrane = tissue.image
    assert tissue.image.dtype == np.uint16
    assert dapi[tissue.nuclei > 0].mean() > 2.5 * dapi[tissue.nuclei == 0].mean()
    assert membrane[inner_border(tissue.labels)].mean() > 1.5 * membrane[tissue.nuclei > 0].mean()
    # where there is no tissue, pixels differ from their neighbours by the noise of the camera
    empty = gaussian_filter((tissue.labels > 0).astype(float), 8) < 1e-3
    noise = np.diff(dapi.astype(float), axis=1)[empty[:, 1:]].std() / np.sqrt(2)
    assert 25 < noise < 60


def test_property_second_field_is_dimmer(tissue):
    half = tissue.image.shape[2] // 2
    nuclei = np.where(tissue.nuclei > 0, tissue.image[0] - 300.0, np.nan)
    assert np.nanmean(nuclei[:, half:]) == pytest.approx(0.87 * np.nanmean(nuclei[:, :half]), rel=0.06)
    assert set(tissue.cells["batch"]) == {0, 1}


def test_property_pairs_differ_in_one_thing_only(tissue):
    genes, counts = tissue.genes, counts_of(tissue)

    def p_values(first, second, values):
        rows = [tissue.cells["type"].to_numpy() == CODE[name] for name in (first, second)]
        return np.array([mannwhitneyu(column[rows[0]], column[rows[1]]).pvalue for column in values.T])

    shape = tissue.cells[["nuclear_area", "elongation", "granularity"]].to_numpy()
    assert p_values("T CD4", "T CD8", shape).min() > 0.01
    assert p_values("T CD4", "T CD8", counts[:, genes["driver"] == "cell_type"]).min() < 1e-9
    assert p_values("Macrophage resting", "Macrophage active", counts).min() > 0.01 / len(genes)
    lobed = tissue.cells.groupby("type")["lobes"].mean()
    assert lobed[CODE["Macrophage active"]] > 0.3
    assert lobed[CODE["Macrophage resting"]] == 0


def test_property_genes_follow_their_driver(tissue):
    counts = counts_of(tissue)
    drivers = ["nuclear_area", "elongation", "granularity"]
    ranks = tissue.cells[drivers].rank().to_numpy()
    for driver, genes in tissue.genes.groupby("driver", observed=True).groups.items():
        total = counts[:, tissue.genes.index.isin(genes)].sum(axis=1)
        correlation = pd.Series(np.corrcoef(np.column_stack([ranks, total]).T)[-1, :-1], index=drivers)
        if driver in drivers:
            assert correlation[driver] > 0.5
            assert correlation.idxmax() == driver
        elif driver == "none":
            assert correlation.abs().max() < 0.15


def test_property_every_driver_has_genes_of_every_place():
    table = tissue_genes(60).groupby(["driver", "localisation"], observed=False).size()
    assert (table > 0).all()
    assert len(tissue_genes(7)) == 7


def test_rates_of_types_with_one_profile_are_equal(rng):
    cells = pd.DataFrame({"type": [CODE["Macrophage resting"], CODE["Macrophage active"], CODE["T CD4"]]})
    cells = cells.assign(nuclear_area=[30.0, 30.0, 20.0], elongation=[1.5, 1.5, 1.2], granularity=[0.5, 0.5, 0.1])
    rates = tissue_rates(cells, tissue_genes(40), rng)
    np.testing.assert_allclose(rates[0], rates[1])
    assert (rates[0] != rates[2]).any()


def test_label_without_pixels_gives_no_place(rng):
    pixels = LabelPixels.of(np.array([[1, 1, 3]]), np.ones((1, 3), dtype=bool), 3)
    assert pixels.count.tolist() == [2, 0, 1]
    drawn = pixels.draw(np.array([0, 1, 2]), rng)
    assert drawn[0] in (0, 1)
    assert drawn[1:].tolist() == [-1, 2]
