"""`transactional=True`: the session is saved with the application's own data, or neither is."""

from __future__ import annotations

import pytest
from pyramid.httpexceptions import HTTPBadRequest
from pyramid.response import Response
from sqlalchemy import select
from transaction_steps import fails, look, note, sorry

from schema_session_backend import InvalidField


def test_a_commit_stores_the_data_and_the_session(application, notes, noted, store):
    def do(request):
        note(request, notes)
        request.session["user_id"] = 42

    client = application(do)
    answer = client.get("/")

    assert noted() == ["a note"]
    assert store.count(user_id=42) == 1
    assert store.has(client.cookies["session"])
    assert answer.headers["Vary"] == "Cookie"


def test_a_session_is_stored_without_other_data(application, notes, store):
    client = application(lambda request: request.session.update(visits=request.session.get("visits", 0) + 1))
    for _ in range(3):
        client.get("/")

    assert store.get(client.cookies["session"]) == {"visits": 3}


ENDS = {
    "an exception": (fails(LookupError()), {}, LookupError),
    "an exception view": (
        fails(LookupError()),
        {
            "configure": lambda config: config.add_exception_view(
                lambda error, request: Response("oh", 500), LookupError
            )
        },
        None,
    ),
    "a veto": (lambda request: Response("no", 400), {}, None),
    "an HTTP exception": (fails(HTTPBadRequest()), {}, None),
    "a doomed transaction": (lambda request: request.tm.doom(), {}, None),
    "a session that cannot be stored": (
        lambda request: request.session.update(user_id="x"),
        {},
        InvalidField,
    ),
}


@pytest.mark.parametrize(("end", "options", "error"), ENDS.values(), ids=ENDS)
def test_a_request_that_fails_stores_neither_the_data_nor_the_session(
    application, notes, noted, store, end, options, error
):
    def do(request):
        note(request, notes)
        request.session["user_id"] = 42
        return end(request)

    client = application(do, **options)
    if error is None:
        client.get("/", status="*")
    else:
        with pytest.raises(error):
            client.get("/")

    assert noted() == []
    assert store.count() == 0
    assert "session" not in client.cookies


def test_a_flush_that_the_database_refuses_stores_neither_the_data_nor_the_session(
    application, notes, noted, store
):
    def do(request):
        note(request, notes)
        request.session["user_id"] = 42

    client = application(do)
    client.get("/")
    client.reset()
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        client.get("/")

    assert noted() == ["a note"]
    assert store.count() == 1
    assert "session" not in client.cookies


def test_a_commit_that_fails_stores_neither_the_data_nor_the_session(application, notes, noted, store):
    class Refusal(Exception):
        """What another resource of the transaction raises when it is asked to commit."""

    class Refusing:
        """A resource that joins the transaction and cannot commit."""

        transaction_manager = None

        def abort(self, transaction):
            """Nothing to undo."""

        tpc_begin = commit = tpc_finish = tpc_abort = abort

        def tpc_vote(self, transaction):
            raise Refusal

        def sortKey(self):  # noqa: N802 - IDataManager's name
            return "~last"

    def do(request):
        note(request, notes)
        request.session["user_id"] = 42
        request.tm.get().join(Refusing())

    client = application(do, lambda config: config.add_exception_view(sorry, Refusal))
    client.get("/", status=500)

    assert noted() == []
    assert store.count() == 0
    assert "session" not in client.cookies


@pytest.mark.parametrize("committed", [True, False])
def test_a_new_password_and_revoke_others_are_one_transaction(
    application, notes, noted, store, signed_in, committed
):
    def do(request):
        note(request, notes, "a new password")
        assert request.schema_sessions.revoke_others() == 1
        assert [record.handle for record in request.schema_sessions.list()] == [store.handle("phone")]
        request.session.rotate()
        if not committed:
            raise HTTPBadRequest

    client = application(do)
    client.get("/", headers=signed_in, status="*")

    assert noted() == (["a new password"] if committed else [])
    assert store.count() == (1 if committed else 2)
    assert store.has("phone") is not committed
    assert ("session" in client.cookies) is committed


@pytest.mark.parametrize("committed", [True, False])
def test_a_logout_counts_if_it_is_committed(application, notes, store, signed_in, committed):
    def do(request):
        request.session.invalidate()
        return Response("done", 200 if committed else 400)

    answer = application(do).get("/", headers=signed_in, status="*")

    assert store.has("phone") is not committed
    assert ("Set-Cookie" in answer.headers) is committed


def begin(request, notes):
    """Begin the transaction on the database too: from then on the session is read in it."""
    request.dbsession.execute(select(notes))


@pytest.mark.parametrize("is_read", ["before", "after"])
@pytest.mark.parametrize("has_begun", [True, False])
def test_changes_that_another_request_saved_meanwhile_stay(
    application, notes, store, signed_in, has_begun, is_read
):
    def do(request):
        if has_begun:
            begin(request, notes)
        if is_read == "before":
            look(request)
        store.update("phone", lambda data: data | {"theirs": 1})
        request.session["mine"] = 1

    application(do).get("/", headers=signed_in)

    assert store.get("phone") == {"user_id": 42, "mine": 1, "theirs": 1}


@pytest.mark.parametrize("is_read", ["before", "after"])
@pytest.mark.parametrize("has_begun", [True, False])
def test_a_session_that_was_revoked_meanwhile_stays_dead(
    application, notes, noted, store, signed_in, has_begun, is_read
):
    def do(request):
        if has_begun:
            begin(request, notes)
        if is_read == "before":
            look(request)
        store.revoke(store.handle("phone"))
        request.session["mine"] = 1
        note(request, notes)

    application(do).get("/", headers=signed_in)

    assert not store.has("phone")
    assert noted() == ["a note"]


def never(request):
    """An activation hook of pyramid_tm."""
    return False


def test_a_request_without_a_transaction_saves_by_itself(application, notes, store):
    client = application(
        lambda request: request.session.update(user_id=42),
        lambda config: config.add_settings({"tm.activate_hook": never}),
    )
    client.get("/")

    assert store.has(client.cookies["session"])


# -- remember me

MONTH = 30 * 24 * 60 * 60


def signs_in(request):
    request.session["user_id"] = 42
    request.session.remember(MONTH)


def test_a_commit_has_a_session_remembered(application):
    answer = application(signs_in).get("/")

    assert f"Max-Age={MONTH}" in answer.headers["Set-Cookie"]


def test_a_rollback_has_no_session_remembered(application, store, signed_in):
    def do(request):
        signs_in(request)
        return Response("no", 400)

    answer = application(do).get("/", headers=signed_in, status=400)

    assert "Set-Cookie" not in answer.headers
    assert store.get("phone") == {"user_id": 42}


def test_a_session_stays_remembered_if_a_later_transaction_is_rolled_back(application, store):
    def do(request):
        signs_in(request)
        request.tm.commit()
        request.tm.begin()
        request.session["lost"] = True
        request.session.remember(None)
        request.tm.doom()

    answer = application(do).get("/")

    assert f"Max-Age={MONTH}" in answer.headers["Set-Cookie"]
    [record] = store.find(user_id=42)
    assert "lost" not in record.data
