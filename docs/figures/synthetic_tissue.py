"""Draw docs/_static/synthetic_tissue.png: what `cr.datasets.synthetic_tissue` makes."""

import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import zarr
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.segmentation import find_boundaries

import crepr as cr

TARGET = Path(__file__).parents[1] / "_static" / "synthetic_tissue.png"
BLUE, AMBER = np.array([59, 111, 255]) / 255, np.array([255, 176, 0]) / 255
GENES = {"nucleus03": "#00F0A0", "type19": "#FF50C0", "granule02": "#FFFFFF"}
TOP, LEFT, SIDE = 290, 170, 230


def composite(image):
    """Light of both stains."""
    low, high = np.percentile(image, [20, 99.7], axis=(1, 2), keepdims=True)
    dapi, membrane = ((image - low) / (high - low)).clip(0, 1) ** 0.85
    return (dapi[..., None] * BLUE + membrane[..., None] * AMBER).clip(0, 1)


def scale_bar(ax, x, y, length, label):
    ax.plot([x, x + length], [y, y], color="white", linewidth=2.5, solid_capstyle="butt")
    ax.text(x + length / 2, y - 6, label, color="white", ha="center", va="bottom", fontsize=8)


mdata = cr.datasets.synthetic_tissue()
rna, stain = mdata["rna"], mdata["stain"]
store = zarr.open_group(stain.obsm["crops"]["image"].iloc[0], mode="r")
picture = composite(store["s0"][:])
labels = store["labels/cells/s0"][:]
table = pd.read_parquet(rna.obsm["transcripts"]["table"].iloc[0].partition("#")[0])
molecules = table.assign(gene=rna.var_names[table["gene"]])

kinds = stain.obs["cell_type"].cat.categories
colors = stain.uns["cell_type_colors"]
window = (slice(TOP, TOP + SIDE), slice(LEFT, LEFT + SIDE))
zoom, cells = picture[window], labels[window]
codes = np.append(stain.obs["cell_type"].cat.codes, -1)[cells - 1]
painted = np.vstack([to_rgb(color) for color in [*colors, "black"]])[codes]
painted *= (0.35 + 0.65 * zoom.mean(axis=2, keepdims=True) / 0.5).clip(0, 1)
painted[find_boundaries(cells, mode="inner")] *= 0.3

height, width = labels.shape
inches = 9.0
top = inches * height / width
side = (inches - 0.2) / 3
figure = plt.figure(figsize=(inches, top + side + 0.75), facecolor="white")
total = top + side + 0.75


def place(x, y, w, h):
    ax = figure.add_axes((x / inches, y / total, w / inches, h / total))
    ax.set_axis_off()
    return ax


overview = place(0, total - top, inches, top)
overview.imshow(gaussian_filter(picture, (0.8, 0.8, 0)), interpolation="antialiased")
overview.add_patch(Rectangle((LEFT, TOP), SIDE, SIDE, fill=False, edgecolor="white", linewidth=1.2))
scale_bar(overview, width - 130, height - 22, 100, "50 µm")
for i, panel in enumerate((zoom, painted, 0.35 * zoom)):
    ax = place(i * (side + 0.1), 0.65, side, side)
    ax.imshow(panel, extent=(LEFT, LEFT + SIDE, TOP + SIDE, TOP))
    if i == 2:
        for gene, color in GENES.items():
            shown = molecules[molecules["gene"] == gene]
            ax.scatter(shown["x"], shown["y"], s=5, color=color, linewidths=0)
    ax.set_xlim(LEFT, LEFT + SIDE)
    ax.set_ylim(TOP + SIDE, TOP)
    if i == 0:
        scale_bar(ax, LEFT + SIDE - 50, TOP + SIDE - 10, 40, "20 µm")

style = {"fontsize": 7, "frameon": False, "handlelength": 1, "handleheight": 0.8, "borderpad": 0, "columnspacing": 1}
stains = [Patch(color=BLUE, label="DAPI"), Patch(color=AMBER, label="membrane")]
types = [Patch(color=color, label=kind) for kind, color in zip(kinds, colors, strict=True)]
spots = [
    Patch(
        facecolor=color,
        edgecolor="0.5",
        linewidth=0.4,
        label="{}: {localisation}, follows {driver}".format(gene, **rna.var.loc[gene]),
    )
    for gene, color in GENES.items()
]
for i, (handles, columns) in enumerate(((stains, 2), (types, 3), (spots, 1))):
    x = (i * (side + 0.1) + side / 2) / inches
    figure.legend(handles=handles, ncols=columns, loc="upper center", bbox_to_anchor=(x, 0.6 / total), **style)

buffer = io.BytesIO()
figure.savefig(buffer, dpi=96)
# 18 levels of each colour are enough for the eye, and compress well
levels = np.rint(np.asarray(Image.open(buffer).convert("RGB")) / 15)
Image.fromarray((levels * 15).astype(np.uint8)).save(TARGET, optimize=True)
