import numpy as np
import pytest
from anndata import AnnData
from mudata import MuData

from crepr.get._recorded import owner_of_record, recorded


@pytest.fixture
def mdata():
    return MuData({name: AnnData(np.ones((2, 0), np.float32)) for name in ("rna", "stain")})


def test_recorded(mdata):
    mdata["stain"].uns["vae"] = {"loss": 1}
    assert recorded(mdata, "vae", hint="") == recorded(mdata["stain"], "vae", hint="") == {"loss": 1}
    mdata["rna"].uns["vae"] = {"loss": 2}
    assert recorded(mdata, "vae", mod="rna", hint="") == {"loss": 2}
    mdata.uns["vae"] = {"loss": 3}
    assert recorded(mdata, "vae", hint="") == {"loss": 3}


def test_recorded_of_a_modality_in_the_key(mdata):
    for number, adata in enumerate(mdata.mod.values()):
        adata.uns |= {"vae": {"loss": number}, "a:b": {"loss": 2}}
    assert recorded(mdata, "rna:vae", hint="") == {"loss": 0}
    assert recorded(mdata, "stain:vae", hint="") == {"loss": 1}
    # with mod, and in an AnnData, it is a key as any other
    assert recorded(mdata, "a:b", mod="rna", hint="") == recorded(mdata["rna"], "a:b", hint="") == {"loss": 2}
    with pytest.raises(KeyError, match="No ':vae' in .uns"):
        recorded(mdata["rna"], ":vae", hint="")
    with pytest.raises(KeyError, match="No 'atac:vae' in .uns"):
        recorded(mdata, "atac:vae", hint="")
    mdata.uns["rna:vae"] = {"loss": 3}
    assert recorded(mdata, "rna:vae", hint="") == {"loss": 3}


def test_owner_of_record(mdata):
    mdata["stain"].uns["vae"] = {"loss": 1}
    assert owner_of_record(mdata, "vae", hint="") is mdata["stain"]
    mdata.uns["vae"] = {"loss": 3}
    assert owner_of_record(mdata, "vae", hint="") is mdata
    assert owner_of_record(mdata, "vae", mod="stain", hint="") is mdata["stain"]


def test_recorded_error(mdata):
    with pytest.raises(KeyError, match=r"No 'vae' in .uns \(there are: none\). Train"):
        recorded(mdata, "vae", hint="Train first.")
    with pytest.raises(KeyError, match="No 'atac' in data.mod"):
        recorded(mdata, "vae", mod="atac", hint="")
    for adata in mdata.mod.values():
        adata.uns["vae"] = {}
    with pytest.raises(ValueError, match="Several modalities have 'vae' in their .uns: 'rna', 'stain'. Set mod"):
        recorded(mdata, "vae", hint="")


@pytest.mark.parametrize("key", [2, ["vae"], None, np.array([1, 2])])
def test_error_key_is_no_text(mdata, key):
    for call in (recorded, owner_of_record):
        with pytest.raises(TypeError, match="key_added must be a str, got"):
            call(mdata, key, hint="")


def test_error_what_is_there_is_no_record(mdata):
    mdata["rna"].uns |= {"vae": "mine", "permanova": {"params": {}}}
    with pytest.raises(TypeError, match=r"\.uns\['vae'\] is no record of crepr, but of type str\. Train first"):
        recorded(mdata, "vae", hint="Train first.")
    with pytest.raises(KeyError, match=r"No 'results' in .uns\['permanova'\] \(there are: 'params'\). Run it"):
        recorded(mdata, "permanova", hint="Run it.")["results"]
    with pytest.raises(TypeError, match="A key of data.mod must be a str, got \\['rna'\\]"):
        recorded(mdata, "vae", mod=["rna"], hint="")
