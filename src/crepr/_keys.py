"""Every key that crepr writes, in one place."""

import re
from typing import Final

# references, in `.obsm` and, for what they have in common, under the same key in `.uns`
CROPS: Final = "crops"
TRANSCRIPTS: Final = "transcripts"
MASKS: Final = "masks"

# how cells lie: centroid and outline in `.obsm`, options and counts in `.uns`; directions and sizes are columns of `.obs`
POSE: Final = "pose"

# limits of each cell, in `.obsm`, where intensities are scaled cell by cell
CROPS_LIMITS: Final = "crops_limits"

# features with names, a modality or in `.obsm` after `X_`, and which of them are kept
CLASSICAL: Final = "classical"
SELECT_FEATURES: Final = "select_features"

# parameters of scaled profiles, in `.uns`; parts of a split, in `.obs`, and their counts, in `.uns`
SCALE_PROFILES: Final = "scale_profiles"
SPLIT: Final = "split"
# profiles whose features are shuffled, a layer or in `.obsm`, and how, in `.uns`
SHUFFLED: Final = "shuffled"

# results of training: latents in `.obsm`, history and spec in `.uns`; `key_added` replaces both
VAE: Final = "vae"
X_VAE: Final = "X_vae"
MEVAE: Final = "mevae"
X_MEVAE: Final = "X_mevae"

INPAINTING: Final = "inpainting"
X_INPAINTING: Final = "X_inpainting"
AUTOENCODER: Final = "autoencoder"
X_AUTOENCODER: Final = "X_autoencoder"

# light from centre to outline, in `.obsm`, and how it was measured, in `.uns`
X_RADIAL_PROFILE: Final = "X_radial_profile"

# genes, in `.var` or `.varm` and how they were selected, in `.uns`; what they are good for, in `.uns`
SELECT_GENES: Final = "select_genes"
COMPARE_GENE_SUBSETS: Final = "compare_gene_subsets"

# tests of groups, in `.uns`: options, a table of tests and one of groups
PERMANOVA: Final = "permanova"
PERMDISP: Final = "permdisp"

# clusterings, in `.uns`: options and tables
CLUSTER_METRICS: Final = "cluster_metrics"
MATCH_CLUSTERS: Final = "match_clusters"

# what a representation tells, in `.uns`; predictions for held-out cells under the same key in `.obsm`
RIDGE_GENES: Final = "ridge_genes"
CLASSIFY: Final = "classify"
KNN_ACCURACY: Final = "knn_accuracy"
INPAINTING_SWAP: Final = "inpainting_swap"
LABEL_DISTANCES: Final = "label_distances"
CHOOSE_LAYER: Final = "choose_layer"
INVARIANCE: Final = "invariance"
COMPARE_REPRESENTATIONS: Final = "compare_representations"

# combinations predicted from their terms, in `.uns`
LATENT_ARITHMETIC: Final = "latent_arithmetic"
# which groups a model of profiles knows, and what makes combinations predictable, in `.uns`
REPRODUCIBILITY: Final = "reproducibility"
PREDICTABILITY: Final = "predictability"

# what a model of profiles makes of them, tables in `.uns`; simulated profiles, a new object, with how they were made in its `.uns`
LATENT_EFFECTS: Final = "latent_effects"
RECONSTRUCTION_METRICS: Final = "reconstruction_metrics"
COMPARE_SIMULATION: Final = "compare_simulation"
SIMULATE: Final = "simulate"

# searches for options of models of profiles, in `.uns`
TUNE_BETA: Final = "tune_beta"
TUNE_VAE: Final = "tune_vae"

# scores of cells between two labels, in `.obs`, and of images, in `.uns`
MIXTURE_SCORE: Final = "mixture_score"

# means of groups, a new object, with how they were made in its `.uns`
AGGREGATE_PROFILES: Final = "aggregate_profiles"

# features of a representation, in `.uns`; scores of sets of features under the same key in `.obsm`
EXPLANATORY_FEATURES: Final = "explanatory_features"
SEPARABILITY: Final = "separability"
CORRELATE: Final = "correlate"
X_AGGREGATED: Final = "X_aggregated"

# tree of groups or cells, in `.uns`; scanpy's are `dendrogram_` and a column
DENDROGRAM: Final = "dendrogram"

# clusters, in `.obs`, and how they were found, in `.uns`
LEIDEN: Final = "leiden_optimized"
LEIDEN_MULTIPLEX: Final = "leiden_multiplex"
LEIDEN_MULTIPLEX_OPTIMIZED: Final = "leiden_multiplex_optimized"
MOFA_KMEANS: Final = "mofa_kmeans"


def logvar(key: str) -> str:
    """Key in `.obsm` of the posterior log-variances beside the latents under `key`."""
    return f"{key}_logvar"


def layer(key: str, name: str) -> str:
    """Key in `.obsm` of what a layer of the model with this key says."""
    return f"{key}_{name}"


def is_layer(key: str, name: str) -> bool:
    """Whether this is the key of a convolution of the model with that key."""
    return re.fullmatch(rf"{re.escape(key)}_conv\d+", name) is not None


def pretrained(model_name: str) -> str:
    """Key of what a pretrained network makes of cells; names of networks on a hub have slashes and colons."""
    return f"X_{model_name.replace('/', '_').replace(':', '_')}"


def factors(key: str) -> str:
    """Key in `.obsm` of the factors that the clusters under `key` were found in."""
    return f"X_{key}"
