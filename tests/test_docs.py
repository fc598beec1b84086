"""What pages, tutorials and README.md name is there: functions, their options, files, pages."""

import ast
import importlib.util
import inspect
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
#: Pages that are written by hand; docs/api/generated and docs/tutorials are made.
PAGES = sorted([*DOCS.glob("*.md"), *(DOCS / "api").glob("*.md")])
BESIDE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/RESULTS.md")]
NOTEBOOKS = sorted((ROOT / "tutorials").glob("*.ipynb"))
FILES = [*PAGES, *BESIDE, *NOTEBOOKS]

ROOMS = ("cluster", "datasets", "get", "images", "models", "pl", "pp", "stats", "tl", "train")
FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,})(?P<kind>[^\n]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"python|\{code-cell\}")


def name_of(path):
    return str(path.relative_to(ROOT))


@cache
def parts_of(path):
    """Return the prose of a page or notebook, and its blocks of Python."""
    if path.suffix == ".ipynb":
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(path.read_text())["cells"]]
        prose = "\n\n".join(source for kind, source in cells if kind == "markdown")
        blocks = [source for kind, source in cells if kind == "code"]
    else:
        prose, blocks = path.read_text(encoding="utf-8"), []
    blocks += [match["body"] for match in FENCE.finditer(prose) if CODE.match(match["kind"].strip())]
    return FENCE.sub("", prose) if path.suffix == ".md" else prose, blocks


def statements_of(block):
    """Parse a block without what only notebooks read: magics, and the options of a cell."""
    lines = [line for line in block.splitlines() if not re.match(r"[%!]|:\w+: ", line)]
    return ast.parse("\n".join(lines))


def chain_of(node):
    """Return the names of `cr.tl.train_vae`, or none where the node is something else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *names[::-1]] if isinstance(node, ast.Name) else []


def find(names):
    """Return what `cr.tl.train_vae`, `crepr.tl.train_vae` or `tl.train_vae` names; raises if it is not there."""
    names = names[1:] if names[0] in ("cr", "crepr") else names
    item = import_module("crepr")
    for i, name in enumerate(names):
        item = import_module(f"crepr.{name}") if i == 0 and name in ROOMS else getattr(item, name)
    return item


def problem_of(node):
    """Say what is wrong with a name of crepr or with its call, if something is."""
    call = node if isinstance(node, ast.Call) else None
    names = chain_of(call.func if call else node)
    try:
        item = find(names)
    except AttributeError as error:
        return f"{'.'.join(names)}: {error}"
    if call is None or not callable(item):
        return None
    starred = any(isinstance(value, ast.Starred) for value in call.args) or any(
        key.arg is None for key in call.keywords
    )
    try:
        # an example may leave out what must be given
        inspect.signature(item).bind_partial(
            *([] if starred else call.args), **{key.arg: key.value for key in call.keywords if key.arg}
        )
    except TypeError as error:
        return f"{'.'.join(names)}: {error}"
    return None


def mentions(path):
    """Give the nodes of all names and calls of crepr, in blocks of code and in backticks."""
    prose, blocks = parts_of(path)
    for block in blocks:
        for node in ast.walk(statements_of(block)):
            names = chain_of(node.func if isinstance(node, ast.Call) else node)
            if names and names[0] in ("cr", "crepr") and len(names) > 1:
                yield node
    for text in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose):
        text = text.strip("~")
        if not re.match(rf"(cr|crepr|{'|'.join(ROOMS)})\.[a-zA-Z_]", text) or re.search(r"\.(py|md)$", text):
            continue
        try:
            tree = ast.parse(text)
        except SyntaxError:
            # such as a pattern
            continue
        for node in ast.walk(tree):
            names = chain_of(node.func if isinstance(node, ast.Call) else node)
            if len(names) > 1 and names[0] in ("cr", "crepr", *ROOMS):
                yield node


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_and_options_exist(path):
    problems = {problem_of(node) for node in mentions(path)} - {None}
    assert not problems


@pytest.mark.parametrize(
    "text", ["cr.tl.train_vea", "tl.permanova(data, 'type', use_reps='X_vae')", "cr.tl.embed(1, 2, 3)"]
)
def test_a_wrong_name_or_option_is_noticed(text):
    assert problem_of(ast.parse(text, mode="eval").body)


def test_blocks_are_read():
    assert sum(len(list(mentions(path))) for path in FILES) > 300


def test_what_is_cited_is_in_the_list_and_the_list_is_cited():
    entries = set(re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(), flags=re.MULTILINE))
    texts = [path.read_text() for path in (*PAGES, *NOTEBOOKS, *(ROOT / "src").rglob("*.py"))]
    keys = [found for text in texts for found in re.findall(r"(?::cite:\w+:|\{cite:\w+\})`([^`]+)`", text)]
    assert {key.strip() for several in keys for key in several.split(",")} == entries


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_links_to_files_resolve(path):
    # a made page, and anchors, are known to the build only
    made = ("tutorials/", "api/generated/")
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", parts_of(path)[0])
    local = [
        link for link in links if not re.match(r"[a-z]+:", link) and not (path.parent == DOCS and link.startswith(made))
    ]
    assert [link for link in local if not (path.parent / link).exists()] == []


def entries_of(path):
    """Give the pages that a page lists."""
    for match in FENCE.finditer(path.read_text()):
        if match["kind"].strip() == "{toctree}":
            lines = [line.strip() for line in match["body"].splitlines()]
            for line in lines:
                if line and not line.startswith(":"):
                    yield path.parent / (re.search(r"<(.+)>$", line)[1] if line.endswith(">") else line)


def test_each_page_is_in_one_toctree():
    # notebooks are copied by the build, which misses those that are listed nowhere
    listed = [
        entry.with_suffix(".md") for page in PAGES for entry in entries_of(page) if entry.parent.name != "tutorials"
    ]
    assert sorted([*listed, DOCS / "index.md"]) == PAGES


def test_the_build_knows_which_data_a_notebook_reads():
    spec = importlib.util.spec_from_file_location("tutorials", DOCS / "_ext" / "tutorials.py")
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    found = {path.stem: extension.folders_of(json.loads(path.read_text())) for path in NOTEBOOKS}
    assert found["profiles_arithmetic"] == ["bbbc021", "jump_moa"]
    assert found["yeast_proteins"] == ["yeast_paired"]
    assert found["quick_tour"] == []
    nameless = {"cells": [{"cell_type": "code", "source": ["os.listdir(os.environ['CREPR_DATA'])"]}]}
    with pytest.raises(ValueError, match="names no folder"):
        extension.folders_of(nameless)
