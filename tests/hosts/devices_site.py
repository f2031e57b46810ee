"""Small sites that have the page of devices, one on each host.

`/sign-in?user=42` signs in as user 42, `/whoami` answers with the user. The page is at `/devices`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import flask
from beaker.middleware import SessionMiddleware
from flask_session import Session
from pyramid.config import Configurator
from pyramid.response import Response

from schema_session_backend.beaker import RequestMiddleware, SchemaSession
from schema_session_backend.cachelib import SchemaCache
from schema_session_backend.devices import DevicesPage, beaker_visitor
from schema_session_backend.devices.flask import add_devices

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_session_backend import SessionStore


def beaker_site(store: SessionStore, path: str = "/devices", **options: Any) -> Any:
    def site(environ: Any, start_response: Any) -> Any:
        session = environ["beaker.session"]
        if environ["PATH_INFO"] == "/sign-in":
            session["user_id"] = int(parse_qs(environ["QUERY_STRING"])["user"][0])
            session.save()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(session.get("user_id")).encode()]

    user = options.pop("user", lambda environ: environ["beaker.session"].get("user_id"))
    page = DevicesPage(store, beaker_visitor(store, user), **options)
    settings = {"type": "schema", "store": store, "session_class": SchemaSession}
    application = SessionMiddleware(
        page.mounted_in(site, path), {f"session.{name}": value for name, value in settings.items()}
    )
    return RequestMiddleware(application)


def flask_app(store: SessionStore, **config: Any) -> tuple[flask.Flask, SchemaCache]:
    app = flask.Flask(__name__)
    cache = SchemaCache(store)
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=cache, **config)
    Session(app)
    return app, cache


def flask_site(store: SessionStore, **options: Any) -> Any:
    app, cache = flask_app(store, PROPAGATE_EXCEPTIONS=True)

    @app.route("/sign-in")
    def sign_in() -> str:
        flask.session["user_id"] = flask.request.args.get("user", type=int)
        return "done"

    @app.route("/whoami")
    def whoami() -> str:
        return str(flask.session.get("user_id"))

    add_devices(app, cache, **{"user": lambda: flask.session.get("user_id"), **options})
    return app


def pyramid_site(store: SessionStore, **options: Any) -> Any:
    def sign_in(request: Any) -> Response:
        request.session["user_id"] = int(request.GET["user"])
        return Response("done")

    def whoami(request: Any) -> Response:
        return Response(str(request.session.get("user_id")))

    settings = {"schema_session.store": store, "schema_session.cookie_secure": "false"}
    config = Configurator(settings=settings)
    config.include("pyramid_schema_session")
    config.set_default_csrf_options(require_csrf=True)
    config.add_devices_page(**{"user": lambda request: request.session.get("user_id"), **options})
    for name, view in (("sign-in", sign_in), ("whoami", whoami)):
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name)
    return config.make_wsgi_app()


SITES: dict[str, Callable[..., Any]] = {
    "beaker": beaker_site,
    "flask": flask_site,
    "pyramid": pyramid_site,
}
