import numpy as np
import pytest
import torch

from crepr.train._check_inputs import check_inputs


def batch(bad):
    planes = torch.zeros(4, 2, 3, 3)
    for cell in bad:
        planes[cell, 1, 0, 2] = torch.nan if cell % 2 else torch.inf
    return {"inputs": {"stain": torch.ones(4, 1, 3, 3), "other": planes}, "cells": np.array([7, 3, 9, 1])}


def test_anchor_finite_inputs_pass():
    assert check_inputs(batch([]), None) is None


@pytest.mark.parametrize(("names", "which"), [(None, "3, 9"), (np.array([f"c{i}" for i in range(10)]), "'c3', 'c9'")])
def test_error_names_the_input_and_the_cells(names, which):
    match = rf"Input 'other' holds NaN or infinite values in 2 of the 4 cells of a batch \({which}\). Mend its pixels"
    with pytest.raises(ValueError, match=match):
        check_inputs(batch([1, 2]), names)
