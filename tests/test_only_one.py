import subprocess
import sys

import pytest

from crepr._only_one import only_one


@pytest.mark.parametrize("is_folder", [True, False])
def test_property_another_is_refused_until_the_end(tmp_path, is_folder):
    path = tmp_path / "run"
    if is_folder:
        path.mkdir()
    with only_one("checkpoint_dir", path):
        with (
            pytest.raises(ValueError, match=r"checkpoint_dir='.*run' is in use by another process. Wait until"),
            only_one("checkpoint_dir", path),
        ):
            pass
        with only_one("checkpoint_dir", tmp_path / "other"):
            pass
    with only_one("checkpoint_dir", path):
        pass


HOLD = """
import sys
from crepr._only_one import only_one
with only_one("storage", sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_property_a_killed_process_frees_it(tmp_path):
    path = tmp_path / "search.db"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="in use"), only_one("storage", path):
            pass
        process.kill()
    with only_one("storage", path):
        pass
