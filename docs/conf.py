"""Settings of the documentation."""

import sys
import zlib
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "crepr"
author = "crepr developers"
project_copyright = f"2026, {author}"
release = version = version_of("crepr")
repository = "https://github.com/scverse/crepr"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "myst_nb",
    "docstrings",
    "gallery",
    "key_table",
    "preset_table",
    "result_table",
    "tutorials",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
default_role = "literal"
nitpicky = True

# docstrings
autosummary_generate = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
typehints_defaults = None

# links to other projects; the empty inventory stands in where there is no network
EMPTY = HERE / "_build" / "empty.inv"
EMPTY.parent.mkdir(exist_ok=True)
EMPTY.write_bytes(b"# Sphinx inventory version 2\n# Project: none\n# Version: 0\n# zlib\n" + zlib.compress(b""))
intersphinx_mapping = {
    name: (url, (None, str(EMPTY)))
    for name, url in {
        "anndata": "https://anndata.readthedocs.io/en/stable/",
        "geopandas": "https://geopandas.org/en/stable/",
        "lightning": "https://lightning.ai/docs/pytorch/stable/",
        "matplotlib": "https://matplotlib.org/stable/",
        "mudata": "https://mudata.readthedocs.io/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "python": "https://docs.python.org/3/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "scanpy": "https://scanpy.readthedocs.io/en/stable/",
        "sklearn": "https://scikit-learn.org/stable/",
        "spatialdata": "https://spatialdata.scverse.org/en/stable/",
        "statsmodels": "https://www.statsmodels.org/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
    }.items()
}
intersphinx_timeout = 10
# names of other projects are no mistake where their inventories cannot be read
OTHERS = "anndata|collections|geopandas|lightning|matplotlib|mudata|muon|numpy|pandas|pathlib|scanpy|scipy|sklearn|spatialdata|squidpy|statsmodels|torch"
BUILTINS = "bool|bytes|dict|float|frozenset|int|list|object|set|str|tuple|Ellipsis|None"
nitpick_ignore_regex = [
    (r"py:.*", rf"({OTHERS})(\..+)?"),
    (r"py:.*", rf"({BUILTINS})"),
    (r"py:.*", r"(typing\..+|[A-Za-z, ]*(Error|Warning))"),
]

# figures of docstrings
plot_formats = [("png", 120)]
plot_html_show_formats = False
plot_rcparams = {"savefig.bbox": "tight"}
plot_working_directory = str(HERE / "_build" / "plots")
Path(plot_working_directory).mkdir(exist_ok=True)

# references
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

# notebooks
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_cache_path = str(HERE / "_build" / ".jupyter_cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 1800
nb_merge_streams = True
nb_output_stderr = "remove"
suppress_warnings = ["myst-nb.lexer"]  # of cells that were not run
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# pages
html_theme = "sphinx_book_theme"
html_title = "crepr"
html_static_path = ["_static"]
html_css_files = ["crepr.css"]
html_theme_options = {
    "repository_url": repository,
    "use_repository_button": True,
    "path_to_docs": "docs",
    "show_toc_level": 2,
    "navbar_persistent": [],  # one search field is enough
}
