"""`SchemaSessionFactory` takes the place of Pyramid's cookie sessions, and of its tests' stand-ins.

Pyramid's tests make the content of a cookie with `_serialize((accessed, created, values))`. Here that puts
the values into the table, and gives the id.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyramid.session
import pyramid.testing
from pyramid.request import Request
from pyramid_schema_session import SchemaSessionFactory
from pyramid_schema_session.cookie import Cookie
from pyramid_schema_session.session import SchemaSession

from schema_session_backend import SessionStore, new_session_id

STORE = SessionStore(f"sqlite:///{Path.cwd()}/sessions.db", max_age=math.inf)
# What our factory calls otherwise, and what it has no use for, because the cookie holds an id only.
RENAMED = {
    "max_age": "cookie_max_age",
    "path": "cookie_path",
    "domain": "cookie_domain",
    "secure": "cookie_secure",
    "httponly": "cookie_httponly",
    "samesite": "cookie_samesite",
}
COOKIES_CONTENT = ("secret", "salt", "hashalg", "serializer", "reissue_time")
PYRAMIDS_DEFAULTS = {"cookie_name": "session", "timeout": 1200, "secure": False}
serialized: dict[str, Any] = {}


def factory(_serializer=None, **options):
    options = PYRAMIDS_DEFAULTS | options
    settings = {
        f"schema_session.{RENAMED.get(name, name)}": value
        for name, value in options.items()
        if name not in COOKIES_CONTENT and value is not None
    }
    ours = SchemaSessionFactory.from_settings({"schema_session.store": STORE, **settings})

    def session(request):
        sid = request.cookies.get(options["cookie_name"])
        if sid in serialized:
            _put_into_table(sid, serialized[sid], options["timeout"])
        # A DummyRequest has a dict of cookies and no header.
        request.environ["HTTP_COOKIE"] = f"{options['cookie_name']}={sid or ''}"
        add = request.add_response_callback
        request.add_response_callback = lambda callback: add(_taken_from_queue(callback))
        opened: Any = ours(request)
        opened._set_cookie = lambda response: _answer(request, response)
        return opened

    return session


def _answer(request, response):
    """Call the response callbacks; returns, as Pyramid's `_set_cookie` does, whether they set a cookie."""
    for callback in list(request.response_callbacks):
        callback(request, response)
    return "Set-Cookie" in dict(response.headerlist)


def _taken_from_queue(callback):
    """A response callback that leaves the queue before it runs, as in Pyramid; tests call it where it is."""

    def taken_from_queue(request, response):
        request.response_callbacks.remove(taken_from_queue)
        callback(request, response)

    return taken_from_queue


def serialize(value, **_):
    sid = new_session_id()
    serialized[sid] = value
    return sid


def _put_into_table(sid, value, timeout):
    """Store a session as of its last use; a `value` that is none is a corrupt row."""
    columns: dict[str, Any] = {}
    if isinstance(value, tuple):
        accessed, _created, values = value
        if timeout is not None:
            columns["expire_at"] = int((accessed + float(timeout)) * 1000)
    else:
        values, columns["additional"] = {}, json.dumps(value)
    STORE.set(sid, values)
    table = STORE.repo()
    if columns:
        with STORE.engine.begin() as connection:
            connection.execute(table.update().where(table.c.sid == STORE.handle(sid)).values(columns))


class DummySession(SchemaSession):
    """A session that begins with some values, in place of a dict."""

    def __init__(self, values=()):
        super().__init__(
            Request.blank("/"),
            STORE,
            Cookie(secure=False),
            timeout=None,
            set_on_exception=True,
            dbsession=None,
        )
        self.update(values)


class SessionWithToken(DummySession):
    """A session with a CSRF token that a test has named as it likes."""

    def __init__(self, values):
        super().__init__({"_csrft_": values["csrf_token"]})


cookies: Any = pyramid.session
cookies.BaseCookieSessionFactory = cookies.SignedCookieSessionFactory = factory
testing: Any = pyramid.testing
testing.DummySession = DummySession


def pytest_collection_modifyitems(items):
    for module in {item.module for item in items}:
        if module.__name__ == "tests.test_session":
            module.TestBaseCookieSession._serialize = staticmethod(serialize)
            module.TestSignedCookieSession._serialize = staticmethod(serialize)
        elif module.__name__ == "tests.test_authentication":
            module.DummyRequest = _with_session(module.DummyRequest)
            module.TestSessionAuthenticationHelper._makeRequest = lambda _self, session=(): (
                testing.DummyRequest(session=DummySession(session))
            )
        elif module.__name__ == "tests.test_csrf":
            module.DummyRequest = _with_session(module.DummyRequest)
        elif module.__name__ == "tests.test_viewderivers":
            module.DummySession = SessionWithToken


def _make_request(_self, session=()):
    return testing.DummyRequest(session=DummySession(session))


def _with_session(stand_in: Any) -> Any:
    """A test's own request, whose session is one of ours wherever the test gives it a dict."""

    class WithSession(stand_in):
        def __init__(self: Any, *args, session=None, **options):
            super().__init__(*args, session=session, **options)
            if isinstance(self.session, dict):
                self.session = DummySession(self.session)

    return WithSession
