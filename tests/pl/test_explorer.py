import base64
import html
import io
import json
import re
import sys

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from bokeh.core.serialization import Deserializer
from matplotlib import pyplot as plt
from PIL import Image
from scipy.sparse import csc_matrix, csr_matrix

from crepr import get, pl, pp
from crepr.pl._compose import compose
from crepr.pl._style import COLORS

SIDE = 16
NASTY = """</script><script>alert('1')</script> "x" & &lt; \\ é細胞, {{ 7 }} @x"""


class Written:
    """What stands in a page, read back."""

    def __init__(self, path):
        self.html = path.read_text(encoding="utf-8")
        (text,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', self.html, flags=re.DOTALL)
        (document,) = json.loads(html.unescape(text)).values()
        decoder = Deserializer()
        (self.root,) = decoder.decode(document["roots"])
        ((code,),) = decoder.decode(document["callbacks"]).values()
        self.given = code.args
        self.columns = {column["name"]: column for column in code.args["columns"]}
        self.choices = [column["name"] for column in code.args["columns"] if column["choose"]]
        self.tooltips = [code.args["columns"][i]["name"] for i in code.args["tooltips"]]

    def figure(self, name):
        return self.root.select_one({"name": name})

    def points(self, name):
        (renderer, *_) = self.figure(name).renderers
        data, glyph = renderer.data_source.data, renderer.glyph
        return np.column_stack([data[glyph.x.field], data[glyph.y.field]])

    def values(self, name):
        """Values of a gene, told by its codes."""
        column = self.columns[name]
        codes = np.asarray(column["values"])
        assert codes.dtype == np.uint16
        return np.where(codes == self.given["missing_code"], np.nan, column["low"] + codes * column["step"])

    def labels(self, name):
        column = self.columns[name]
        return [column["groups"][code] if code >= 0 else None for code in column["values"]]

    def pictures(self):
        """Pictures of all cells, cut out of the sheets."""
        crops, side = self.given["crops"], SIDE
        sheets = [
            np.asarray(Image.open(io.BytesIO(base64.b64decode(uri))))
            for uri in re.findall(r"\.sheet-\d+ { background-image: url\(data:image/jpeg;base64,(.+?)\)", self.html)
        ]
        made = []
        for i in range(len(self.given["cells"])):
            sheet, place = divmod(i, crops["per_sheet"])
            y, x = np.multiply(divmod(place, crops["columns"]), side)
            made.append(sheets[sheet][y : y + side, x : x + side])
        return np.stack(made)


@pytest.fixture
def page(tmp_path):
    def write(data, **options):
        return Written(pl.explorer(data, tmp_path / "page.html", progress=False, **options))

    return write


def test_anchor_cells_on_the_map_and_in_the_tissue(adata, page):
    written = page(adata)
    assert written.given["cells"] == adata.obs_names.tolist()
    np.testing.assert_array_equal(written.points("map"), adata.obsm["X_umap"])
    np.testing.assert_array_equal(written.points("tissue"), adata.obsm["spatial"])
    tissue = written.figure("tissue")
    # as in the image: y downwards, and true to scale
    assert tissue.y_range.flipped
    assert tissue.match_aspect
    assert {figure.output_backend for figure in (tissue, written.figure("map"))} == {"webgl"}
    assert "30 cells" in written.html


def test_anchor_selection_is_shared(adata, page):
    written = page(adata)
    sources = {written.figure(name).renderers[0].data_source.id for name in ("map", "tissue")}
    assert sources == {written.given["source"].id}


def test_anchor_columns_of_the_chooser(adata, page):
    adata.obs["sure"] = adata.obs["width"] > 3
    adata.obs["empty"] = np.nan
    written = page(adata)
    assert written.choices == written.tooltips == ["kind", "width", "sure"]
    assert written.columns["kind"]["groups"] == ["small", "middle", "large"]
    assert written.columns["kind"]["palette"] == [color.lower() for color in COLORS[:3]]
    assert written.labels("kind") == adata.obs["kind"].tolist()
    assert written.labels("sure") == adata.obs["sure"].astype(str).tolist()
    width = written.columns["width"]
    np.testing.assert_allclose(width["values"], adata.obs["width"])
    assert (width["low"], width["high"]) == (2, 5)
    assert width["palette"][0] == "#440154"


def test_anchor_columns_of_too_many_groups_are_left_out(adata, page):
    several = ad.concat([adata] * 4, index_unique="-", uns_merge="same")
    several.obs["own"] = several.obs_names
    assert page(several).choices == ["kind", "width"]
    assert page(several, color="own").choices == ["own"]


def test_anchor_genes(mdata, page):
    rna = mdata["rna"]
    rna.var_names = ["A", "B:1"]
    rna.layers["counts"] = csr_matrix(np.arange(60.0).reshape(30, 2))
    written = page(mdata, color=["A", "rna:B:1", "rna:kind"], layer="counts", tooltips="A")
    assert [(column["name"], column["kind"]) for column in written.given["columns"]] == [
        ("A", "gene"),
        ("rna:B:1", "gene"),
        ("rna:kind", "column"),
    ]
    np.testing.assert_array_equal(written.values("A"), np.arange(0, 60, 2))
    np.testing.assert_array_equal(written.values("rna:B:1"), np.arange(1, 60, 2))
    assert written.tooltips == ["A"]
    assert (page(mdata, color="A").values("A") == 0).all()


@pytest.mark.parametrize("form", [np.asarray, csr_matrix, csc_matrix])
def test_anchor_genes_that_vary_most_are_offered(mdata, page, rng, form):
    values = rng.normal(size=(30, 60)).astype(np.float32) * np.arange(60, 0, -1)
    values[4, 3] = 7.5
    values[:, 5] = 0.1
    rna = ad.AnnData(form(values), obs=mdata["rna"].obs, obsm=dict(mdata["rna"].obsm))
    mdata = md.MuData({"rna": rna, "stain": mdata["stain"]})
    order = rna.var_names[np.argsort(-values.var(axis=0))].tolist()
    written = page(mdata)
    assert written.choices == ["rna:kind", "rna:width", *order[:50]]
    assert written.tooltips == ["rna:kind", "rna:width"]
    for gene in ("3", order[0]):
        low, high = values[:, int(gene)].min(), values[:, int(gene)].max()
        np.testing.assert_allclose(written.values(gene), values[:, int(gene)], atol=(high - low) / 100_000)
    assert page(mdata, genes=0).choices == ["rna:kind", "rna:width"]
    assert page(mdata, genes=100).choices == ["rna:kind", "rna:width", *order[:-1]]  # but for the constant one
    assert page(mdata, genes=["7", "rna:2"], color="2", tooltips="9").choices == ["2", "7"]
    rna.var["highly_variable"] = rna.var_names.isin(["50", "40"])
    assert page(mdata, genes=3).choices == ["rna:kind", "rna:width", "40", "50"]
    # among the cells that are shown
    rna.X[:20] = 0
    rna.X[20:, 50] = 0
    assert page(mdata, genes=3, cells=np.arange(20, 30)).choices == ["rna:kind", "rna:width", "40"]


def test_anchor_genes_missing_and_far_apart(adata, page):
    values = np.array([[np.nan, 1e6 + 0.5, np.inf], *[[i, 2.0 * i, 1.0] for i in range(29)]])
    data = ad.AnnData(values, obs=adata.obs, obsm=dict(adata.obsm), uns=adata.uns)
    written = page(data, genes=["0", "1", "2"])
    np.testing.assert_array_equal(written.values("0"), values[:, 0])
    np.testing.assert_allclose(written.values("1"), values[:, 1], atol=1e6 / 65_534)
    np.testing.assert_array_equal(written.values("2"), [np.nan, *[1.0] * 29])
    assert page(data).choices == ["kind", "width", "1"]
    data.X = None
    assert page(data).choices == ["kind", "width"]


def test_anchor_colours_of_other_figures(mdata, page):
    assert page(mdata, color="rna:kind").columns["rna:kind"]["palette"] == list(mdata["rna"].uns["kind_colors"])


def test_anchor_missing_values(adata, page):
    adata.obs.loc["cell3", ["kind", "width"]] = None
    adata.obs["count"] = pd.array([None, *range(29)], dtype="Int64")
    written = page(adata)
    assert written.labels("kind")[3] is None
    assert np.isnan(written.columns["width"]["values"][3])
    assert np.isnan(written.columns["count"]["values"][0])
    assert written.columns["count"]["high"] == 28


def test_anchor_tooltips_need_not_be_choices(adata, page):
    written = page(adata, color="kind", tooltips=["width", "kind"])
    assert written.choices == ["kind"]
    assert written.tooltips == ["width", "kind"]


def test_anchor_no_column(adata, page):
    adata.obs = adata.obs[[]]
    written = page(adata)
    assert written.labels("none") == ["all cells"] * 30


def test_anchor_names_of_a_mudata_are_listed_once(mdata, page):
    mdata.obs = mdata["rna"].obs[["kind"]].rename(columns={"kind": "rna:kind"})
    mdata["stain"].obs["area"] = 1.0
    assert page(mdata).choices == ["rna:kind", "rna:width", "stain:area"]


@pytest.mark.parametrize("options", [{}, {"channels": ["membrane"]}, {"colors": ["red", "white"]}])
def test_reference_pictures_are_those_of_the_crops(adata, page, options, monkeypatch):
    monkeypatch.setattr("crepr.pl._sprite_sheets.LONG", 64)
    written = page(adata, **options)
    channels = options.get("channels", ["DAPI", "membrane"])
    palette = {"DAPI": "#3B6FFF", "membrane": "#FFB000"} if channels != ["membrane"] else {"membrane": "white"}
    colors = options.get("colors", palette.values())
    expected = compose(get.crops(adata, channels=channels), list(colors)).astype(int)
    pictures = written.pictures()
    # 4 by 4 pictures on a sheet
    assert written.html.count("data:image/jpeg") == 2
    assert np.abs(pictures - expected).mean() < 8  # lossy


def test_reference_large_crops_are_averaged_down(adata, page):
    written = page(adata, tile=8)
    assert written.given["crops"] == {"columns": 6, "per_sheet": 6 * 256}
    # half a picture, 8 pixels of 0.5 micrometres, has room for 2
    assert "2 µm" in written.html


def test_anchor_more_cells_are_drawn(adata, page):
    written = page(adata, max_cells=10)
    cells = written.given["cells"]
    assert len(cells) == 10
    assert "10 of 30 cells, drawn at random" in written.html
    positions = adata.obs_names.get_indexer(cells)
    assert (np.diff(positions) > 0).all()
    np.testing.assert_array_equal(written.points("map"), adata.obsm["X_umap"][positions])
    assert written.labels("kind") == adata.obs["kind"].iloc[positions].tolist()
    expected = page(adata[positions].copy()).pictures()
    np.testing.assert_array_equal(written.pictures(), expected)
    assert page(adata, max_cells=10).given["cells"] == cells
    assert page(adata, max_cells=10, rng=1).given["cells"] != cells


def test_anchor_cells_of_one_section(adata, page):
    """Two sections in coordinates of their own, as they come from two images."""
    other = adata.copy()
    other.obs_names = [f"other{i}" for i in range(30)]
    pp.crops(other, np.zeros((2, 110, 130), np.uint8), size=SIDE, axes="cyx", pixel_size=0.5)
    both = ad.concat({"left": adata, "right": other}, label="section")
    del both.obsm["crops"]
    both.uns["spatial"] = {"left": {}, "right": {}}
    match = r"2 sections \('left', 'right'\), whose .*\.obsm\['spatial'\] lie over each other.*cells=data.obs\['section'\] == 'left'"
    with pytest.raises(ValueError, match=match):
        page(both)
    left = page(both, cells=both.obs["section"] == "left")
    assert left.given["cells"] == adata.obs_names.tolist()
    assert "30 cells" in left.html
    assert page(both, cells=["other3", "other1"]).given["cells"] == ["other1", "other3"]
    assert page(both, spatial_key=None).figure("tissue") is None
    # tiles of one section share a little
    both.obsm["spatial"][30:] += [50, 0]
    np.testing.assert_array_equal(page(both).points("tissue"), both.obsm["spatial"])


def test_error_of_several_images(adata, page):
    both = ad.concat([adata, adata], index_unique="-", uns_merge="same")
    image = both.obsm["crops"]["image"].astype(str).to_numpy()
    both.obsm["crops"]["image"] = pd.Categorical(np.where(np.arange(60) < 30, image, "elsewhere.tif"))
    with pytest.raises(ValueError, match=r"2 sections \(.*'elsewhere.tif'.*cells=data.obs\[\.\.\.\] == "):
        page(both, tile=None)
    assert len(page(both, tile=None, cells=np.arange(30)).given["cells"]) == 30


def test_anchor_without_pictures(adata, page):
    assert "data:image/jpeg" in page(adata).html
    assert "data:image/jpeg" not in page(adata, tile=None).html
    del adata.obsm["crops"]
    written = page(adata)
    assert written.given["crops"] is None
    assert "gallery" not in re.sub(r"<(style|script).*?</\1>", "", written.html, flags=re.DOTALL)
    assert written.tooltips == ["kind", "width"]


def test_anchor_without_a_tissue(adata, page):
    assert page(adata, spatial_key=None).figure("tissue") is None
    del adata.obsm["spatial"]
    written = page(adata)
    assert written.figure("tissue") is None
    np.testing.assert_array_equal(written.points("map"), adata.obsm["X_umap"])


def test_anchor_mudata_without_crops(mdata, page):
    del mdata["stain"].obsm["crops"]
    assert page(mdata).choices == ["rna:kind", "rna:width"]
    mdata.obsm["X_other"] = mdata["rna"].obsm["X_umap"][:, ::-1]
    np.testing.assert_array_equal(page(mdata, basis="other").points("map"), mdata.obsm["X_other"])


def test_property_names_cannot_become_code(adata, page):
    adata.obs_names = [f"{NASTY}{i}" for i in range(30)]
    adata.obs[NASTY] = pd.Categorical([NASTY] * 30)
    written = page(adata, title=NASTY, colors={"DAPI": "blue"})
    assert "<script>alert" not in written.html
    assert written.given["cells"] == adata.obs_names.tolist()
    assert written.labels(NASTY) == [NASTY] * 30
    assert f"<h1>{html.escape(NASTY).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')}</h1>" in written.html


def test_property_page_asks_for_nothing(adata, page):
    written = page(adata)
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", written.html, flags=re.DOTALL)
    assert not re.search(r"""(src|href)="(?!data:)|@import|url\((?!data:)""", markup)
    assert """http-equiv="Content-Security-Policy" content="default-src 'none';""" in markup


def test_property_file_appears_whole(adata, tmp_path, monkeypatch):
    path = tmp_path / "new" / "page.html"
    assert pl.explorer(adata, str(path), progress=False) == path
    before = path.read_bytes()
    monkeypatch.setattr("crepr.pl._explorer_page.Page.render", lambda page: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pl.explorer(adata, path, progress=False)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == ["page.html"]


def test_property_settings_of_matplotlib_stay(adata, page):
    before = dict(plt.rcParams)
    page(adata)
    assert dict(plt.rcParams) == before
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"basis": "tsne"}, KeyError, r"No 'tsne' in .obsm \(there are: .*\). Run sc.tl.umap first"),
        (
            {"color": "kinds"},
            KeyError,
            r"No 'kinds' in .obs \(there are: 'kind', 'width'\) or .var_names \(0 in all\). Set color",
        ),
        ({"tooltips": ["kind", "x:y"]}, KeyError, "Set tooltips to one of them"),
        ({"color": 3}, TypeError, "color must be a name or a list of names, got 3"),
        ({"channels": ["GFP"]}, ValueError, "GFP"),
        ({"spatial_key": "xy"}, KeyError, "No 'xy' in .obsm .*Set spatial_key"),
        ({"cmap": "blues?"}, KeyError, "No 'blues\\?' in matplotlib's colour maps"),
        ({"genes": -1}, ValueError, "genes must be at least 0, got -1"),
        ({"genes": 1.5}, TypeError, "genes must be a name or a list of names, got 1.5"),
        ({"genes": "A"}, KeyError, r"No 'A' in .var_names \(0 in all\). Set genes"),
        ({"genes": None, "cells": []}, ValueError, "cells chooses none"),
        ({"cells": ["cell40"]}, KeyError, "1 of 1 cells are not in obs_names: 'cell40'"),
        ({"max_cells": 0}, ValueError, "max_cells must be at least 1"),
        ({"tile": 3}, ValueError, "tile must be at least 4"),
        ({"size": 0}, ValueError, "size must be a finite number above 0"),
        ({"rng": "a"}, TypeError, "rng must be an integer"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
        ({"hide_neighbours": True}, KeyError, "cr.pp.masks"),
    ],
)
def test_error(adata, tmp_path, options, error, match):
    with pytest.raises(error, match=match):
        pl.explorer(adata, tmp_path / "new" / "page.html", **options)
    assert not (tmp_path / "new").exists()


def test_error_of_data(adata, mdata, page, tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        pl.explorer(adata, tmp_path)
    with pytest.raises(ValueError, match="There are no cells"):
        page(adata[:0])
    mdata.mod["other"] = mdata["rna"].copy()
    with pytest.raises(ValueError, match="is a gene of several modalities; write 'rna:0'"):
        page(mdata, color="0", basis="spatial")
    with pytest.raises(KeyError, match="No 'counts' in .layers"):
        page(mdata, color="rna:0", layer="counts", basis="spatial")
    mdata["rna"].var_names = ["A", "A"]
    with pytest.raises(ValueError, match=r"'rna:A' names 2 genes; .* Call .var_names_make_unique"):
        page(mdata, color="rna:A", basis="spatial")
    adata.obsm["X_umap"][3] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinite values in 1 of 30 cells \('cell3'\)"):
        page(adata)
    adata.obs_names = ["cell"] * 30
    with pytest.raises(ValueError, match="obs_names must be unique"):
        page(adata)


def test_error_without_crops(adata, page):
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr.pp.crops first"):
        page(adata, channels=["DAPI"])


def test_error_without_bokeh(adata, page, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'crepr\[explorer\]'"):
        page(adata)
