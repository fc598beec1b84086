import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_cluster_metrics": ["cluster_metrics"],
        "_crops": ["crops"],
        "_masks": ["masks"],
        "_match_clusters": ["match_clusters"],
        "_mofa_kmeans": ["mofa_kmeans"],
        "_optimize_leiden": ["optimize_leiden"],
        "_optimize_multiplex_leiden": ["optimize_multiplex_leiden"],
        "_permanova": ["permanova"],
        "_permdisp": ["permdisp"],
    },
)
