"""A database that is down is an answer with the status 503, once, in time, and no logout, in every host."""

from __future__ import annotations

import pytest
from browsing import LOGIN
from flask import Flask
from webtest import TestApp

from clocks import FakeTime
from databases import DATABASES
from schema_session_backend import StoreUnavailable
from schema_session_backend.beaker import RequestMiddleware, SchemaSession
from schema_session_backend.flask import answer_unavailable
from schema_session_backend.unavailable import UnavailableMiddleware
from wire import Counter

DEADLINE = 5
"""Seconds that the store tries again by default."""


@pytest.fixture(autouse=True)
def waited(monkeypatch) -> FakeTime:
    """The time by which the store waits for its database."""
    time = FakeTime()
    monkeypatch.setattr("schema_session_backend._sql.database.time", time)
    return time


def wrap_flask(app):
    answer_unavailable(app)
    return app


WRAP = {
    "beaker": RequestMiddleware,
    "SchemaSession": RequestMiddleware,
    "flask": wrap_flask,
    "pyramid": UnavailableMiddleware,
}
"""What the how-to of each host says about a database that is down."""


@pytest.fixture
def open_client(host, open_site):
    """A visitor of a site on the host, whose sessions are in a store."""
    # Otherwise Flask raises each error for the test.
    options = {"testing": False} if host == "flask" else {}
    return lambda store: Client(open_site(store=store, **options), WRAP[host])


class Client(TestApp):
    """A visitor of a site that has been wrapped."""

    def __init__(self, site, wrap):
        super().__init__(wrap(site.application))
        self.site = site

    def visit(self, do, status="*"):
        """Make a request that does something with the session; returns the answer."""
        return self.get("/", extra_environ={"site.do": do}, status=status)

    def sign_in(self):
        return self.visit(self.site.saving(**LOGIN))


def fail_once(store, monkeypatch):
    """The database is gone for the next read, and back after it."""
    load = store.load

    def fail(*arguments):
        monkeypatch.setattr(store, "load", load)
        raise StoreUnavailable("gone for a moment")

    monkeypatch.setattr(store, "load", fail)


def assert_is_unavailable(answer, caplog):
    assert answer.status_int == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Set-Cookie" not in answer.headers
    assert "try again" in answer.text
    assert "connect" not in answer.text
    assert [(record.name, record.exc_info) for record in caplog.records] == [("schema_session_backend", None)]
    assert "answered 503" in caplog.text


@pytest.mark.filterwarnings("ignore:Invalidating corrupt session")
def test_a_session_that_cannot_be_read_is_a_503(open_client, down, waited, caplog):
    client = open_client(down)
    client.set_cookie(client.site.cookie, "a" * 43)

    assert_is_unavailable(client.visit(dict), caplog)
    assert waited.now == pytest.approx(0.05), "more than one try"


def test_a_session_that_cannot_be_saved_is_a_503(open_client, down, waited, caplog):
    client = open_client(down)

    assert_is_unavailable(client.sign_in(), caplog)
    assert waited.now == pytest.approx(0.05), "more than one try"


def test_a_search_that_fails_in_a_view_is_a_503(open_client, down, caplog):
    client = open_client(down)

    assert_is_unavailable(client.visit(lambda _session: down.find(limit=1)), caplog)


@pytest.mark.filterwarnings("ignore:Invalidating corrupt session")
def test_a_database_that_is_back_in_the_middle_of_a_request_signs_nobody_out(
    open_client, make_store, monkeypatch
):
    store = make_store()
    client = open_client(store)
    client.sign_in()
    fail_once(store, monkeypatch)

    assert "Set-Cookie" not in client.visit(dict, status=503).headers
    seen = []
    client.visit(lambda session: seen.append(session["user_id"]))
    assert seen == [42]


@pytest.mark.parametrize(
    "settings",
    [{"session_class": SchemaSession}, {"invalidate_corrupt": False}],
    ids=lambda given: next(iter(given)),
)
@pytest.mark.parametrize("host", ["beaker"])
def test_beaker_without_our_middleware_signs_nobody_out_with_either_of_two_settings(
    host, open_site, make_store, monkeypatch, settings
):
    """Otherwise Beaker goes on with an empty session under a new id, as docs/howto/beaker.md tells."""
    store = make_store()
    client = Client(open_site(store=store, **settings), UnavailableMiddleware)
    client.sign_in()
    fail_once(store, monkeypatch)

    assert "Set-Cookie" not in client.visit(dict, status=503).headers
    seen = []
    client.visit(lambda session: seen.append(session["user_id"]))
    assert seen == [42]


@pytest.mark.parametrize("url", [name for name in DATABASES if name != "sqlite"], indirect=True)
def test_a_database_that_stops_in_the_middle_of_a_request_is_a_503(
    open_client, make_store, url, waited, caplog
):
    server = Counter(url)
    client = open_client(make_store(server.url))
    client.sign_in()

    def stop(session):
        session["cart"] = [session["user_id"]]
        server.close()
        client.site.save(session)

    assert_is_unavailable(client.visit(stop), caplog)
    assert waited.now < DEADLINE * 1.2


def test_a_generators_error_is_a_503_until_headers_are_sent():
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/late":
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"a"
        raise StoreUnavailable("gone")

    client = TestApp(UnavailableMiddleware(application))

    assert client.get("/early", status=503).headers["Retry-After"]
    with pytest.raises(StoreUnavailable):
        client.get("/late")


def test_other_errors_of_a_flask_application_are_answered_as_before(store):
    app = Flask(__name__)
    answer_unavailable(app)

    @app.get("/")
    def index():
        raise LookupError

    assert app.test_client().get("/").status_code == 500
