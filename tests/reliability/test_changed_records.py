"""What people and programs change in `.uns` is right values, or an error that says which entry and what to do."""

import pickle

import numpy as np
import pandas as pd
import pytest
from damage import SIZE, TRIALS, WRONG, N, Tally, cells, damage_plain, molecules, state

import crepr as cr
from crepr.get._molecule_reader import molecule_reader

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("key", ["crops", "masks", "transcripts"])
def test_records_changed_by_hand(tmp_path, key):
    adata = cells()
    labels = np.arange(N * 100).reshape(30, 40) // 100 + 1
    adata.obsm["spatial"] = np.full((N, 2), 12.0)
    cr.pp.crops(adata, np.ones((2, 30, 40), "u2"), size=SIZE, axes="cyx", pixel_size=0.5)
    adata.obs["label"] = np.arange(N) + 1
    cr.pp.masks(adata, labels, axes="yx", labels="label")
    cr.pp.transcripts(adata, molecules(), cell="cell", path=tmp_path / "table.parquet", progress=False)
    cr.pp.intensity(adata, per="dataset", progress=False)
    whole, rng, tally = pickle.dumps(adata.uns), np.random.default_rng(5), Tally(f"records, {key}")
    for number in range(2 * TRIALS):
        adata.uns = pickle.loads(whole)
        adata.uns[key] = damage_record(rng, dict(adata.uns[key]))
        before = state(adata)

        def read():
            cr.get.crops(adata, hide_neighbours=True)
            cr.get.masks(adata)
            cr.pp.masks(adata.copy())
            cr.pp.crops(adata.copy())
            molecule_reader(adata)

        tally.add(
            f"{number} {adata.uns[key]}",
            read,
            None,
            ["uns", "size", "gene", "channel", "z", "image", "border", "crops"],
        )
        assert state(adata) == before
    tally.close()


def damage_record(rng, entry):
    """As for JSON, and tables with another column or value."""
    tables = [name for name, value in entry.items() if isinstance(value, pd.DataFrame)]
    if not tables or rng.random() < 0.5:
        return damage_plain(rng, entry)
    table = entry[tables[0]].copy()
    column = table.columns[rng.integers(len(table.columns))]
    if rng.random() < 0.3:
        return {**entry, tables[0]: table.drop(columns=column)}
    table[column] = pd.Series([WRONG[rng.integers(len(WRONG))]] * len(table), index=table.index, dtype=object)
    return {**entry, tables[0]: table}
