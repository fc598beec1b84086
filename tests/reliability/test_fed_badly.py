"""Public verbs, fed badly: what they are given ends in a right result, or in an error of crepr with the data as they were."""

import dis
import inspect
import re
import signal
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from anndata.io import write_elem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpydoc.docscrape import NumpyDocString
from reliability.bad_data import draw_data, draw_options
from reliability.fingerprint import changed, fingerprint
from reliability.verbs import OPTIONS, World, call_verb, needs
from scipy.sparse import issparse

import crepr as cr

PACKAGE = str(Path(cr.__file__).parent)
ROOMS = ("pp", "tl", "get", "pl")
VERBS = [f"{room}.{name}" for room in ROOMS for name in getattr(cr, room).__all__]
#: They train nothing and draw nothing, and are fed in every run of the tests.
QUICK = {
    "pp.scale_profiles", "pp.select_features", "pp.shuffle_features", "pp.split", "tl.aggregate_profiles", "tl.correlate", "tl.knn_accuracy",
    "tl.label_distances", "tl.match_clusters", "tl.mixture_score", "tl.permanova", "tl.separability", "get.crops", "get.masks",
}  # fmt: skip
#: Inputs of each verb: 2, or 100 with HYPOTHESIS_PROFILE=long.
INPUTS = settings().max_examples // 50
#: What each verb writes beside entries of its own name or of `key_added`, as patterns of places.
WRITES = {
    "pp.classical_features": r"mod/classical/.*|(obsm|uns)/(X_)?classical|var/.*|obs/.*|obs_names|var_names|(obsm|varm|obsmap|varmap)/.*",
    "pp.crops": r"(obsm|uns)/crops|uns/spatial",
    "pp.intensity": r"uns/crops|obsm/crops_limits",
    "pp.masks": r"(obsm|uns)/masks|uns/spatial",
    "pp.pose": r"obs/\w*(angle|polarity|area|eccentricity|solidity|confidence)|(obsm|uns)/pose",
    "pp.scale_profiles": r"X",
    "pp.select_features": r"(var|varm|varp|layers|varmap)/.*|X|var_names",
    "pp.shuffle_features": r"(layers|obsm|uns)/shuffled",
    "pp.split_combinations": r"(obs|uns)/split",
    "pp.transcripts": r"(obsm|uns)/transcripts",
    "pp.unscale_profiles": r"X|layers/back",
    "tl.aggregate_features": r"(obsm|uns)/X_aggregated",
    "tl.compare_representations": r"(uns|obs|obsm)/(permanova|classify|cluster_metrics|ridge_genes)_.*",
    "tl.embed": r"(obsm|uns)/(X_)?vae\w*",
    "tl.embed_pretrained": r"(obsm|uns)/X_test_resnet.*",
    "tl.mofa_kmeans": r"obsm/X_mofa_kmeans",
    "tl.multiplex_leiden": r"(obs|uns)/leiden_multiplex",
    "tl.optimize_leiden": r"(obs|uns)/leiden_optimized",
    "tl.optimize_multiplex_leiden": r"(obs|uns)/leiden_multiplex_optimized",
    "tl.radial_profile": r"(obsm|uns)/X_radial_profile",
    "tl.train_inpainting": r"(obsm|uns)/(X_)?(inpainting|autoencoder)\w*",
    "tl.train_mevae": r"(obsm|uns)/(X_)?mevae",
    "tl.train_vae": r"(obsm|uns)/(X_)?vae\w*",
}
#: NaN says what is missing there, by the docstring.
GAPS = r"obsm/(X_)?(classical|radial_profile|pose|transcripts|classify|crops|masks)|obs/.*|X$|layers/.*|.*/var/.*"
SEEN = Counter()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("fed"))


@pytest.fixture(autouse=True)
def _counted(record_property):
    """Write how the inputs of a test ended to the file of `--junitxml`."""
    before = SEEN.copy()
    yield
    for outcome, count in (SEEN - before).items():
        record_property(outcome, count)


def test_each_public_verb_has_options_or_the_record_that_it_reads():
    assert OPTIONS.keys() <= set(VERBS)
    for name in set(VERBS) - OPTIONS.keys():
        assert needs(name), f"{name} needs a row in OPTIONS"
        assert set(needs(name)) <= OPTIONS.keys()


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in VERBS]
)
@settings(
    max_examples=INPUTS, derandomize=INPUTS <= 2, suppress_health_check=list(HealthCheck), print_blob=False,
)  # fmt: skip
@given(drawn=st.data())
def test_fed_badly(name, world, drawn):
    room, _, verb = name.partition(".")
    function = getattr(getattr(cr, room), verb)
    data = draw_data(world, needs(name), drawn.draw, backed=True)
    options = draw_options(function, OPTIONS[name](world) if name in OPTIONS else {}, drawn.draw)
    before, parent = (
        fingerprint(data),
        fingerprint(data._adata_ref) if isinstance(data, AnnData) and data.is_view else None,
    )
    result, error = None, None
    try:
        with time_limit(300), only_warnings_of_crepr():
            result = call_verb(name, data, options)
    except Exception as raised:  # noqa: BLE001 what is raised is what is tested
        check_error(raised, function)
        error = type(raised).__name__
    finally:
        plt.close("all")
        if isinstance(data, AnnData) and data.isbacked:
            data.file.close()
    SEEN[error or "result"] += 1
    if isinstance(data, AnnData) and data.isbacked:
        data.file.open()
    places = changed(before, fingerprint(data))
    if parent is not None and data.is_view:
        assert parent == fingerprint(data._adata_ref)
    if error or room in ("get", "pl") or (result is not None and isinstance(result, type(data))):
        assert not places, f"{error}: changed {places}"
    else:
        check_written(name, data, options, places)


@contextmanager
def time_limit(seconds):
    def stop(*_):
        raise AssertionError(f"takes over {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@contextmanager
def only_warnings_of_crepr():
    """Let pass what `crepr._warn` says of the line that called crepr; all others are errors, as everywhere in these tests."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=re.escape(call_verb.__module__))
        yield


def check_error(error, function):
    """Raise it again unless crepr raised it on purpose, says so in the docstring, and its message names what is wrong."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    code = last.tb_frame.f_code
    on_purpose = code.co_filename.startswith(PACKAGE) and dis.opname[code.co_code[last.tb_lasti]] == "RAISE_VARARGS"
    # a required argument that is left out, or one that does not exist, is told by Python
    entries = NumpyDocString(inspect.getdoc(function))["Raises"]
    documented = {name for entry in entries for name in entry.type.split(", ")}
    message = str(error)
    if not on_purpose or type(error).__name__ not in documented or len(message) < 20:
        raise error


def check_written(name, data, options, places):
    """Assert that nothing but results was written, and that they fit the cells and can be stored."""
    verb = name.partition(".")[2]
    key = options.get("key_added")
    own = [WRITES.get(name, r"$^"), rf"(obs|var|obsm|varm|layers|uns|mod)/(X_)?{verb}.*", "is_view", r"mod/\w+/is_view"]
    if isinstance(key, str):
        own.append(rf"(obs|var|obsm|varm|layers|uns|mod)/(X_)?{re.escape(key)}.*")
    for place in places:
        holder, rest = data, place
        if place.startswith("mod/") and place.split("/")[1] in getattr(data, "mod", {}):
            _, mod, rest = place.split("/", 2)
            holder = data.mod[mod]
        # a MuData shows columns of its modalities as its own
        assert any(re.fullmatch(pattern, text, re.DOTALL) for pattern in own for text in (place, rest)), (
            f"{name} changed {place}"
        )
        slot, _, entry = rest.partition("/")
        if slot in ("uns", "obs", "obsm", "var", "varm", "layers") and entry in getattr(holder, slot):
            value = getattr(holder, slot)[entry]
            if slot in ("obsm", "layers"):
                check_matrix(holder, value, gaps=re.match(GAPS, rest) is not None, place=place)
            if not (slot == "uns" and entry in ("spatial", "crops")):
                with h5py.File("memory", "w", driver="core", backing_store=False) as file, warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    write_elem(file, "entry", value.to_frame() if isinstance(value, pd.Series) else value)


def check_matrix(holder, value, *, gaps, place):
    assert value.shape[0] == holder.n_obs, place
    if isinstance(value, pd.DataFrame):
        assert value.index.equals(holder.obs_names), place
        value = value.select_dtypes("number").to_numpy(float)
    value = value.data if issparse(value) else np.asarray(value)
    assert np.issubdtype(value.dtype, np.number) or value.dtype == bool, f"{place} holds {value.dtype}"
    assert gaps or np.isfinite(value).all(), f"{place} is not finite"
