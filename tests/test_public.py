"""The rules that public names keep: where they live, how they are called, how they are documented."""

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

import crepr
from crepr import _access, _validate, models

ROOT = Path(__file__).parents[1]
ROOMS = ("datasets", "get", "pl", "pp", "tl")


def names_of(room):
    return importlib.import_module(f"crepr.{room}").__all__


VERBS = [f"{room}.{name}" for room in ROOMS for name in names_of(room)]
PUBLIC = [*VERBS, "load_model"]
#: Functions that make a specification.
MODELS = [f"models.{name}" for name in names_of("models") if inspect.isfunction(getattr(models, name))]
CHECKS = {"_access": _access, "_validate": _validate}
#: What a check raises, and not for what it is given there: the cells of a recorded tree are named, not numbered.
NEVER = {"pl.dendrogram_crops": {"IndexError"}}
#: Words of other packages, and ours for the same.
WORDS = {
    "adata": "data",
    "mdata": "data",
    "by": "groupby",
    "cluster_key": "groupby",
    "group_key": "groupby",
    "embedding": "use_rep",
    "obsm_key": "use_rep",
    "rep": "use_rep",
    "inplace": "copy",
    "random_state": "rng",
    "seed": "rng",
    "n_cores": "n_jobs",
    "n_workers": "n_jobs",
    "num_workers": "n_jobs",
    "n_permutations": "n_perms",
    "permutations": "n_perms",
    "key": "key_added",
    "epochs": "max_epochs",
    "n_epochs": "max_epochs",
    "latent_dim": "n_latent",
    "verbose": "progress",
}
DEFAULTS = {"copy": False, "key_added": None, "mod": None, "progress": True, "rng": 0}


def find(name):
    item = crepr
    for part in name.split("."):
        item = getattr(item, part)
    return item


def documented(name):
    return NumpyDocString(inspect.getdoc(find(name)))


@pytest.mark.parametrize("name", VERBS)
def test_one_function_per_file_named_after_it(name):
    room, _, verb = name.partition(".")
    function = find(name)
    assert inspect.isfunction(function)
    assert function.__module__ == f"crepr.{room}._{verb}"
    body = ast.parse(Path(inspect.getfile(function)).read_text()).body
    defined = [
        node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert defined == [verb]


@pytest.mark.parametrize("name", PUBLIC)
def test_signature(name):
    parameters = inspect.signature(find(name)).parameters
    positional = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_data = name.partition(".")[0] in ("get", "pl", "pp", "tl")
    if takes_data:
        assert positional[:1] == ["data"]
    assert len(positional) - takes_data <= 2, "options are keyword-only after the data and at most two positionals"
    for parameter in parameters.values():
        assert parameter.name not in WORDS, f"{parameter.name} is called {WORDS[parameter.name]} here"
        assert parameter.annotation is not parameter.empty, f"{parameter.name} has no type"
        if parameter.name in DEFAULTS:
            assert parameter.kind is parameter.KEYWORD_ONLY
            assert parameter.default == DEFAULTS[parameter.name], parameter.name
    assert inspect.signature(find(name)).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring(name):
    function, doc = find(name), documented(name)
    described = [part.lstrip("*") for parameter in doc["Parameters"] for part in parameter.name.split(", ")]
    assert described == list(inspect.signature(function).parameters)
    assert all(parameter.desc for parameter in doc["Parameters"])
    assert doc["Returns"]
    source = Path(inspect.getfile(function)).read_text()
    if re.search(r"\braise\b|\b_validate\.|\b_access\.", source):
        assert doc["Raises"]
    assert any(line.startswith(">>>") for line in doc["Examples"])


def raised_in(nodes):
    """Names of the exceptions that code raises, itself or by the checks of `_validate` and `_access` that it calls."""
    for node in (part for whole in nodes for part in ast.walk(whole)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            yield node.exc.func.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in CHECKS:
            yield from raised_by_check(node.value.id, node.attr)


@cache
def raised_by_check(module, check):
    return set(raised_in([ast.parse(inspect.getsource(getattr(CHECKS[module], check)))]))


@pytest.mark.parametrize("name", [*PUBLIC, *MODELS])
def test_what_a_file_raises_is_in_the_docstring(name):
    body = ast.parse(Path(inspect.getfile(find(name))).read_text()).body
    raised = set(raised_in(node for node in body if isinstance(node, ast.FunctionDef)))
    told = {error for entry in documented(name)["Raises"] for error in entry.type.split(", ")}
    assert raised - NEVER.get(name, set()) <= told


@pytest.mark.parametrize("room", [*ROOMS, "top"])
def test_documentation_lists_every_name(room):
    page = (ROOT / "docs" / "api" / f"{room}.md").read_text()
    prefix = "" if room == "top" else rf"{room}\."
    listed = re.findall(rf"^\s+{prefix}(\w+)$", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(["load_model"] if room == "top" else names_of(room))
