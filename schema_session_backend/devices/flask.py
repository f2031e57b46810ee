"""The devices page in a Flask application: `add_devices(app, cache)`."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import flask

from ..cachelib import SchemaCache
from ..errors import ConfigurationError, WrongArgument
from .arguments import require_user, require_user_field
from .http import limit_body
from .mounting import mount_path, mounted_before
from .page import DevicesPage
from .visitor import Visitor, confirmed_visitor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add_devices"]


def add_devices(
    app: flask.Flask,
    cache: SchemaCache,
    path: str = "/devices",
    *,
    user: Callable[[], object] | None = None,
    administers: Callable[[], bool] | None = None,
    **options: Any,
) -> DevicesPage:
    """Show the page at a path of the application, as the endpoint `devices`.

    A visitor is whom both the application's authentication and the session name. With Flask-Login that is the
    `current_user`, if it is authenticated and active and if its login is fresh. A login is fresh until the
    session is used from another address or browser, and unless it comes from a remember cookie.

    Args:
        app: the application, whose sessions Flask-Session keeps in `cache`.
        cache: the cache that `SESSION_CACHELIB` is set to. The `user_field` of its store tells to which user
            a session belongs.
        path: the path of the page.
        user: returns the user that the application's authentication names in the current request, such as 42
            or the text "42"; None for nobody. Required without Flask-Login.
        administers: returns whether the visitor of the current request is an administrator.
        options: further options of `DevicesPage`.

    Returns:
        the page.

    Raises:
        ConfigurationError: for an option that cannot work, and without `user` if the application has no
            Flask-Login yet.
        WrongArgument: if `cache` is no `SchemaCache`.
    """
    if not isinstance(cache, SchemaCache):
        msg = f"add_devices takes the SchemaCache of SESSION_CACHELIB, not {type(cache).__name__}"
        raise WrongArgument(msg)
    mount = mount_path(path)
    require_user_field(cache.store, "add_devices")
    authenticated = _flask_logins_user(app) if user is None else user
    require_user(authenticated, "add_devices")
    if administers is not None:
        options["administers"] = lambda _environ: administers()

    def visitor(_environ: Any) -> Visitor | None:
        # The authentication comes first, because it may sign the session out.
        named = authenticated()
        return confirmed_visitor(cache.store, flask.session, cache.current_sid(), named)

    page = DevicesPage(cache.store, visitor, **options)

    def devices(rest: str = "", **_other_parts: Any) -> Any:
        environ = mounted_before(flask.request.environ, rest)
        return flask.Response.from_app(page, environ | _body(flask.request), buffered=True)

    def limit_bodies() -> None:
        if flask.request.endpoint == "devices":
            limit_body(flask.request.environ)

    # First of all functions, because others may read the body, such as those of Flask-WTF and Flask-Security.
    app.before_request_funcs.setdefault(None, []).insert(0, limit_bodies)
    for rule in (f"{mount}/", f"{mount}/<path:rest>"):
        app.add_url_rule(rule, "devices", devices, methods=["GET", "POST"])
    return page


def _flask_logins_user(app: flask.Flask) -> Callable[[], object]:
    """The function that returns the id of Flask-Login's `current_user`; None if the login is not fresh."""
    # An application that uses Flask-Login has imported it.
    flask_login = sys.modules.get("flask_login")
    if flask_login is None or not hasattr(app, "login_manager"):
        msg = (
            "add_devices has to know who is asking: initialise Flask-Login before, or pass user=, such as"
            " user=lambda: session.get('user_id') if the session is the application's only authentication"
        )
        raise ConfigurationError(msg)

    def user() -> object:
        current = flask_login.current_user
        if not (current.is_authenticated and current.is_active and flask_login.login_fresh()):
            return None
        return current.get_id()

    return user


def _body(request: flask.Request) -> dict[str, Any]:
    """The entries of a WSGI environment for a body that the application has read already, if it has."""
    # Flask keeps what was read, or the form that was parsed, in attributes of the request.
    read = vars(request)
    if "_cached_data" in read:
        body = request.get_data()
    elif "form" in read:
        body = urlencode(list(request.form.items(multi=True))).encode()
    else:
        return {}
    return {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(body))}
