import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_crops": ["crops"],
        "_embedding_crops": ["embedding_crops"],
        "_history": ["history"],
        "_reconstruction": ["reconstruction"],
    },
)
