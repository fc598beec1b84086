"""Disks that are full or can only be read: errors name path and space, nothing unfinished stays, data are as they were."""

import subprocess

import pytest
from killed import WORK

import crepr as cr
from crepr._atomic import DiskFullError

MEGABYTE = 1 << 20

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path):
    """A disk of 16 MB, which only some may make."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip(f"a disk cannot be mounted here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder, free):
    """Leave so many bytes."""
    with (folder / "filler").open("wb") as file:
        file.write(bytes(16 * MEGABYTE - free))


def contents(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.name.endswith(".lock")}


#: Work of `killed`, the argument that its errors name, and bytes that are too few for it.
WRITES = {
    "train_vae": ("checkpoint_dir", 12_000),
    "model.save": ("path", 12_000),
    "classical_features": ("path", 8_000),
    "pp.transcripts": ("path", 30_000),
    "pp.crops": ("store", 2 * MEGABYTE),
    "pl.explorer": ("path", 200_000),
    "tune_vae": ("storage", 30_000),
}


@pytest.mark.parametrize("name", WRITES)
def test_full(name, tmp_path, disk):
    argument, free = WRITES[name]
    (tmp_path / "input").mkdir()
    WORK[name].prepare(tmp_path / "input")
    (disk / "input").symlink_to(tmp_path / "input")
    fill(disk, free)
    before = contents(disk)
    with pytest.raises(
        DiskFullError, match=rf"{argument}='{disk}/.*is not written: the disk is full. It had .* MB free"
    ):
        WORK[name].work(disk)
    left = contents(disk) - before
    assert not any(item.endswith(".tmp") for item in left), left

    (disk / "filler").unlink()
    WORK[name].work(disk)


@pytest.mark.parametrize("name", WRITES)
def test_read_only(name, tmp_path, disk):
    argument, _ = WRITES[name]
    (tmp_path / "input").mkdir()
    WORK[name].prepare(tmp_path / "input")
    (disk / "input").symlink_to(tmp_path / "input")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(PermissionError, match=rf"{argument}='{disk}.*cannot be written to"):
        WORK[name].work(disk)


def test_data_are_as_they_were(tmp_path, disk):
    adata = cr.datasets.synthetic_profiles(n_replicates=2)
    fill(disk, 10_000)
    keys = {name: set(getattr(adata, name)) for name in ("obs", "obsm", "uns")}
    with pytest.raises(DiskFullError):
        cr.tl.train_vae(adata, inputs="X", max_epochs=1, checkpoint_dir=disk / "run", accelerator="cpu", progress=False)
    assert {name: set(getattr(adata, name)) for name in keys} == keys
