"""The page's HTML, from templates, and its static files."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from .http import FOR_EVER, Response

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from .http import Request
    from .texts import Texts

STATIC_FILES: Final = {"devices.css": "text/css", "devices.js": "text/javascript"}
_PACKAGE: Final = "schema_session_backend.devices"
_CONTENTS: Final = {
    name: resources.files(_PACKAGE).joinpath("static", name).read_bytes() for name in STATIC_FILES
}
# The address of a file changes with its content, so browsers can keep the file for ever.
_ADDRESSES: Final = {
    name: f"/static/{name}?{hashlib.sha256(content).hexdigest()[:8]}" for name, content in _CONTENTS.items()
}


class Renderer:
    """Renders templates.

    Args:
        texts: the page's texts, or a function that returns them for a WSGI environment.
        templates: a directory, or a loader of Jinja2, with templates that replace templates of this package.
        links: addresses outside of the page, as variables of the templates.
    """

    def __init__(
        self,
        texts: Texts | Callable[[dict[str, Any]], Texts],
        templates: str | os.PathLike[str] | BaseLoader | None,
        **links: str | None,
    ) -> None:
        self._texts = texts
        self._links = links
        loader: BaseLoader = PackageLoader(_PACKAGE)
        if templates is not None:
            first = templates if isinstance(templates, BaseLoader) else FileSystemLoader(templates)
            loader = ChoiceLoader([first, loader])
        self._templates = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def texts(self, request: Request) -> Texts:
        """The texts for a request."""
        return self._texts(request.environ) if callable(self._texts) else self._texts

    def render(self, request: Request, template: str, /, *, status: int = 200, **values: Any) -> Response:
        """A response with HTML.

        Args:
            request: the request.
            template: the template's name.
            status: the HTTP status.
            values: variables of the template.
        """
        html = self._templates.get_template(template).render(
            texts=self.texts(request),
            root=request.root,
            static={name: request.root + address for name, address in _ADDRESSES.items()},
            **self._links,
            **values,
        )
        return Response(html, status, mimetype="text/html")


def static_file(request: Request) -> Response:
    """The style sheet or the script, whichever is at the request's path."""
    name = request.path.rpartition("/")[2]
    return Response(_CONTENTS[name], mimetype=STATIC_FILES[name], caching=FOR_EVER)
