"""A Pyramid application with a login, a cart, and signing out elsewhere.

Run it with `python pyramid_app.py`. It talks plain HTTP, so it turns the cookie's `Secure` off; a real site
leaves that on.
"""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import make_server

from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.httpexceptions import HTTPBadRequest, HTTPFound, HTTPNotFound
from pyramid.response import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyramid.request import Request


def form(request: Request, action: str, label: str, fields: str = "") -> str:
    token = f'<input type="hidden" name="csrf_token" value="{get_csrf_token(request)}">'
    return f'<form method="post" action="{action}">{token}{fields} <button>{label}</button></form>'


def index(request: Request) -> Response:
    session = request.session
    parts = [f"<p>{escape(message)}</p>" for message in session.pop_flash()]
    if "user_id" not in session:
        field = '<label>User number <input name="user_id" type="number" required></label>'
        parts.append(form(request, "/sign-in", "Sign in", field))
    else:
        parts.append(f"<h1>User {session['user_id']}</h1>")
        parts += [f"<p>In the cart: {escape(item)}</p>" for item in session.get("cart", [])]
        parts.append(form(request, "/cart", "Put into the cart", '<input name="item" required>'))
        for record in request.schema_sessions.list():
            device = escape(record.data["device"])
            if record.handle == request.schema_sessions.current:
                parts.append(f"<p>{device} (this browser)</p>")
            else:
                parts.append(form(request, f"/kick/{record.handle}", f"Sign out {device}"))
        parts.append(form(request, "/kick-others", "Sign out all others"))
        parts.append(form(request, "/sign-out", "Sign out"))
    return Response(f'<!doctype html><html lang="en"><title>Shop</title>{"".join(parts)}</html>')


def sign_in(request: Request) -> None:
    # A real site checks a password here.
    user_id = request.POST.get("user_id", "")
    if not (user_id.isdecimal() and 0 < int(user_id) < 2**31):
        raise HTTPBadRequest("user_id must be a positive number")
    request.session.rotate()
    request.session["user_id"] = int(user_id)
    request.session["device"] = (request.user_agent or "unknown")[:50]


def put_into_cart(request: Request) -> None:
    request.session.setdefault("cart", []).append(request.POST["item"][:100])


def kick(request: Request) -> None:
    if not request.schema_sessions.revoke(request.matchdict["handle"]):  # type: ignore[index]
        raise HTTPNotFound
    request.session.flash("That device is signed out.")


def kick_others(request: Request) -> None:
    request.session.flash(f"{request.schema_sessions.revoke_others()} devices are signed out.")


def sign_out(request: Request) -> None:
    request.session.invalidate()


def and_back(action: Callable[[Request], None]) -> Callable[[Request], HTTPFound]:
    def view(request: Request) -> HTTPFound:
        action(request)
        return HTTPFound("/")

    return view


def create_app(database: str) -> Any:
    settings = {
        "schema_session.url": database,
        "schema_session.schemas": "user_id Integer index; device String(50)",
        "schema_session.timestamps": "true",
        "schema_session.cookie_secure": "false",
    }
    with Configurator(settings=settings) as config:
        config.include("pyramid_schema_session")
        config.set_default_csrf_options(require_csrf=True)
        config.add_route("index", "/")
        config.add_view(index, route_name="index")
        for path, action in (
            ("/sign-in", sign_in),
            ("/cart", put_into_cart),
            ("/kick/{handle}", kick),
            ("/kick-others", kick_others),
            ("/sign-out", sign_out),
        ):
            config.add_route(path, path, request_method="POST")
            config.add_view(and_back(action), route_name=path)
        return config.make_wsgi_app()


if __name__ == "__main__":
    application = create_app(os.environ.get("DATABASE_URL", "sqlite:///sessions.db"))
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"Open http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
