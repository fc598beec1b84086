import anndata as ad
import numpy as np
import pandas as pd
import pytest
import shapely
from feature_cells import of_cp_measure
from skimage.io import imread

import crepr as cr

pytest.importorskip("cp_measure")


@pytest.mark.slow
def test_reference_nuclei_of_mouse_brain(real_data):
    """Real outlines, 8-bit images: the values of cp-measure, and nuclei brighter in DAPI within the cell than in its crop."""
    folder = real_data / "merfish_brain"
    if not folder.is_dir():
        pytest.skip("CREPR_DATA holds no merfish_brain")
    corners = pd.read_csv(folder / "z0_polygons.gz", dtype={"poly_ID": str})
    # pixels per micrometre of the files, and where they begin, from SOURCE.txt
    corners["x"], corners["y"] = (corners["x"] - 6400.029) * 9.20585, (-corners["y"] - 4699.967) * 9.20585
    image = np.stack([imread(folder / f"mini_dataset_{stain}_z0.jpg") for stain in ("dapi", "polyT")])
    outlines = {cell: shapely.Polygon(part[["x", "y"]]).buffer(0) for cell, part in corners.groupby("poly_ID")}
    height, width = image.shape[1:]
    inside = {
        cell: outline
        for cell, outline in outlines.items()
        if shapely.box(70, 70, width - 70, height - 70).contains(outline)
    }
    middle = np.array([outline.centroid.coords[0] for outline in inside.values()])[:60]
    adata = ad.AnnData(obs=pd.DataFrame(index=list(inside)[:60]), obsm={"spatial": middle})
    cr.pp.crops(adata, image, size=128, channel_names=["DAPI", "polyT"])
    cr.pp.masks(adata, {cell: inside[cell] for cell in adata.obs_names})
    with pytest.warns(UserWarning, match=r"'texture' in 1 of 60 cells; 'pearson' in 8 of 60 cells\."):
        cr.pp.classical_features(adata, masks=["cell", "crop"], progress=False)
    table, own = adata.obsm["X_classical"], cr.get.masks(adata, own=True)
    # where the images of the files end, or a stain is black, there is nothing to correlate
    spread = [
        np.ptp(crop[:, mask], axis=1).min() for crop, mask in zip(cr.get.crops(adata, scaled=False), own, strict=True)
    ]
    assert table["cell_Correlation_Pearson_DAPI|polyT"].isna().tolist() == [value == 0 for value in spread]
    assert table["cell_AreaShape_Area"].tolist() == own.sum((1, 2)).tolist()
    name = "Intensity_MeanIntensity_DAPI"
    assert (table[f"cell_{name}"] > table[f"crop_{name}"]).mean() > 0.9
    dapi = cr.get.crops(adata, scaled=False)[:, 0] / np.float32(255) * own
    expected = of_cp_measure("core.measuretexture", "get_texture", own, dapi.astype(float))
    for key, values in expected.items():
        np.testing.assert_allclose(table[f"cell_Texture_{key}_DAPI"], values, rtol=1e-4, atol=1e-6)
    selected = ad.AnnData(table)
    cr.pp.select_features(selected)
    assert 30 < selected.var["selected"].sum() < 400
