"""What pycytominer removes, as the oracle of crepr.pp.select_features."""

import warnings

import numpy as np
import pandas as pd

with warnings.catch_warnings():
    # it sets an option of pandas that has no effect any more
    warnings.simplefilter("ignore", DeprecationWarning)
    from pycytominer import feature_select


def removed(x, operation, **options):
    """Mask of the columns that one operation of pycytominer, or several, removes."""
    names = [f"f{i}" for i in range(x.shape[1])]
    with np.errstate(invalid="ignore", divide="ignore"):
        selected = feature_select(pd.DataFrame(x, columns=names), features=names, operation=operation, **options)
    return ~np.isin(names, selected.columns)
