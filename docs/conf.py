"""How Sphinx builds the documentation: make docs."""

import inspect
import re
from importlib.metadata import version as version_of
from pkgutil import resolve_name
from typing import get_args, get_type_hints

from docutils.nodes import Node
from pyramid_schema_session import SchemaSessionFactory
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from schema_session_backend import SessionStore
from schema_session_backend._options import Option, declared

project = "schema_session_backend"
author = "the schema_session_backend authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name for it
version = release = version_of(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# The signature shows the defaults, and the list of arguments shows the types.
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
# Docstrings put names into single backticks, which become links where the name is documented.
default_role = "py:obj"
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = project


class OptionsTable(SphinxDirective):
    """`{options} package.Class`: a table of a class's options, which its docstring explains."""

    required_arguments = 1

    def run(self) -> list[Node]:
        lines = ["| option | takes | as text | default |", "| --- | --- | --- | --- |"]
        for option in declared(resolve_name(self.arguments[0])).values():
            default = f"`{option.default_text}`" if option.default_text else "empty"
            cells = (f"`{option.name}`", spelled(option), option.text_form, default)
            lines.append(f"| {' | '.join(cells)} |")
        return self.parse_text_to_nodes("\n".join(lines))


def spelled(option: Option) -> str:
    """The types that an option takes, without the names of their modules."""
    members = [member for member in get_args(option.type) or (option.type,) if member is not type(None)]
    names = [re.sub(r"\b[a-z_]+\.", "", inspect.formatannotation(member)) for member in members]
    # A bar would end the table's cell.
    return ", ".join(f"`{name}`" for name in names).replace("|", r"\|")


def setup(app: Sphinx) -> None:
    app.add_directive("options", OptionsTable)
    for documented in (SessionStore, SchemaSessionFactory):
        # The page should show int, float or timedelta instead of the alias Seconds. Resolving the aliases
        # drops the options' text forms, so `declared` reads (and caches) the text forms first.
        declared(documented)
        documented.__init__.__annotations__ = get_type_hints(documented.__init__)
