import errno
import os
from collections import namedtuple

import pytest
from filelock import FileLock

from crepr import _atomic
from crepr._atomic import DiskFullError, atomic, writing


def write(path, *, folder, text):
    if folder:
        path.mkdir()
        path = path / "part"
    path.write_text(text)


def fail(path, error, **options):
    """Write some of it, then fail."""
    with atomic("path", path, **options) as new:
        new.touch()
        raise error


def read(path):
    return (path / "part" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("swap", [True, False])
@pytest.mark.parametrize("folder", [True, False])
def test_property_old_until_the_new_is_whole(tmp_path, monkeypatch, folder, swap):
    if not swap:
        monkeypatch.setattr(_atomic, "_swap", lambda one, other: False)
    path = tmp_path / "result.x"
    for text in ("first", "second"):
        with atomic("path", path) as new:
            assert new.name == path.name
            assert new.parent.parent == path.parent
            write(new, folder=folder, text=text)
            assert text == "first" or read(path) == "first"
        assert read(path) == text
    with pytest.raises(KeyboardInterrupt):
        fail(path, KeyboardInterrupt())
    assert read(path) == "second"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_property_a_failed_exchange_puts_the_old_back(tmp_path, monkeypatch):
    monkeypatch.setattr(_atomic, "_swap", lambda one, other: False)
    path = tmp_path / "model"
    write(path, folder=True, text="old")
    with pytest.raises(FileNotFoundError), atomic("path", path):
        pass  # nothing was written
    assert read(path) == "old"


def test_property_modes_are_those_of_any_other_file(tmp_path):
    (tmp_path / "usual").write_text("")
    with atomic("path", tmp_path / "new") as new:
        new.write_text("")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_property_what_a_kill_left_is_removed_by_the_next(tmp_path):
    old, young, used, other = (tmp_path / name for name in (".a-1.tmp", ".a-2.tmp", ".a-3.tmp", ".b-1.tmp"))
    for folder in (old, young, used, other):
        folder.mkdir()
        (folder / ".lock").touch()
    with FileLock(used / ".lock"):
        for folder in (old, used, other):
            os.utime(folder, (0, 0))
        with atomic("path", tmp_path / "a") as new:
            new.touch()
    assert not old.exists()
    assert all(folder.is_dir() for folder in (young, used, other))


def full(monkeypatch, free):
    monkeypatch.setattr(_atomic.shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(free))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), OSError(errno.EDQUOT, "quota")])
def test_error_full_disk_by_number(tmp_path, error, monkeypatch):
    full(monkeypatch, 2_500_000)
    match = r"path='.*/a' is not written: the disk is full. It had 2.5 MB free, and up to 3.0 MB is needed. Make room"
    with pytest.raises(DiskFullError, match=match):
        fail(tmp_path / "a", error, nbytes=3_000_000)
    assert not list(tmp_path.iterdir())


def test_error_full_disk_of_libraries_that_say_something_else(tmp_path, monkeypatch):
    full(monkeypatch, 100)
    with pytest.raises(DiskFullError, match="and more is needed"), writing("storage", tmp_path / "a"):
        raise RuntimeError("unexpected position")


def test_error_of_a_part_names_the_part(tmp_path):
    with (
        pytest.raises(DiskFullError, match="path='.*/b'"),
        atomic("path", tmp_path / "a"),
        atomic("path", tmp_path / "b"),
    ):
        raise OSError(errno.ENOSPC, "no space")


def test_error_read_only(tmp_path):
    with pytest.raises(PermissionError, match=r"path='.*/a' cannot be written to \(Read-only file system\)"):
        fail(tmp_path / "a", OSError(errno.EROFS, "read-only"))


def test_error_others_are_as_they_are(tmp_path):
    with pytest.raises(ValueError, match="own"):
        fail(tmp_path / "a", ValueError("own"))
