import subprocess
import sys

import pytest

import crepr
from crepr.__main__ import main
from crepr._demo import _run


def test_demo_passes_options_on(monkeypatch, capsys, tmp_path):
    seen = {}

    def run_demo(out, **options):
        seen.update(options, out=out)
        return tmp_path / "report.html"

    monkeypatch.setattr(_run, "run_demo", run_demo)
    main(["demo", "--out", str(tmp_path), "--cells", "50", "--epochs", "8"])
    assert seen == {"out": str(tmp_path), "n_obs": 50, "epochs": 8, "epochs_both": 2}
    assert str(tmp_path / "report.html") in capsys.readouterr().out


def test_module_runs():
    command = [sys.executable, "-m", "crepr", "--version"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.strip() == f"crepr {crepr.__version__}"


@pytest.mark.parametrize(("arguments", "message"), [([], "COMMAND"), (["demo", "--cells", "many"], "--cells")])
def test_error(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
