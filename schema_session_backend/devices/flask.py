"""The page of devices in a Flask application: `add_devices(app, cache)`."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import flask

from .._options import require_field
from .exchange import LONGEST_BODY, below, mount_path
from .page import DevicesPage
from .visitor import Visitor

if TYPE_CHECKING:
    from ..cachelib import SchemaCache


def add_devices(
    app: flask.Flask,
    cache: SchemaCache,
    path: str = "/devices",
    *,
    user_field: str = "user_id",
    **options: Any,
) -> DevicesPage:
    """Show the page at a path of the application, as the endpoint `devices`.

    Args:
        app: whose sessions Flask-Session keeps in `cache`.
        cache: see `SESSION_CACHELIB`.
        path: where the page is.
        user_field: the declared column that tells whose a session is.
        options: those of `DevicesPage`.

    Returns:
        the page.

    Raises:
        ConfigurationError: for what cannot work.
    """

    def visitor(_environ: Any) -> Visitor | None:
        user, sid = flask.session.get(user_field), cache.current_sid()
        return None if user is None or sid is None else Visitor({user_field: user}, sid)

    where = mount_path(path)
    require_field(user_field, cache.store.fields, "user_field")
    page = DevicesPage(cache.store, visitor, **options)

    def devices(rest: str = "", **_of_the_path: Any) -> Any:
        return flask.Response.from_app(page, _with_body(below(flask.request.environ, rest)), buffered=True)

    for rule in (f"{where}/", f"{where}/<path:rest>"):
        app.add_url_rule(rule, "devices", devices, methods=["GET", "POST"])
    return page


def _with_body(environ: dict[str, Any]) -> dict[str, Any]:
    """The environment with the form that was sent, which something may have read already, such as a hook."""
    request = flask.request
    if request.method != "POST" or (request.content_length or 0) > LONGEST_BODY:
        return environ
    is_form = request.mimetype == "application/x-www-form-urlencoded"
    body = urlencode(list(request.form.items(multi=True))).encode() if is_form else request.get_data()
    return {**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
