import doctest
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import crepr.models

MODULES = [item.name for item in pkgutil.walk_packages(crepr.models.__path__, "crepr.models.")]


@pytest.mark.parametrize("name", [name for name in MODULES if ">>>" in Path(import_module(name).__file__).read_text()])
def test_examples_give_what_they_show(name):
    results = doctest.testmod(import_module(name))
    assert results.attempted
    assert not results.failed
