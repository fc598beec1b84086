"""Upper bounds in pyproject.toml, each kept only as long as a test here shows why."""

import os
import shutil
import subprocess
import sys

import pytest

#: Versions that were tried and failed: compiling them takes minutes, so only one that is new is tried.
TRIED = {"0.7.0"}
# above 8,192 cells scanpy leaves exact search for pynndescent
NEIGHBORS = """
import numpy as np
import pynndescent
import scanpy as sc
from anndata import AnnData

print("version", pynndescent.__version__)
adata = AnnData(np.random.default_rng(0).normal(size=(9_000, 3)).astype("float32"))
sc.pp.neighbors(adata, use_rep="X", n_neighbors=5)
print("edges", adata.obsp["connectivities"].nnz)
"""


def neighbors(folder):
    env = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-c", NEIGHBORS], env=env, capture_output=True, text=True)


def install(requirement, folder):
    """Put one package, without what it needs, into a folder; skip where there is no registry to take it from."""
    uv = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")
    installer = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    done = subprocess.run([*installer, "--no-deps", "--target", folder, requirement], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{requirement} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")


@pytest.mark.slow
def test_scanpy_neighbors_fail_with_pynndescent_0_7(tmp_path):
    install("pynndescent>=0.7", tmp_path)
    (info,) = tmp_path.glob("pynndescent-*.dist-info")
    version = info.stem.removeprefix("pynndescent-")
    if version in TRIED:
        return
    done = neighbors(tmp_path)
    assert done.returncode, (
        f"scanpy works with pynndescent {version}: lift the bound pynndescent<0.7 in pyproject.toml."
    )
    assert "has no attribute 'getnnz'" in done.stderr, (
        f"scanpy fails with pynndescent {version}, but in another way:\n{done.stderr}"
    )
