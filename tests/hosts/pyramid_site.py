"""A site on Pyramid."""

from __future__ import annotations

from typing import Any

from browsing import Site
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory


class PyramidSite(Site):
    """A site with Pyramid's sessions, over plain HTTP.

    Args:
        store: where they are.
        options: those of `SchemaSessionFactory`.
    """

    cookie = "session"

    def __init__(self, *, store: Any, **options: Any) -> None:
        factory = SchemaSessionFactory(store, **{"cookie_secure": False, **options})
        config = Configurator(session_factory=factory)
        config.add_request_method(factory.sessions, "schema_sessions", reify=True)
        config.add_route("site", "/*path")
        config.add_view(_answer, route_name="site")
        self.application = config.make_wsgi_app()

    @staticmethod
    def save(session: Any) -> None:
        """Pyramid saves at the end of the request."""

    @staticmethod
    def end(session: Any) -> None:
        session.invalidate()

    @staticmethod
    def new_id(session: Any) -> None:
        session.rotate()

    @staticmethod
    def sid(session: Any) -> str:
        return session.sid


def _answer(request: Any) -> Response:
    request.environ["site.do"](request.session)
    return Response("done")
