import os
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import Phase, settings

mpl.use("agg")
# with two threads small models run many times slower on two cores
torch.set_num_threads(1)
# first calls compile and import, and the machine may be busy: seconds say nothing
settings.register_profile("crepr", deadline=None)
# much is drawn and nothing made smaller, which takes longer than the drawing
settings.register_profile(
    "long", deadline=None, max_examples=5000, phases=[Phase.explicit, Phase.reuse, Phase.generate], database=None
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "crepr"))


@pytest.fixture(autouse=True)
def _close_figures():
    # tests of one process share the figures of pyplot
    yield
    plt.close("all")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that CREPR_DATA names."""
    folder = Path(os.environ.get("CREPR_DATA", ""))
    if not os.environ.get("CREPR_DATA") or not folder.is_dir():
        pytest.skip("real data not found: set CREPR_DATA to its folder")
    return folder
