import warnings

import numpy as np
import pandas as pd
import pytest

import crepr as cr
from crepr._warn import warn


def test_warns_at_the_line_of_the_user():
    adata = cr.datasets.synthetic_cells(n_obs=24)
    adata.obs["few"] = pd.Categorical(np.arange(24) // 4)
    with pytest.warns(UserWarning, match="fewer than 5 cells") as record:
        cr.tl.knn_accuracy(adata, "few", use_rep="X", n_neighbors=3, n_perms=0)
    assert record[0].filename == __file__


def test_property_a_message_is_a_user_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("Something is odd.")
    assert caught[0].category is UserWarning
    assert str(caught[0].message) == "Something is odd."
