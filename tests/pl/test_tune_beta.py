import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


def recorded(values, weight="beta", **columns):
    table = pd.DataFrame(
        {
            "value": values,
            "hausdorff": [5.0, 3.0, 4.0],
            "real_to_simulated": [5.0, 2.0, 4.0],
            "simulated_to_real": [1.0, 3.0, 2.0],
            "reconstruction": [10.0, 11.0, 20.0],
            **columns,
        }
    )
    adata = AnnData(obs=pd.DataFrame(index=["a"]))
    best = table.loc[1].to_dict()
    adata.uns["tune_beta"] = {"params": {"weight": weight}, "results": table, "best": best}
    return adata


def test_anchor_lines():
    fig = cr.pl.tune_beta(recorded([0.1, 1.0, 10.0], val_reconstruction=[12.0, 13.0, 25.0]))
    distances, terms = fig.axes
    lines = {line.get_label(): list(line.get_ydata()) for line in distances.get_lines()}
    assert lines["the larger of both"] == [5, 3, 4]
    assert lines["from real to simulated"] == [5, 2, 4]
    assert lines["from simulated to real"] == [1, 3, 2]
    assert distances.get_lines()[0].get_label() == "best, 1"
    assert list(distances.get_lines()[0].get_xdata()) == [1, 1]
    assert {line.get_label() for line in terms.get_lines()} == {"best, 1", "training", "validation"}
    assert distances.get_xscale() == "log"
    assert distances.get_xlabel() == "β, weight of the KL term"


def test_zero_has_a_place_and_validation_may_be_missing():
    fig = cr.pl.tune_beta(recorded([0.0, 1.0, 10.0], weight="mmd"))
    fig.canvas.draw()
    distances, terms = fig.axes
    assert distances.get_xscale() == "symlog"
    assert [label.get_text() for label in distances.get_xticklabels()] == ["0", "1", "10"]
    assert distances.get_xlabel() == "λ, weight of the discrepancy"
    assert {line.get_label() for line in terms.get_lines()} == {"best, 1", "training"}


def test_property_labels_of_many_values_stand_apart(faults):
    table = pd.concat([recorded([1.0, 2.0, 3.0]).uns["tune_beta"]["results"]] * 5, ignore_index=True)
    table["value"] = np.logspace(-2, 2, 15).round(3)
    adata = recorded([0.1, 1.0, 10.0])
    adata.uns["tune_beta"]["results"] = table
    fig = cr.pl.tune_beta(adata)
    assert not faults(fig)
    labels = [label.get_text() for label in fig.axes[0].get_xticklabels()]
    assert labels[0] == "0.01"
    assert "" in labels


def test_error():
    with pytest.raises(KeyError, match="Run cr.tl.tune_beta first"):
        cr.pl.tune_beta(recorded([0.1, 1.0, 10.0]), key_added="other")
