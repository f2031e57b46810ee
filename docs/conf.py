"""How Sphinx builds the documentation: make docs."""

from importlib.metadata import version as version_of

project = "schema_session_backend"
author = "the schema_session_backend authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name for it
version = release = version_of(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# The signature shows the defaults; the types stand with what is said of each argument.
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
# Docstrings put names into single backticks: links, where there is something to link to.
default_role = "py:obj"
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = project
