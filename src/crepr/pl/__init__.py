import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_aggregate_features": ["aggregate_features"],
        "_classify": ["classify"],
        "_cluster_metrics": ["cluster_metrics"],
        "_compare_gene_subsets": ["compare_gene_subsets"],
        "_compare_representations": ["compare_representations"],
        "_confusion_matrix": ["confusion_matrix"],
        "_correlate": ["correlate"],
        "_crops": ["crops"],
        "_embedding_crops": ["embedding_crops"],
        "_history": ["history"],
        "_invariance": ["invariance"],
        "_match_clusters": ["match_clusters"],
        "_optimize_leiden": ["optimize_leiden"],
        "_optimize_multiplex_leiden": ["optimize_multiplex_leiden"],
        "_permanova": ["permanova"],
        "_ridge_gene_maps": ["ridge_gene_maps"],
        "_ridge_genes": ["ridge_genes"],
        "_reconstruction": ["reconstruction"],
        "_separability": ["separability"],
        "_traverse": ["traverse"],
    },
)
