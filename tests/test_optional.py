import json
import sys

import pytest

from crepr._optional import optional


def test_returns_the_module():
    assert optional("json", extra="test") is json


def test_error_names_the_extra():
    with pytest.raises(
        ModuleNotFoundError, match=r"'nowhere' is not installed; .* extra 'far': pip install 'crepr\[far\]'"
    ) as raised:
        optional("nowhere.at_all", extra="far")
    assert raised.value.name == "nowhere"


def test_error_inside_of_the_package_stays(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="^No module named 'nowhere'$"):
        optional("half_there", extra="far")
    sys.modules.pop("half_there", None)
