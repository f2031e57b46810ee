"""`request.schema_sessions`: a view lists and ends the sessions of its user."""

from __future__ import annotations

import pytest
from pyramid_answers import answer

from schema_session_backend import ConfigurationError

HOUR = 3600


def test_a_view_lists_and_revokes_its_users_sessions(store):
    for sid, user_id in (("phone", 42), ("laptop", 42), ("bobs", 43)):
        store.set(sid, {"user_id": user_id, "device": sid})
    handle = store.handle

    def ask(what):
        found = []
        answer(store, lambda request: found.append(what(request.schema_sessions)), "__Host-session=phone")
        return found[0]

    assert {record.data["device"] for record in ask(lambda own: own.list())} == {"phone", "laptop"}
    assert ask(lambda own: own.current) == handle("phone")
    assert ask(lambda own: own.revoke(handle("bobs"))) is False
    assert ask(lambda own: own.revoke("made up")) is False
    assert ask(lambda own: own.revoke(handle("laptop"))) is True
    store.set("tablet", {"user_id": 42})
    assert ask(lambda own: own.revoke_others()) == 1
    assert (store.has("phone"), store.has("bobs"), store.count()) == (True, True, 2)
    assert ask(lambda own: own.revoke(handle("phone"))) is True
    assert store.count() == 1


def test_revoking_the_session_of_the_request_itself_signs_out(store):
    store.set("phone", {"user_id": 42})

    def do(request):
        assert request.schema_sessions.revoke(request.schema_sessions.current)
        request.session.flash("Goodbye")

    sent = answer(store, do, "__Host-session=phone", cookie_max_age=HOUR)

    assert "__Host-session=phone" not in sent.headers["Set-Cookie"]
    [record] = store.find(limit=1000)
    assert record.data["_f_"] == ["Goodbye"]


def test_listings_hold_only_keys_of_the_application(make_store):
    store = make_store(timestamps=False)
    for _ in range(2):
        answer(store, lambda request: request.session.update(user_id=42))
    found: list[dict] = []

    def do(request):
        request.session["user_id"] = 42
        found.extend(record.data for record in request.schema_sessions.list())

    answer(store, do)

    assert found == [{"user_id": 42}] * 2


def test_a_visitor_without_a_user_has_no_sessions(store):
    store.set("theirs", {"device": "phone"})

    def do(request):
        own = request.schema_sessions
        assert (own.list(), own.current, own.revoke_others()) == ([], None, 0)
        assert own.revoke(store.handle("theirs")) is False

    answer(store, do)
    assert store.count() == 1


def test_schema_sessions_need_the_users_column(make_store):
    store = make_store(schemas="device String(50)")

    with pytest.raises(ConfigurationError, match="declare one named 'user_id'"):
        answer(store, lambda request: request.schema_sessions.list())


def test_a_record_of_the_listing_can_be_revoked(store):
    for sid in ("phone", "laptop"):
        store.set(sid, {"user_id": 42, "device": sid})

    def do(request):
        [laptop] = [record for record in request.schema_sessions.list() if record.data["device"] == "laptop"]
        assert request.schema_sessions.revoke(laptop)

    answer(store, do, "__Host-session=phone")

    assert (store.has("phone"), store.has("laptop")) == (True, False)


def test_a_login_that_is_not_saved_yet_stays_when_another_session_is_revoked(store):
    store.set("laptop", {"user_id": 42})

    def do(request):
        request.session["user_id"] = 42
        assert request.schema_sessions.revoke(store.handle("laptop"))

    answer(store, do)

    assert (store.has("laptop"), store.count(user_id=42)) == (False, 1)
