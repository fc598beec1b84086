import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_classical_features": ["classical_features"],
        "_crops": ["crops"],
        "_intensity": ["intensity"],
        "_masks": ["masks"],
        "_pose": ["pose"],
        "_scale_profiles": ["scale_profiles"],
        "_select_features": ["select_features"],
        "_select_genes": ["select_genes"],
        "_shuffle_features": ["shuffle_features"],
        "_split": ["split"],
        "_split_combinations": ["split_combinations"],
        "_transcripts": ["transcripts"],
        "_unscale_profiles": ["unscale_profiles"],
    },
)
