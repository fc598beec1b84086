"""Models of profiles that take no time to train, and the profiles."""

import anndata as ad
import numpy as np
import pandas as pd

import crepr as cr

OPTIONS = {"batch_size": 30, "max_epochs": 3, "accelerator": "cpu", "progress": False, "model_options": {"widths": [8]}}


def profiles(n=60, p=8):
    """Wells of two plates whose features show two factors, with parts of a split."""
    rng = np.random.default_rng(0)
    x = np.tanh(rng.standard_normal((n, 2)) @ rng.standard_normal((2, p))) + 0.1 * rng.standard_normal((n, p))
    obs = pd.DataFrame(index=[f"well {i}" for i in range(n)])
    obs["split"] = pd.Categorical(np.where(np.arange(n) % 3 == 0, "test", "train"), ["train", "validation", "test"])
    obs["plate"] = pd.Categorical(np.where(np.arange(n) < n // 2, "first", "second"))
    var = pd.DataFrame(
        {"compartment": ["Nuclei", "Nuclei", "Cells", "Cells"] * 2, "channel": ["DNA", "ER"] * 4},
        [f"feature {j}" for j in range(p)],
    )
    return ad.AnnData(x.astype(np.float32), obs=obs, var=var)


def train(adata, model="vae", *, inputs="X", key_added=None, **options):
    """Train with two latents."""
    return cr.tl.train_vae(adata, inputs=inputs, model=model, n_latent=2, key_added=key_added, **{**OPTIONS, **options})
