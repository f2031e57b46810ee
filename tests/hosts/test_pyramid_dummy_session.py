"""`DummySession`: a view's unit test needs no store."""

from __future__ import annotations

import time

import pytest
from pyramid import testing
from pyramid.interfaces import ISession
from pyramid_schema_session import SchemaSession
from pyramid_schema_session.testing import DummySession
from zope.interface.verify import verifyObject

from schema_session_backend import SessionStore


def public(of):
    return {name for name in dir(of) if not name.startswith("_")}


def test_it_has_all_that_a_session_has():
    session = DummySession()

    assert verifyObject(ISession, session)
    # For other modules of the package.
    assert public(SchemaSession) - {"transaction"} <= public(session)


@pytest.mark.parametrize(
    "session", [DummySession(user_id=42), DummySession({"user_id": 42}), DummySession([("user_id", 42)])]
)
def test_with_data_it_is_a_stored_session(session):
    assert dict(session) == {"user_id": 42}
    assert session.new is False
    assert session.created == pytest.approx(time.time(), abs=3600)
    assert session.handle == SessionStore("sqlite://").handle(session.sid)


def test_without_data_it_is_the_session_of_a_new_visitor():
    session = DummySession()
    session.rotate()
    session["user_id"] = 42

    assert (session.new, session.sid, session.handle) == (True, None, None)


def test_rotate_keeps_the_data_under_a_new_id():
    session = DummySession(cart=[1])
    sid, handle = session.sid, session.handle
    session.rotate()

    assert session == {"cart": [1]}
    assert session.sid not in {None, sid}
    assert session.handle not in {None, handle}


def test_invalidate_leaves_the_session_of_a_new_visitor():
    session = DummySession(user_id=42)
    session.invalidate()

    assert (dict(session), session.new, session.sid, session.handle) == ({}, True, None, None)


def test_a_view_is_tested_without_a_store():
    def sign_in(request):
        request.session.rotate()
        request.session["user_id"] = 42
        request.session.flash("welcome")

    session = DummySession(cart=[1])
    before = session.sid
    sign_in(testing.DummyRequest(session=session))

    assert session == {"cart": [1], "user_id": 42, "_f_": ["welcome"]}
    assert session.sid != before
