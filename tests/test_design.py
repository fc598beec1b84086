"""The rules that the code keeps: who may import whom, what a file holds, what never appears."""

import ast
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import crepr
from crepr import _keys

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "crepr"
FILES = sorted(SRC.rglob("*.py"))

#: Rooms from the cellar to the roof: each may import itself and the rows above it.
ROWS = (
    {
        "_access",
        "_atomic",
        "_keys",
        "_only_one",
        "_optional",
        "_progress",
        "_ranges",
        "_reading",
        "_record",
        "_types",
        "_validate",
        "_version",
        "_warn",
    },
    {"images"},
    {"stats"},
    {"cluster"},
    {"models"},
    {"train"},
    {"get", "pp", "tl"},
    {"datasets"},
    {"pl"},
    {"__init__", "__main__", "_demo"},
)
ANNDATA = {"anndata", "mudata", "muon", "scanpy", "squidpy", "crepr._access", "crepr._record"}
#: What a room does not know, so it is not imported there, not even for a type.
UNKNOWN = {
    "images": ANNDATA | {"lightning", "torch.nn"},
    "stats": ANNDATA | {"lightning"},
    "cluster": ANNDATA | {"lightning", "torch.nn"},
    "models": ANNDATA | {"lightning"},
}
HEAVY = {"lightning", "muon", "scanpy", "skimage", "sklearn", "spatialdata", "squidpy", "torch"}


def name_of(path):
    return str(path.relative_to(SRC))


def room_of(path):
    return path.relative_to(SRC).parts[0].removesuffix(".py")


@cache
def tree_of(path):
    return ast.parse(path.read_text())


def imported(path):
    """Dotted names of all that a file imports, at the top, in functions and under TYPE_CHECKING."""
    package = ["crepr", *path.relative_to(SRC).parent.parts] if path.is_relative_to(SRC) else []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def public_definitions(path):
    return [
        node.name
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]


def row_of(room):
    return next(i for i, row in enumerate(ROWS) if room in row)


def nodes(path, *kinds):
    """Parts of a file of these kinds, each with where it stands."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, kinds):
            yield f"{name_of(path)}:{node.lineno}", node


def test_every_room_is_in_the_table():
    assert {room_of(path) for path in FILES} <= set().union(*ROWS)


def test_imports_point_upwards():
    faults = []
    for path in FILES:
        for name in imported(path):
            package, *rest = name.split(".")
            if package != "crepr":
                continue
            # who imports the whole package, or what stands below, turns the order round
            room = rest[0] if rest and ((SRC / rest[0]).exists() or (SRC / f"{rest[0]}.py").exists()) else "__init__"
            if row_of(room) > row_of(room_of(path)):
                faults.append(f"{name_of(path)} imports {name}")
    assert faults == []


def test_rooms_import_only_what_they_know():
    assert [
        f"{name_of(path)} imports {name}"
        for path in FILES
        for name in imported(path)
        for other in UNKNOWN.get(room_of(path), ())
        if name == other or name.startswith(f"{other}.")
    ] == []


def test_files_are_short():
    files = [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    assert [path for path in files if len(path.read_text().splitlines()) > 400] == []


def test_nothing_unfinished():
    unfinished = {"print", "breakpoint", "NotImplementedError"}
    faults = [f"{where}: {node.id}" for path in FILES for where, node in nodes(path, ast.Name) if node.id in unfinished]
    # these vanish with python -O
    faults += [f"{where}: assert" for path in FILES for where, _ in nodes(path, ast.Assert)]
    for path in FILES:
        with path.open("rb") as file:
            faults += [
                f"{name_of(path)}:{token.start[0]}: {token.string}"
                for token in tokenize.tokenize(file.readline)
                if token.type == tokenize.COMMENT and re.search(r"\b(TODO|FIXME|XXX|HACK)\b", token.string)
            ]
    assert faults == []


def test_keys_have_one_home_and_uns_one_writer():
    ours = {value for name, value in vars(_keys).items() if name.isupper()}
    faults = []
    for path in FILES:
        for where, node in nodes(path, ast.Subscript):
            field = getattr(node.value, "attr", None)
            if field == "uns" and path.name != "_record.py" and not isinstance(node.ctx, ast.Load):
                faults.append(f"{where}: write .uns with _record.record")
            if field in {"obs", "obsm", "uns"} and getattr(node.slice, "value", None) in ours:
                faults.append(f"{where}: take {node.slice.value!r} from _keys")
    assert faults == []


def test_figures_leave_the_session_alone():
    assert [
        f"{where}: {node.attr}"
        for path in FILES
        if room_of(path) == "pl"
        for where, node in nodes(path, ast.Attribute)
        if node.attr in {"show", "rcParams", "rc", "use"}
    ] == []


def mirror_of(path):
    return ROOT / "tests" / path.relative_to(SRC).parent / f"test_{path.stem.strip('_')}.py"


def reaches(names, path):
    """Whether one of these imported names is in a file, or is one of its definitions shown by the package around it."""
    module = ".".join(["crepr", *path.relative_to(SRC).with_suffix("").parts]).removesuffix(".__init__")
    package = module.rpartition(".")[0]
    shown = {f"{package}.{name}" for name in public_definitions(path)}
    return any(name == module or name.rpartition(".")[0] == module or name in shown for name in names)


@cache
def reached_by_tests(room):
    """Files of a room that a test of that room is named after or imports, and the parts that those are made of."""
    is_folder = (SRC / room).is_dir()
    files = [path for path in FILES if (room_of(path) == room if is_folder else path.parent == SRC)]
    tests = (ROOT / "tests" / room).rglob("test_*.py") if is_folder else (ROOT / "tests").glob("test_*.py")
    names = {name for test in tests for name in imported(test)}
    found: set[Path] = set()
    new = {path for path in files if mirror_of(path).is_file() or reaches(names, path)}
    while new:
        found |= new
        names = {name for path in new for name in imported(path)}
        new = {path for path in files if reaches(names, path)} - found
    return found


def test_tests_mirror_the_source():
    missing = []
    for path in FILES:
        room = room_of(path)
        verbs = import_module(f"crepr.{room}").__all__ if room in {"datasets", "get", "pl", "pp", "tl"} else ()
        has_tests = mirror_of(path).is_file() if path.stem[1:] in verbs else path in reached_by_tests(room)
        if public_definitions(path) and not has_tests:
            missing.append(str(mirror_of(path).relative_to(ROOT)))
    assert missing == []


def test_import_is_lazy():
    code = "import json, sys, crepr; [dir(getattr(crepr, room)) for room in ('datasets', 'get', 'pl', 'pp', 'tl')]; print(json.dumps(list(sys.modules)))"
    loaded = set(
        json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    )
    assert not loaded & HEAVY


def test_import_takes_less_than_a_second():
    command = [sys.executable, "-X", "importtime", "-c", "import crepr"]
    lines = [
        subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()[-1] for _ in range(3)
    ]
    assert all(line.split("|")[-1].strip() == "crepr" for line in lines)
    assert min(int(line.split("|")[1]) for line in lines) < 1_000_000  # microseconds, of all that is imported


def test_versions_have_lower_bounds_only():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    bounded = [requirement for group in groups for requirement in group if re.search(r"<|==|~=|!=", requirement)]
    # tests/test_upstream.py shows why
    assert [requirement.partition(">")[0] for requirement in bounded] == ["pynndescent"]
    assert [requirement for group in groups for requirement in group if ">=" not in requirement] == []


def test_constraints_name_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line)] == []


def test_one_version():
    assert (SRC / "_version.py").read_text() == f'__version__ = "{crepr.__version__}"\n'
    assert f"\nversion: {crepr.__version__}\n" in (ROOT / "CITATION.cff").read_text()
