import ast
from importlib.resources import files
from string import Template

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crepr._demo._cell import Output, run_cell
from crepr._demo._report import Section, render_report
from crepr._demo._script import parse_script


def test_anchor_script_is_split_at_headings_paragraphs_and_fences():
    text = "# Title\n\nOne.\n\nTwo\nlines.\n\n## Step\n\n```python\n# a comment\nx = 1\n\ny = 2\n```\n\nAfter.\n"
    title, step = parse_script(text)
    assert (title.title, title.parts) == ("Title", [("text", "One."), ("text", "Two\nlines.")])
    assert (step.title, step.parts) == ("Step", [("code", "# a comment\nx = 1\n\ny = 2"), ("text", "After.")])


def test_reference_the_script_is_python_once_filled_in():
    text = files("crepr._demo").joinpath("script.md").read_text()
    filled = Template(text).substitute(n_obs=100, epochs=1, epochs_both=1, folds=2, out="folder")
    head, *steps = parse_script(filled)
    assert head.title
    assert len(steps) >= 5
    for step in steps:
        codes = [part for kind, part in step.parts if kind == "code"]
        assert codes, f"{step.title} runs nothing"
        for code in codes:
            ast.parse(code)
            assert max(map(len, code.splitlines())) <= 110, "longer lines do not fit on the page"


def test_anchor_cells_share_names_and_return_their_last_line():
    namespace = {}
    assert run_cell("x = 2", namespace, name="a") == Output(None, [])
    assert run_cell("x += 1\nx", namespace, name="b") == Output("3", [])


def test_property_output_is_what_it_was_then():
    namespace = {}
    shown = run_cell("import pandas as pd\ntable = pd.DataFrame({'a': [1]})\ntable", namespace, name="a").value
    run_cell("table['a'] = 5", namespace, name="b")
    assert shown["a"].tolist() == [1]


@pytest.mark.parametrize("last", ["figure", "axes", "list(figure.axes)", "axes.plot([1, 2])"])
def test_property_figures_are_pictures_not_text(last):
    code = f"import matplotlib.pyplot as plt\nfigure, axes = plt.subplots(figsize=(1, 1))\n{last}"
    output = run_cell(code, {}, name="a")
    assert output.value is None
    assert len(output.figures) == 1
    assert not plt.get_fignums()


def test_error_shows_the_line(capsys):
    with pytest.raises(ZeroDivisionError) as info:
        run_cell("x = 1\nx / 0", {}, name="<step>")
    assert "x / 0" in str(info.getrepr())


def test_anchor_report_escapes_text_and_adds_up_times():
    section = Section("A < B", 61.0, [("text", "use `a < b`", None), ("code", "a < b", Output("<c>", ["UE5H"]))])
    table = Section("Table", 4.0, [("code", "t", Output(pd.DataFrame({"x": [1]}), []))])
    page = render_report("Title", ["Intro."], [section, table], {"machine": "here & now"})
    assert "<code>a &lt; b</code>" in page
    assert "<pre><code>a &lt; b</code></pre>" in page
    assert '<pre class="output">&lt;c&gt;</pre>' in page
    assert 'src="data:image/png;base64,UE5H"' in page
    assert "here &amp; now" in page
    assert "1 min 5 s" in page
    assert "<th>x</th>" in page
    assert "$" not in page
