"""Code that users copy runs: the examples of docstrings and the one in README.md."""

import doctest
import inspect
import re
from contextlib import redirect_stdout
from functools import cache, wraps
from importlib import import_module
from io import StringIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

import crepr

ROOT = Path(__file__).parents[1]
ROOMS = ("datasets", "get", "pl", "pp", "tl")
NAMES = [f"{room}.{name}" for room in ROOMS for name in import_module(f"crepr.{room}").__all__] + ["load_model"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def find(name):
    item = crepr
    for part in name.split("."):
        item = getattr(item, part)
    return item


@pytest.fixture(scope="module")
def tissue():
    """The tissue that most examples begin with, made once."""
    made = cache(crepr.datasets.synthetic_tissue)

    @wraps(crepr.datasets.synthetic_tissue)
    def copied(*args, **options):
        return made(*args, **options).copy()

    return copied


@pytest.mark.slow
# the grids of examples are small, and any of their points may be the best
@pytest.mark.filterwarnings("ignore:The best|No partition")
@pytest.mark.parametrize("name", NAMES)
def test_example_of_docstring(name, tissue, monkeypatch):
    monkeypatch.setattr(crepr.datasets, "synthetic_tissue", tissue)
    names = {"cr": crepr, "np": np, "pd": pd, "sc": sc}
    for example in doctest.DocTestParser().get_examples(inspect.getdoc(find(name))):
        if example.options.get(doctest.SKIP):
            continue  # it downloads
        with redirect_stdout(StringIO()) as output:
            exec(compile(example.source, name, "single"), names)
        # what an example does not show may be anything
        shown = doctest.OutputChecker().check_output(example.want, output.getvalue(), doctest.NORMALIZE_WHITESPACE)
        assert shown or not example.want, f"{example.source.strip()} gives {output.getvalue()}"
    # the documentation shows it
    assert plt.get_fignums() or inspect.signature(find(name)).return_annotation not in ("Axes", "Figure")


@pytest.mark.slow
def test_example_of_readme():
    (code,) = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    names = {}
    exec(code, names)
    assert names["other"]["stain"].obsm["X_vae"].shape == (200, 50)
    assert names["mdata"].obsm["X_vae"].shape == (400, 50)
