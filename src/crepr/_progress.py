"""Progress bars: `tqdm.auto`, without its warning at import."""

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # in Jupyter without ipywidgets it falls back to text and says so, even to those who want no bar
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
