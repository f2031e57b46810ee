"""A Pyramid application whose security policy keeps the login in the session, where the devices page ends it.

Run it with `python pyramid_security_app.py`. It talks plain HTTP, so it turns the cookie's `Secure` off; a
real site leaves that on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import make_server

from pyramid.authentication import SessionAuthenticationHelper
from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.httpexceptions import HTTPBadRequest, HTTPFound
from pyramid.response import Response
from pyramid.security import forget, remember

if TYPE_CHECKING:
    from pyramid.request import Request

SCHEMAS = 'user_id Integer index from "auth.userid"; device String(50)'
MONTH = 30 * 24 * 60 * 60


class SessionSecurityPolicy:
    """Keeps the user's number in the session and nowhere else."""

    def __init__(self) -> None:
        self._helper = SessionAuthenticationHelper()

    def identity(self, request: Request) -> int | None:
        return self.authenticated_userid(request)

    def authenticated_userid(self, request: Request) -> int | None:
        user_id: int | None = self._helper.authenticated_userid(request)
        return user_id

    def permits(self, request: Request, context: object, permission: str) -> bool:  # noqa: ARG002
        return self.authenticated_userid(request) is not None

    def remember(self, request: Request, userid: int, **options: Any) -> list[tuple[str, str]]:
        request.session.rotate()
        headers: list[tuple[str, str]] = self._helper.remember(request, userid, **options)
        return headers

    def forget(self, request: Request, **_: Any) -> list[tuple[str, str]]:
        request.session.invalidate()
        return []


def index(request: Request) -> Response:
    token = f'<input type="hidden" name="csrf_token" value="{get_csrf_token(request)}">'
    if request.authenticated_userid is None:
        fields = '<label>User number <input name="user" type="number" required></label>'
        body = f'<form method="post" action="/sign-in">{token}{fields} <button>Sign in</button></form>'
    else:
        body = f"""
            <h1>User {request.authenticated_userid}</h1>
            <a href="/devices/">Your devices</a>
            <form method="post" action="/sign-out">{token}<button>Sign out</button></form>
        """
    return Response(f'<!doctype html><html lang="en"><title>Pyramid</title>{body}</html>')


def sign_in(request: Request) -> HTTPFound:
    # A real site checks a password here.
    user_id = request.POST.get("user", "")
    if not (user_id.isdecimal() and 0 < int(user_id) < 2**31):
        raise HTTPBadRequest("the user's number must be positive")
    headers = remember(request, int(user_id))
    request.session["device"] = (request.user_agent or "unknown")[:50]
    return HTTPFound("/", headers=headers)


def sign_out(request: Request) -> HTTPFound:
    return HTTPFound("/", headers=forget(request))


def create_app(database: str) -> Any:
    settings = {
        "schema_session.url": database,
        "schema_session.schemas": SCHEMAS,
        "schema_session.timestamps": True,
        "schema_session.timeout": MONTH,
        "schema_session.cookie_max_age": MONTH,  # instead of a second ticket: the session itself lives on
        "schema_session.cookie_secure": False,
    }
    with Configurator(settings=settings) as config:
        config.include("pyramid_schema_session")
        config.set_security_policy(SessionSecurityPolicy())
        config.set_default_csrf_options(require_csrf=True)
        config.add_devices_page("/devices")
        config.add_route("index", "/")
        config.add_view(index, route_name="index")
        for path, view in (("/sign-in", sign_in), ("/sign-out", sign_out)):
            config.add_route(path, path, request_method="POST")
            config.add_view(view, route_name=path)
        return config.make_wsgi_app()


if __name__ == "__main__":
    application = create_app(os.environ.get("DATABASE_URL", "sqlite:///sessions.db"))
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"Open http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
