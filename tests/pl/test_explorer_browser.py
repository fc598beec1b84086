"""What the page of pl.explorer does in a browser."""

from itertools import pairwise

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from browser import Browser, find_browser

from crepr import pl
from crepr.pl._style import COLORS

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium found: install the package chromium")

#: Where a cell lies in the window.
PLACE = """(() => {{
  const figure = Bokeh.documents[0].get_model_by_name("{figure}")
  const view = Bokeh.index.find_one(figure)
  const {{x, y}} = figure.renderers[0].glyph
  const {{data}} = figure.renderers[0].data_source
  const {{left, top}} = view.el.getBoundingClientRect()
  const {{x_scale, y_scale}} = view.frame
  return [left + x_scale.compute(data[x.field][{cell}]), top + y_scale.compute(data[y.field][{cell}])]
}})()"""
SELECTED = "[...Bokeh.documents[0].get_model_by_name('{figure}').renderers[0].data_source.selected.indices].sort((a, b) => a - b)"
NASTY = """a "b", c;\n=d"""
#: The figure of the basis.
MAP = "Bokeh.documents[0].get_model_by_name('map')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def opened(adata, browser, tmp_path):
    adata.obs_names = [f'cell "{i}", <b>é</b>' for i in range(30)]
    browser.errors.clear()
    browser.open(pl.explorer(adata, tmp_path / "page.html", progress=False))
    yield browser
    assert browser.errors == []


def place(browser, cell, figure="map"):
    return browser.run(PLACE.format(figure=figure, cell=cell))


def hover(browser, cell, figure="map"):
    x, y = place(browser, cell, figure)
    browser.mouse("Moved", x + 1, y)
    browser.mouse("Moved", x, y)
    browser.wait_for("!document.getElementById('tip').hidden")


def lasso(browser, cells, figure):
    """Draw around the box that holds cells, by 8 pixels."""
    x, y = zip(*(place(browser, cell, figure) for cell in cells), strict=True)
    left, right, top, bottom = min(x) - 8, max(x) + 8, min(y) - 8, max(y) + 8
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    browser.drag(
        [(a + (c - a) * step / 5, b + (d - b) * step / 5) for (a, b), (c, d) in pairwise(corners) for step in range(6)]
    )
    browser.wait_for("document.getElementById('count').textContent !== '0'")


def test_hover_shows_the_crop_and_the_values(opened, adata):
    hover(opened, 7)
    assert opened.run("document.querySelector('#tip strong').textContent") == adata.obs_names[7]
    rows = opened.run(
        "[...document.querySelectorAll('#tip tr')].map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    assert rows == [["kind", "middle"], ["width", "2.724"]]
    style = opened.run(
        "(({backgroundImage, backgroundPosition, width}) => [backgroundImage, backgroundPosition, width])(getComputedStyle(document.querySelector('#tip .crop')))"
    )
    assert style[0].startswith('url("data:image/jpeg;base64,')
    # the second in the second row, nine times as large as on the sheet
    assert style[1:] == ["-144px -144px", "144px"]
    # the other map marks the same cell
    assert opened.run(f"({MAP}.renderers[1].data_source.data.x0 ?? []).length") == 1
    opened.mouse("Moved", 5, 5)
    opened.wait_for("document.getElementById('tip').hidden")


@pytest.mark.parametrize(("drawn", "other"), [("map", "tissue"), ("tissue", "map")])
def test_lasso_in_one_panel_selects_in_both(opened, drawn, other):
    # cells 0 to 5 are the first row of the tissue, and by their width the left end of the map
    lasso(opened, range(6), drawn)
    expected = list(range(6))
    assert opened.run(SELECTED.format(figure=other)) == expected
    assert opened.run("document.getElementById('count').textContent") == "6"
    counts = opened.run("[...document.querySelectorAll('#key .count')].map((item) => item.textContent)")
    assert counts == ["6 / 6", "0 / 12", "0 / 12"]
    assert opened.run("document.querySelectorAll('#gallery .crop').length") == 6


def test_export_gives_the_selected_cells(opened, adata, browser, tmp_path):
    adata.obs.iloc[0, 1] = 1 / 3
    adata.obs[NASTY] = pd.Categorical([None, NASTY, *["a\r\nb"] * 28])
    adata.obs["cell"] = range(30)
    opened.open(pl.explorer(adata, tmp_path / "page.html", progress=False))
    opened.click(*place(opened, 4, "tissue"))
    opened.wait_for("document.getElementById('count').textContent === '1'")
    opened.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), eventsEnabled=True)
    opened.run("document.querySelector('#key button').click()")
    opened.run("document.getElementById('export').click()")
    opened.wait_for_event("Browser.downloadProgress", state="completed")
    cells = pd.read_csv(tmp_path / "selected_cells.csv", lineterminator="\n")
    expected = adata[:6]
    assert list(cells) == ["cell", "x", "y", "kind", "width", NASTY, "cell-1"]
    assert cells["cell"].tolist() == expected.obs_names.tolist()
    np.testing.assert_array_equal(cells[["x", "y"]], expected.obsm["spatial"])
    assert cells["kind"].tolist() == ["small"] * 6
    np.testing.assert_array_equal(cells["width"].astype(np.float32), expected.obs["width"].astype(np.float32))
    assert cells[NASTY].fillna("").tolist() == ["", NASTY, *["a\r\nb"] * 4]
    assert cells["cell-1"].tolist() == list(range(6))
    opened.run("document.getElementById('clear').click()")
    assert opened.run(SELECTED.format(figure="map")) == []
    assert opened.run("document.getElementById('export').disabled")


def test_chooser_changes_the_colours(opened):
    colors = f"[...{MAP}.renderers[0].data_source.data.color].map((color) => color.toString(16).padStart(8, '0'))"
    assert opened.run(colors)[::12] == [f"{color[1:].lower()}ff" for color in COLORS[:3]]
    opened.run(
        "(() => { const chooser = document.getElementById('color'); chooser.value = 1; chooser.dispatchEvent(new Event('change')) })()"
    )
    shown = opened.run(colors)
    assert (shown[0], shown[-1]) == ("440154ff", "fde725ff")
    assert opened.run("[...document.querySelectorAll('#key .ends span')].map((item) => item.textContent)") == [
        "2",
        "3.5",
        "5",
    ]


def test_genes_are_offered_and_coloured(adata, browser, tmp_path):
    values = np.column_stack([np.linspace(0, 1.5, 30), np.arange(30) % 7])
    values[3, 0] = np.nan
    data = ad.AnnData(values, obs=adata.obs, obsm=dict(adata.obsm), uns=adata.uns)
    data.var_names = ["Actb", "Cd4"]
    browser.errors.clear()
    browser.open(
        pl.explorer(data, tmp_path / "page.html", color=["kind", "Actb"], tooltips=["Actb", "Cd4"], progress=False)
    )
    offered = browser.run(
        "[...document.querySelectorAll('#color optgroup')].map(({label, children}) => [label, ...[...children].map((item) => item.textContent)])"
    )
    assert offered == [["Columns", "kind"], ["Genes", "Actb", "Cd4"]]
    browser.run(
        "(() => { const chooser = document.getElementById('color'); chooser.value = 2; chooser.dispatchEvent(new Event('change')) })()"
    )
    hover(browser, 9)
    rows = "[...document.querySelectorAll('#tip td')].map((cell) => cell.textContent)"
    assert browser.run(rows) == ["2", f"{values[9, 0]:.4g}"]
    hover(browser, 3)
    assert browser.run(rows) == ["3", "missing"]
    color = f"{MAP}.renderers[0].data_source.data.color[6].toString(16)"
    assert browser.run(color) == "fde725ff"  # the largest
    assert browser.errors == []


def test_page_of_a_map_alone(adata, browser, tmp_path):
    del adata.obsm["spatial"], adata.obsm["crops"]
    browser.errors.clear()
    browser.open(pl.explorer(adata, tmp_path / "page.html", progress=False))
    hover(browser, 7)
    assert browser.run("document.querySelector('#tip .crop')") is None
    assert browser.run("document.querySelectorAll('#tip tr').length") == 2
    assert browser.errors == []
