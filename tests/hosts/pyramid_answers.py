"""Answers of an application on Pyramid, as a browser gets them over HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyramid.config import Configurator
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory
from webtest import TestApp

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_session_backend import SessionStore


def answer(
    store: SessionStore, do: Callable[[Any], object], cookie: str | None = None, **options: Any
) -> Any:
    """The answer to one request, in which the view does `do(request)`."""

    def view(request: Any) -> Response:
        do(request)
        return Response("done")

    factory = SchemaSessionFactory(store, **options)
    config = Configurator(session_factory=factory)
    config.add_request_method(factory.sessions, "schema_sessions", reify=True)
    config.add_route("page", "/")
    config.add_view(view, route_name="page")
    client = TestApp(config.make_wsgi_app(), extra_environ={"wsgi.url_scheme": "https"})
    headers = {} if cookie is None else {"Cookie": cookie}
    return client.get("/", headers=headers, status="*")
