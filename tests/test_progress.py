import subprocess
import sys

JUPYTER_WITHOUT_WIDGETS = """
import sys, types
shell = types.SimpleNamespace(__class__=types.SimpleNamespace(__name__="ZMQInteractiveShell"))
sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: shell)
sys.modules["ipywidgets"] = None
"""


def imported_in_jupyter(module):
    code = f"{JUPYTER_WITHOUT_WIDGETS}from {module} import tqdm; list(tqdm([1], disable=True))"
    return subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)


def test_no_warning_without_widgets():
    assert "IProgress not found" in imported_in_jupyter("tqdm.auto").stderr  # what is to be silenced
    assert "IProgress" not in imported_in_jupyter("crepr._progress").stderr
