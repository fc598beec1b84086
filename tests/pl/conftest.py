from itertools import combinations

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from crepr import pp

SIZE = 16
COLORS = ["#e41a1c", "#377eb8", "#4daf4a"]


@pytest.fixture
def adata():
    """30 cells of three groups on a lattice, whose nuclei grow from cell to cell; 0.5 micrometres a pixel."""
    y, x = (np.mgrid[:5, :6] * 20 + 15).reshape(2, -1)
    rows, columns = np.mgrid[:110, :130]
    distance = np.hypot(rows - y[:, None, None], columns - x[:, None, None])
    width = np.linspace(2, 5, 30)[:, None, None]
    image = np.stack([(distance < width).any(axis=0), ((distance > 6) & (distance < 8)).any(axis=0)])
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"cell{i}" for i in range(30)]))
    adata.obs["kind"] = pd.Categorical(
        np.repeat(["small", "middle", "large"], [6, 12, 12]), ["small", "middle", "large"]
    )
    adata.obs["width"] = width.ravel()
    adata.obsm["spatial"] = np.stack([x + 0.5, y + 0.5], axis=1) * 0.5
    adata.obsm["X_umap"] = np.stack([width.ravel(), np.tile([0.0, 1.0, 2.0], 10)], axis=1)
    pp.crops(adata, image.astype(np.uint8), size=SIZE, axes="cyx", channel_names=["DAPI", "membrane"], pixel_size=0.5)
    return adata


@pytest.fixture
def mdata(adata):
    """Crops in `stain`; groups, their colours and the map in `rna`."""
    rna = ad.AnnData(np.zeros((30, 2), dtype=np.float32), obs=adata.obs.copy(), obsm={"X_umap": adata.obsm["X_umap"]})
    rna.uns["kind_colors"] = COLORS
    stain = adata.copy()
    stain.obs = stain.obs[[]]
    del stain.obsm["X_umap"]
    return md.MuData({"rna": rna, "stain": stain})


@pytest.fixture
def faults():
    """Return what of a figure's texts is cut by its edge, and which of them lie on each other."""

    def found(fig):
        fig.canvas.draw()
        width, height = fig.canvas.get_width_height()
        unseen = {id(text) for ax in fig.findobj(Axes) for axis in (ax.xaxis, ax.yaxis) for text in _unseen(ax, axis)}
        boxes = {
            text: text.get_window_extent()
            for text in fig.findobj(Text)
            if text.get_visible() and text.get_text().strip() and id(text) not in unseen
        }
        cut = [
            text.get_text() for text, (x0, y0, x1, y1) in ((text, box.extents) for text, box in boxes.items())
            if min(x0, y0) < -0.5 or x1 > width + 0.5 or y1 > height + 0.5
        ]  # fmt: skip
        pairs = [
            (one.get_text(), other.get_text()) for (one, a), (other, b) in combinations(boxes.items(), 2)
            if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1.5
        ]  # fmt: skip
        return cut + pairs

    return found


def _unseen(ax, axis):
    """Yield labels of ticks that lie beyond the ends of an axis, or of an axis that is not drawn."""
    low, high = sorted(axis.get_view_interval())
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        beyond = not low - 1e-9 <= tick.get_loc() <= high + 1e-9
        if beyond or not (ax.axison and axis.get_visible()):
            yield from (tick.label1, tick.label2)
