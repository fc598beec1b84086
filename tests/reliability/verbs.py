"""Small good data, and how each public verb is called on it so that it takes no time."""

import pickle
from functools import cached_property

import numpy as np
import pandas as pd
from anndata import AnnData, read_h5ad
from sklearn.linear_model import LogisticRegression

import crepr as cr

N, SIZE, CHANNELS, GENES = 30, 16, ["DAPI", "protein"], [f"gene {i}" for i in range(8)]
FIT = {
    "max_epochs": 1, "n_latent": 4, "batch_size": 16, "model_options": {"widths": (4,)}, "accelerator": "cpu", "progress": False,
}  # fmt: skip
INPAINT = {
    "markers": "DAPI",
    "proteins": "protein",
    "image_key": "image",
    "width": 0.05,
    "max_epochs": 1,
    "accelerator": "cpu",
}
DOSES = {"groupby": "treatment", "control": "DMSO"}
TRIALS = {"max_epochs": 1, "model_options": {"widths": (4,)}, "accelerator": "cpu"}


class World:
    """What verbs are given beside data: models, records of other verbs, files. Each is made when it is first used."""

    def __init__(self, folder):
        self.folder = folder

    def good(self):
        """Cells with profiles, groups, representations, pictures, outlines and molecules."""
        return pickle.loads(self._good)

    @cached_property
    def _good(self):
        rng = np.random.default_rng(0)
        place = (np.mgrid[:5, :6] * 20 + 15).reshape(2, -1).T[:, ::-1]
        obs = pd.DataFrame(index=[f"cell {i}" for i in range(N)])
        obs["kind"] = pd.Categorical(np.repeat(["a", "b", "c"], 10))
        obs["cluster"] = pd.Categorical([f"{i % 2}" for i in range(N)])
        obs["image"] = pd.Categorical([f"image {i // 5}" for i in range(N)])
        obs["treatment"] = pd.Categorical([["DMSO", "A", "B", "C", "A|B", "A|C", "B|C"][i % 7] for i in range(N)])
        obs["plate"] = pd.Categorical([f"plate {i % 2}" for i in range(N)])
        obs["part"] = pd.Categorical([["train", "train", "validation", "train", "test"][i % 5] for i in range(N)])
        obs["size"] = rng.uniform(1, 2, N)
        var = pd.DataFrame({"compartment": ["nucleus", "cell"] * 4, "channel": ["DAPI"] * 4 + ["ER"] * 4}, GENES)
        latents = rng.normal(size=(N, 4))
        x = 1 / (1 + np.exp(-latents @ rng.normal(size=(4, len(GENES))) - 0.1 * rng.normal(size=(N, len(GENES)))))
        x = x.astype(np.float32)
        adata = AnnData(x, obs, var, obsm={"spatial": place + 0.5})
        adata.layers["logs"] = x + 0.1
        for name in ("X_vae", "X_inpainting_conv1", "X_inpainting_conv3"):
            adata.obsm[name] = (latents + 0.1 * rng.normal(size=(N, 4))).astype(np.float32)
        adata.obsm["X_umap"] = rng.normal(size=(N, 2))
        cr.pp.crops(adata, self.image, size=SIZE, axes="cyx", channel_names=CHANNELS)
        cr.pp.masks(adata, self.labels, axes="yx")
        cr.pp.pose(adata, "DAPI", progress=False)
        cr.pp.transcripts(adata, self.molecules, cell="cell", path=self.folder / "molecules.parquet", progress=False)
        return pickle.dumps(adata)

    @cached_property
    def labels(self):
        y, x = np.mgrid[:110, :130]
        places = (np.mgrid[:5, :6] * 20 + 15).reshape(2, -1).T
        radii = (4 + np.arange(N) % 4, 5 + np.arange(N) % 3)
        return sum(
            (number + 1) * (((y - cy) / a) ** 2 + ((x - cx) / b) ** 2 <= 1)
            for number, ((cy, cx), a, b) in enumerate(zip(places, *radii, strict=True))
        )

    @cached_property
    def image(self):
        rng = np.random.default_rng(1)
        x = np.arange(self.labels.shape[1])
        return (
            rng.integers(0, 200, (2, *self.labels.shape)) + (self.labels > 0) * (500 + x % 20 * [[[20]], [[5]]])
        ).astype(np.uint16)

    @cached_property
    def molecules(self):
        rng = np.random.default_rng(2)
        place = rng.uniform(0, [130, 110], (300, 2))
        own = self.labels[place[:, 1].astype(int), place[:, 0].astype(int)]
        cell = np.array(["", *(f"cell {i}" for i in range(N))])[own]
        return pd.DataFrame({"x": place[:, 0], "y": place[:, 1], "gene": rng.choice(GENES, 300), "cell": cell})

    @cached_property
    def backed(self):
        path = self.folder / "backed.h5ad"
        self.good().write_h5ad(path)
        return path

    def open_backed(self):
        return read_h5ad(self.backed, backed="r")

    @cached_property
    def of_stain(self):
        return cr.tl.train_vae(self.good(), inputs="stain", **FIT)

    @cached_property
    def of_profiles(self):
        return cr.tl.train_vae(self.good(), inputs="X", **FIT)

    @cached_property
    def of_inpainting(self):
        return cr.tl.train_inpainting(self.good(), progress=False, **INPAINT)

    @cached_property
    def scaled(self):
        adata = self.good()
        cr.pp.scale_profiles(adata)
        return adata

    @cached_property
    def simulated(self):
        return cr.tl.simulate(self.good(), self.of_profiles, n_obs=20)

    def leave(self, name, adata):
        """Put into data what a verb leaves in them."""
        if name not in self._left:
            done = self.good()
            for before in NEEDS.get(name, ()):
                self.leave(before, done)
            there = {slot: set(getattr(done, slot)) for slot in SLOTS}
            call_verb(name, done, OPTIONS[name](self))
            left = {
                slot: {key: getattr(done, slot)[key] for key in set(getattr(done, slot)) - there[slot]}
                for slot in SLOTS
            }
            self._left[name] = pickle.dumps(left)
        for slot, items in pickle.loads(self._left[name]).items():
            for key, value in items.items():
                getattr(adata, slot)[key] = value

    @cached_property
    def _left(self):
        return {}


def call_verb(name, data, options):
    room, _, verb = name.partition(".")
    return getattr(getattr(cr, room), verb)(data, **options)


def mean_of(genes):
    return {"mean": float(genes.X.mean())}


SLOTS = ("uns", "obs", "obsm")
#: Verbs of `tl` whose records others read.
NEEDS = {"tl.predictability": ("tl.latent_arithmetic", "tl.reproducibility")}
#: Options of each verb that need no more than the good data; each is a function, so that models are trained when they are used.
OPTIONS = {
    "pp.classical_features": lambda w: {"features": ["intensity", "feret"], "progress": False},
    "pp.crops": lambda w: {"image": w.image, "size": SIZE, "axes": "cyx", "channel_names": CHANNELS},
    "pp.intensity": lambda w: {"progress": False},
    "pp.masks": lambda w: {"masks": w.labels, "axes": "yx"},
    "pp.pose": lambda w: {"channel": "DAPI", "progress": False},
    "pp.scale_profiles": lambda w: {},
    "pp.select_features": lambda w: {},
    "pp.select_genes": lambda w: {"n_comps": 2},
    "pp.shuffle_features": lambda w: {"groupby": "plate"},
    "pp.split": lambda w: {"groupby": "image", "shares": (0.6, 0.2, 0.2)},
    "pp.split_combinations": lambda w: dict(DOSES),
    "pp.transcripts": lambda w: {
        "molecules": w.molecules, "cell": "cell", "path": w.folder / "other.parquet", "overwrite": True, "progress": False
    },
    "pp.unscale_profiles": lambda w: {"like": w.scaled, "key_added": "back"},
    "tl.aggregate_features": lambda w: {"n_sets": 2},
    "tl.aggregate_profiles": lambda w: {"groupby": ["kind", "plate"], "use_rep": "X_vae"},
    "tl.choose_layer": lambda w: {"groupby": "kind", "image_key": "image", "n_neighbors": 3, "n_perms": 3, "progress": False},
    "tl.classify": lambda w: {
        "groupby": "kind", "classifier": LogisticRegression(), "cv": 2, "n_perms": 1, "predictions": True, "progress": False
    },
    "tl.cluster_metrics": lambda w: {"cluster_keys": "cluster", "groupby": "kind", "n_perms": 3},
    "tl.compare_gene_subsets": lambda w: {"measure": mean_of, "subsets": {"few": GENES[:3]}, "n_draws": 2, "progress": False},
    "tl.compare_representations": lambda w: {
        "representations": ["X_vae", "X_inpainting_conv1"], "groupby": "kind", "analyses": ["permanova", "classify"], "progress": False,
        "options": {"permanova": {"n_perms": 9}, "classify": {"cv": 2, "n_perms": 0, "classifier": LogisticRegression()}},
    },
    "tl.compare_simulation": lambda w: {"model": w.of_profiles, "simulated": w.simulated, "n_neighbors": 5},
    "tl.correlate": lambda w: {"target": ["size", "area"]},
    "tl.dendrogram": lambda w: {"groupby": "image", "n_cells": 2},
    "tl.embed": lambda w: {"model": w.of_stain, "progress": False},
    "tl.embed_pretrained": lambda w: {"model_name": "test_resnet", "weights": "random", "size": 32, "progress": False},
    "tl.explanatory_features": lambda w: {"groupby": "kind", "n_features": 2},
    "tl.inpaint": lambda w: {"model": w.of_inpainting, "sources": ["cell 0"], "targets": ["cell 1"], "progress": False},
    "tl.inpainting_swap": lambda w: {
        "model": w.of_inpainting, "groupby": "kind", "n_targets": 2, "n_sources": 2, "n_others": 2, "progress": False
    },
    "tl.invariance": lambda w: {"n_perms": 2, "cv": 2, "n_neighbors": 3, "n_cells": 4, "n_draws": 2},
    "tl.knn_accuracy": lambda w: {"groupby": "kind", "n_neighbors": 3, "n_perms": 3},
    "tl.label_distances": lambda w: {"groupby": "kind", "image_key": "image", "n_pairs": 9},
    "tl.latent_arithmetic": lambda w: {"model": w.of_profiles, **DOSES, "n_perms": 9, "n_boot": 9, "progress": False},
    "tl.latent_effects": lambda w: {"model": w.of_profiles, "groupby": "compartment"},
    "tl.match_clusters": lambda w: {"cluster_keys": "cluster", "groupby": "kind"},
    "tl.mixture_score": lambda w: {"groupby": "kind", "image_key": "image", "labels": ["a", "b"]},
    "tl.mofa_kmeans": lambda w: {
        "use_rep": ["X", "X_vae"], "n_factors": [2], "n_clusters": [2, 3], "min_clusters": 2, "n_init": 2, "progress": False
    },
    "tl.multiplex_leiden": lambda w: {"use_rep": ["X", "X_vae"], "n_neighbors": 5},
    "tl.optimize_leiden": lambda w: {
        "n_neighbors": [5], "resolution": [0.5, 1.0], "min_clusters": 2, "n_seeds": 2, "progress": False
    },
    "tl.optimize_multiplex_leiden": lambda w: {
        "use_rep": ["X", "X_vae"], "n_neighbors": 5, "resolution": 1.0, "weight_step": 0.5, "min_clusters": 2, "n_controls": 1,
        "groupby": "kind", "progress": False,
    },
    "tl.permanova": lambda w: {"groupby": "kind", "n_perms": 9, "progress": False},
    "tl.permdisp": lambda w: {"groupby": "kind", "n_perms": 9, "progress": False},
    "tl.predictability": lambda w: {"n_perms": 9},
    "tl.radial_profile": lambda w: {"progress": False},
    "tl.reconstruct": lambda w: {"model": w.of_stain},
    "tl.reconstruction_metrics": lambda w: {"model": w.of_profiles, "n_components": 2},
    "tl.reproducibility": lambda w: {"model": w.of_profiles, **DOSES},
    "tl.ridge_genes": lambda w: {"cv": 3, "predict": 2, "progress": False},
    "tl.separability": lambda w: {"groupby": "kind", "covariates": "plate"},
    "tl.simulate": lambda w: {"model": w.of_profiles, "n_obs": 5},
    "tl.train_inpainting": lambda w: {**INPAINT, "progress": False},
    "tl.train_mevae": lambda w: FIT,
    "tl.train_vae": lambda w: {**FIT, "inputs": "X"},
    "tl.traverse": lambda w: {"model": w.of_stain, "n_walks": 2, "n_steps": 2},
    "tl.tune_beta": lambda w: {**TRIALS, "values": [0.5, 1.0], "n_latent": 2, "batch_size": 16, "progress": False},
    "tl.tune_vae": lambda w: {**TRIALS, "space": {"lr": [0.001, 0.01]}, "n_trials": 2, "validation": "part", "n_latent": 2, "batch_size": 16, "progress": False},
    "get.crops": lambda w: {},
    "get.masks": lambda w: {},
    "pl.crops": lambda w: {"n": 4, "groupby": "kind"},
    "pl.embedding_crops": lambda w: {"grid": 5, "color": "kind"},
    "pl.explorer": lambda w: {"path": w.folder / "explorer.html", "genes": 2, "color": "kind", "tile": 16, "progress": False},
    "pl.inpainting": lambda w: {"model": w.of_inpainting, "n": 2},
    "pl.reconstruction": lambda w: {"model": w.of_stain, "n": 2},
    "pl.traverse": lambda w: {"model": w.of_stain, "n_walks": 2, "n_steps": 2},
    }  # fmt: skip
#: Verbs whose record a figure or a table is of, where they have other names.
RECORDS = {
    "get.select_genes": "pp.select_genes", "pl.confusion_matrix": "tl.classify", "pl.dendrogram_crops": "tl.dendrogram",
    "pl.history": "tl.train_vae", "pl.ridge_gene_maps": "tl.ridge_genes", "pl.simulation": "tl.compare_simulation",
}  # fmt: skip


def needs(name):
    """Return the verbs whose records this one reads."""
    room, _, verb = name.partition(".")
    of_record = RECORDS.get(name, "" if name in OPTIONS else f"tl.{verb}")
    return NEEDS.get(name, ()) if room in ("pp", "tl") or not of_record else (of_record,)
