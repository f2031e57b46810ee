"""Functional tests as in Pyramid's cookiecutter: requests share a transaction that is rolled back."""

from __future__ import annotations

import pytest
import zope.sqlalchemy
from pyramid.csrf import check_csrf_token, get_csrf_token
from sqlalchemy.orm import Session
from transaction import TransactionManager
from transaction_steps import note
from values import stored_rows


@pytest.fixture
def tm():
    """The transaction of a test."""
    tm = TransactionManager(explicit=True)
    tm.begin()
    tm.doom()
    yield tm
    tm.abort()


@pytest.fixture
def dbsession(engine, tm):
    """The database session of a test."""
    session = Session(engine)
    zope.sqlalchemy.register(session, transaction_manager=tm)
    return session


@pytest.fixture
def client(application, tm, dbsession):
    """A browser in the test's transaction."""
    client = application(lambda request: request.environ["test.do"](request))
    client.extra_environ.update({"tm.active": True, "tm.manager": tm, "app.dbsession": dbsession})
    return client


@pytest.fixture
def browse(client):
    """What a view returns that does `do(request)`."""

    def browse(do, **options):
        seen = []
        client.get("/", extra_environ={"test.do": lambda request: seen.append(do(request))}, **options)
        return seen.pop()

    return browse


def sign_in(request):
    request.session.rotate()
    request.session["user_id"] = 42


def test_a_session_lives_through_the_requests_of_a_test_and_is_rolled_back_at_its_end(
    client, browse, tm, dbsession, store, notes, noted
):
    browse(sign_in)
    browse(lambda request: note(request, notes))
    browse(lambda request: request.session.flash("saved"))

    assert browse(lambda request: request.session.pop_flash()) == ["saved"]
    assert browse(lambda request: dict(request.session)) == {"user_id": 42}
    assert store.within(dbsession).get(client.cookies["session"]) == {"user_id": 42}

    tm.abort()
    assert stored_rows(store) == []
    assert noted() == []
    tm.begin()


def test_a_new_id_and_a_logout_work_inside_of_a_test(client, browse, tm, store, signed_in):
    browse(sign_in, headers=signed_in)
    assert client.cookies["session"] != "phone"
    assert browse(lambda request: len(request.schema_sessions.list())) == 2
    assert browse(lambda request: request.schema_sessions.revoke_others()) == 1
    assert browse(lambda request: request.session["user_id"]) == 42

    browse(lambda request: request.session.invalidate())
    assert "session" not in client.cookies
    assert browse(lambda request: "user_id" in request.session) is False

    tm.abort()
    assert store.has("phone")
    assert store.count() == 2
    tm.begin()


def test_a_csrf_token_works_inside_of_a_test(browse):
    token = browse(get_csrf_token)

    assert browse(check_csrf_token, headers={"X-CSRF-Token": token})
