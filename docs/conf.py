"""How Sphinx builds the documentation: ``sphinx-build -W -q -b html docs docs/_build/html``."""

from coproauth import __version__

project = "coproauth"
author = "The coproauth authors"
project_copyright = "The coproauth authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
language = "en"

html_theme = "furo"
html_title = f"coproauth {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
