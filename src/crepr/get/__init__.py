import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_aggregate_features": ["aggregate_features"],
        "_classify": ["classify"],
        "_cluster_metrics": ["cluster_metrics"],
        "_compare_gene_subsets": ["compare_gene_subsets"],
        "_compare_representations": ["compare_representations"],
        "_correlate": ["correlate"],
        "_crops": ["crops"],
        "_explanatory_features": ["explanatory_features"],
        "_invariance": ["invariance"],
        "_knn_accuracy": ["knn_accuracy"],
        "_masks": ["masks"],
        "_match_clusters": ["match_clusters"],
        "_mofa_kmeans": ["mofa_kmeans"],
        "_optimize_leiden": ["optimize_leiden"],
        "_optimize_multiplex_leiden": ["optimize_multiplex_leiden"],
        "_permanova": ["permanova"],
        "_permdisp": ["permdisp"],
        "_ridge_genes": ["ridge_genes"],
        "_select_genes": ["select_genes"],
        "_separability": ["separability"],
    },
)
