"""A TurboGears application whose login is in the session, so that the devices page ends it.

Run it with `python turbogears_app.py`, and sign in as ann with the password "tea for two".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import make_server

import tg
from beaker.middleware import SessionMiddleware
from repoze.who.interfaces import IAuthenticator, IIdentifier
from tg import MinimalApplicationConfigurator, TGController, expose
from tg.configuration.auth import TGAuthMetadata
from tg.configurator.components.auth import SimpleAuthenticationConfigurationComponent
from zope.interface import implementer

from schema_session_backend import SessionStore
from schema_session_backend.beaker import SchemaSession
from schema_session_backend.devices import DevicesPage, beaker_visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    Headers = list[tuple[str, str]]

PASSWORDS = {"ann": "tea for two"}
PAGE = '<!doctype html><html lang="en"><title>TurboGears</title>{}</html>'
MONTH = 30 * 24 * 60 * 60


@implementer(IIdentifier, IAuthenticator)
class SessionIdentifier:
    """Keeps repoze.who's user in Beaker's session, instead of a ticket in a cookie of its own."""

    def identify(self, environ: Mapping[str, Any]) -> dict[str, str] | None:
        user = environ["beaker.session"].get("user")
        return None if user is None else {"session.user": user}

    def authenticate(self, _environ: Mapping[str, Any], identity: dict[str, str]) -> str | None:
        return identity.get("session.user")

    def remember(self, environ: Mapping[str, Any], identity: dict[str, str]) -> Headers:
        session = environ["beaker.session"]
        if session.get("user") != identity["repoze.who.userid"]:
            session.regenerate_id()
            session["user"] = identity["repoze.who.userid"]
            session["device"] = environ.get("HTTP_USER_AGENT", "unknown")[:50]
            session.save()
        return []

    def forget(self, environ: Mapping[str, Any], _identity: dict[str, str]) -> Headers:
        environ["beaker.session"].invalidate()
        return []


class Passwords(TGAuthMetadata):
    def authenticate(self, _environ: Mapping[str, Any], identity: dict[str, str]) -> str | None:
        known = PASSWORDS.get(identity["login"]) == identity["password"]
        return identity["login"] if known else None

    def get_user(self, _identity: dict[str, str], userid: str) -> str:
        return userid


class Root(TGController):
    @expose(content_type="text/html")
    def index(self) -> str:
        if not tg.request.identity:
            return PAGE.format('<a href="/login">Sign in</a>')
        links = '<a href="/devices/">Your devices</a> <a href="/logout_handler">Sign out</a>'
        return PAGE.format(f"<h1>{tg.request.identity['user']}</h1>{links}")

    @expose(content_type="text/html")
    def login(self, **_: str) -> str:
        return PAGE.format("""
            <form method="post" action="/login_handler">
              <label>Name <input name="login"></label>
              <label>Password <input name="password" type="password"></label>
              <button>Sign in</button>
            </form>
        """)


def create_app(database: str) -> Any:
    store = SessionStore(
        database, schemas="user String(50) index; device String(50)", user_field="user", timestamps=True
    )
    identifier = SessionIdentifier()
    config = MinimalApplicationConfigurator()
    config.register(SimpleAuthenticationConfigurationComponent)
    config.update_blueprint(
        {
            "root_controller": Root(),
            "sa_auth.enabled": True,
            "sa_auth.authmetadata": Passwords(),
            "sa_auth.cookie_secret": None,  # there is no such cookie, but TurboGears wants the setting
            # The form for signing in hands the user over to the identifier with the name "cookie".
            "sa_auth.identifiers": [("cookie", identifier)],
            "sa_auth.authenticators": [("cookie", identifier), ("default", None)],
            "sa_auth.post_login_url": "/",
            "sa_auth.post_logout_url": "/",
        }
    )
    # The login is in the session and nowhere else.
    visitor = beaker_visitor(store, user=lambda environ: environ["beaker.session"].get("user"))
    page = DevicesPage(store, visitor, home_url="/")
    settings = {
        "session.type": "schema",
        "session.store": store,
        "session.session_class": SchemaSession,
        "session.key": "session",
        "session.httponly": True,
        "session.timeout": MONTH,
        "session.cookie_expires": MONTH,  # instead of a ticket that lives on: the session itself does
    }
    # Around repoze.who, because the identifier needs the session.
    return SessionMiddleware(page.mounted_in(config.make_wsgi_app(), "/devices"), settings)


if __name__ == "__main__":
    application = create_app(os.environ.get("DATABASE_URL", "sqlite:///sessions.db"))
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"Open http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
