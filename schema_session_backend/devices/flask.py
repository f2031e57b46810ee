"""The devices page in a Flask application: `add_devices(app, cache)`."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import flask

from ..cachelib import SchemaCache
from ..errors import WrongArgument
from .arguments import require_user_field
from .http import MAX_BODY
from .mounting import mount_path, mounted_before
from .page import DevicesPage
from .visitor import Visitor

__all__ = ["add_devices"]


def add_devices(
    app: flask.Flask,
    cache: SchemaCache,
    path: str = "/devices",
    **options: Any,
) -> DevicesPage:
    """Show the page at a path of the application, as the endpoint `devices`.

    Args:
        app: the application, whose sessions Flask-Session keeps in `cache`.
        cache: the cache that `SESSION_CACHELIB` is set to. The `user_field` of its store tells to which user
            a session belongs.
        path: the path of the page.
        options: further options of `DevicesPage`.

    Returns:
        the page.

    Raises:
        ConfigurationError: for an option that cannot work.
        WrongArgument: if `cache` is no `SchemaCache`.
    """
    if not isinstance(cache, SchemaCache):
        msg = f"add_devices takes the SchemaCache of SESSION_CACHELIB, not {type(cache).__name__}"
        raise WrongArgument(msg)
    mount = mount_path(path)
    require_user_field(cache.store, "add_devices")

    def visitor(_environ: Any) -> Visitor | None:
        user, sid = cache.store.user_of(flask.session), cache.current_sid()
        return None if user is None or sid is None else Visitor(user, sid)

    page = DevicesPage(cache.store, visitor, **options)

    def devices(rest: str = "", **_other_parts: Any) -> Any:
        environ = mounted_before(flask.request.environ, rest)
        return flask.Response.from_app(page, environ | _body(flask.request), buffered=True)

    for rule in (f"{mount}/", f"{mount}/<path:rest>"):
        app.add_url_rule(rule, "devices", devices, methods=["GET", "POST"])
    return page


def _body(request: flask.Request) -> dict[str, Any]:
    """The entries of a WSGI environment for a body that the application may have read already."""
    if request.content_length is None or request.content_length > MAX_BODY:
        return {}
    # Flask keeps no data of a body that it has parsed as a form.
    body = request.get_data() or urlencode(list(request.form.items(multi=True))).encode()
    return {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
