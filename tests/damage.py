"""Damage to files: cut short, bits flipped, files missing, JSON changed, and what reading them comes to."""

import copy
import json
import os
import pickle
import resource
import shutil
import signal
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

import crepr as cr

#: Random damages of each file or folder.
TRIALS = int(os.environ.get("CREPR_TRIALS", "3"))
#: Errors that a user is to see: no others, and none of other packages that happens to be of these types.
CLEAR = (ValueError, KeyError, FileNotFoundError, TypeError, OSError)
SECONDS, BYTES = 60, 3 << 30
#: Pixels per side of a crop, and cells.
SIZE, N = 16, 12
#: What stands in the place of a value of JSON or of `.uns`.
WRONG = [
    None, True, -1, 0, 2.5, 10**12, 1e308, "", "x", "../../outside", "/etc/passwd", [], {}, ["x"], [10**12] * 3, {"x": 1}, [[]],
]  # fmt: skip


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def cells(n=N):
    adata = AnnData(np.ones((n, 2), np.float32), obs=pd.DataFrame(index=[f"c{i}" for i in range(n)]))
    adata.obsm["spatial"] = np.random.default_rng(1).uniform(5, 55, (n, 2))
    return adata


def molecules(n=300):
    rng = np.random.default_rng(2)
    columns = {"x": rng.uniform(0, 50, n), "y": rng.uniform(0, 50, n), "gene": rng.choice(["0", "1"], n)}
    return pd.DataFrame({**columns, "cell": rng.choice([f"c{i}" for i in range(N)], n)})


def damage_bytes(rng, content):
    """Return what was done, and the bytes."""
    made, n = bytearray(content), len(content)
    how = rng.choice(["empty", "truncated", "truncated", "bit", "bit", "bit", "bits", "run", "ends"])
    if how == "empty":
        made = bytearray()
    elif how == "truncated":
        made = made[: rng.integers(n)]
    elif how == "run":
        start = int(rng.integers(n))
        length = min(int(rng.integers(1, 200)), n - start)
        made[start : start + length] = rng.choice([b"\0", b"\xff", rng.bytes(1)]) * length
    else:
        # headers are small and lie at the ends: one in two flips hits them
        near = rng.random() < 0.5 or how == "ends"
        for _ in range({"bit": 1, "ends": 3}.get(how, int(rng.integers(2, 60)))):
            place = int(rng.integers(min(n, 400)))
            place = int(rng.integers(n)) if not near else place if rng.random() < 0.5 else n - 1 - place
            made[place] ^= 1 << int(rng.integers(8))
    return str(how), bytes(made)


def damage_plain(rng, value):
    """Return nested dicts and lists with one entry changed, taken out or added."""
    made = copy.deepcopy(value)
    places = list(_places(made))
    if not places or rng.random() < 0.1:
        return WRONG[rng.integers(len(WRONG))]
    holder, key = places[rng.integers(len(places))]
    how = rng.random()
    if how < 0.15 and isinstance(holder, dict):
        holder["surprise"] = WRONG[rng.integers(len(WRONG))]
    elif how < 0.35:
        del holder[key]
    elif how < 0.45 and isinstance(holder[key], int | float | str):
        holder[key] = holder[key] * 2 if isinstance(holder[key], str) else holder[key] + 1
    else:
        holder[key] = WRONG[rng.integers(len(WRONG))]
    return made


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def damage(rng, path):
    """Damage a file, or one in a folder; return what was done."""
    files = (
        sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size) if path.is_dir() else [path]
    )
    small = [file for file in files if file.name.startswith(".z") or file.suffix == ".json"]
    file = files[rng.integers(len(files))] if not small or rng.random() < 0.4 else small[rng.integers(len(small))]
    content = file.read_bytes()
    # what is mapped into memory is of the file that was there
    file.unlink()
    if path.is_dir() and rng.random() < 0.1:
        return f"missing {file.name}"
    if file in small and rng.random() < 0.7:
        file.write_text(json.dumps(damage_plain(rng, json.loads(content))))
        return f"json {file.name}"
    how, made = damage_bytes(rng, content)
    file.write_bytes(made)
    return f"{how} {file.name}"


def contents(path):
    """Bytes of a file, or of all files of a folder, by path."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path] * path.exists()
    return {str(file): file.read_bytes() for file in files}


def restore(path, before):
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for file, content in before.items():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_bytes(content)


def state(data):
    """All that is written to an object, to compare."""
    parts = data.mod.values() if hasattr(data, "mod") else [data]
    return pickle.dumps([(part.obs, dict(part.obsm), dict(part.uns)) for part in parts])


@contextmanager
def limited():
    """Raise where memory or time explode."""

    def stop(signum, frame):
        raise TimeoutError(f"took over {SECONDS} s")

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def outcome(read, named):
    """Return what reading comes to: a value, or the name of a clear error.

    The error must be raised by crepr, be of a clear type and name one of `named`.
    """
    with limited(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(), None
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1].filename
            ours = Path(place).is_relative_to(Path(cr.__file__).parent)
            message = str(error)
            if ours and isinstance(error, CLEAR) and any(name in message for name in named) and len(message) > 30:
                return None, type(error).__name__
            raise AssertionError(f"{type(error).__name__} of {place}: {message}") from error


def same(found, expected):
    """Whether values are equal; raises where they are of another shape or type."""
    if isinstance(expected, np.ndarray):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        return bool(np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f"))
    if isinstance(expected, pd.DataFrame):
        assert (list(found.columns), found.shape) == (list(expected.columns), expected.shape)
        return found.equals(expected)
    if isinstance(expected, tuple | list):
        return min(same(a, b) for a, b in zip(found, expected, strict=True))  # looks at each
    assert type(found) is type(expected)
    return found == expected


class Tally(Counter):
    """What damages came to, and the faults among them."""

    def __init__(self, name):
        super().__init__()
        self.name, self.faults = name, []

    def add(self, what, read, expected, named):
        """Count one; `expected` is `None` where any value is right."""
        try:
            value, error = outcome(read, named)
            if error is not None:
                self[error] += 1
            else:
                self["right" if expected is None or same(value, expected) else "differs"] += 1
        except AssertionError as fault:
            self["fault"] += 1
            self.faults.append(f"{what}: {fault}")

    def close(self):
        """Print the counts, and fail if there was a fault."""
        print(f"DAMAGED {self.name}: {dict(self)}")  # noqa: T201
        assert not self.faults, f"{len(self.faults)} faults\n" + "\n".join(sorted(set(self.faults))[:30])


def try_damages(name, path, read, expected, *, named, trials=TRIALS, seed=0, check=lambda: None):
    """Damage a file or folder many times, each time whole before, and read it."""
    rng, tally, before = np.random.default_rng(seed), Tally(name), contents(path)
    for number in range(trials):
        what = damage(rng, path)
        damaged = contents(path)
        tally.add(f"{number} {what}", read, expected, named)
        try:
            assert {k: v for k, v in contents(path).items() if k in damaged} == damaged, "a damaged file was changed"
            check()
        except AssertionError as fault:
            tally.faults.append(f"{number} {what}: {fault}")
        restore(path, before)
    tally.close()
