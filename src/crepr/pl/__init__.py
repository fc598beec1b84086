import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_cluster_metrics": ["cluster_metrics"],
        "_crops": ["crops"],
        "_embedding_crops": ["embedding_crops"],
        "_history": ["history"],
        "_match_clusters": ["match_clusters"],
        "_optimize_leiden": ["optimize_leiden"],
        "_optimize_multiplex_leiden": ["optimize_multiplex_leiden"],
        "_permanova": ["permanova"],
        "_reconstruction": ["reconstruction"],
    },
)
