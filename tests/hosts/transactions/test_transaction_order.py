"""The session may be read, changed and ended before, in and after the transaction."""

from __future__ import annotations

import pytest
from pyramid.response import Response
from transaction_steps import fails, look, note, sorry


def tween(work, *, over_tm):
    """Configures a tween that does `work(request)` first, outside of the transaction or in it."""

    def factory(handler, _registry):
        def answer(request):
            work(request)
            return handler(request)

        return answer

    def configure(config):
        config.registry["tween"] = factory
        place = {"over" if over_tm else "under": "pyramid_tm.tm_tween_factory"}
        config.add_tween("test_transaction_order.tween_of_registry", **place)

    return configure


def tween_of_registry(handler, registry):
    return registry["tween"](handler, registry)


@pytest.mark.parametrize("over_tm", [True, False])
def test_a_session_that_was_read_before_the_transaction_is_saved_in_the_transaction(
    application, store, over_tm
):
    def do(request):
        request.session["user_id"] = 42
        request.tm.doom()

    client = application(do, tween(look, over_tm=over_tm))
    client.get("/")

    assert store.count() == 0
    assert not client.cookies


@pytest.mark.parametrize("end", ["invalidate", "revoke", "revoke_others"])
def test_sessions_can_be_ended_after_the_commit(application, store, signed_in, end):
    def late(request, _response):
        if end == "invalidate":
            request.session.invalidate()
        elif end == "revoke":
            assert request.schema_sessions.revoke(store.handle("laptop"))
        else:
            assert request.schema_sessions.revoke_others() == 1

    def do(request):
        look(request)
        request.add_response_callback(late)

    application(do).get("/", headers=signed_in)

    assert store.has("phone") is (end != "invalidate")
    assert store.has("laptop") is (end == "invalidate")


def test_changes_after_the_commit_are_saved(application, store, signed_in):
    def do(request):
        request.session["early"] = 1
        request.add_response_callback(lambda request, _response: request.session.update(late=2))
        request.tm.get().addBeforeCommitHook(lambda: request.session.update(hook=3))

    application(do).get("/", headers=signed_in)

    assert store.get("phone") == {"user_id": 42, "early": 1, "hook": 3, "late": 2}


def test_a_view_may_begin_another_transaction(application, store, signed_in):
    def do(request):
        request.session["first"] = 1
        request.session.rotate()
        request.tm.commit()
        request.tm.begin()
        request.session["dropped"] = 2
        request.tm.abort()
        request.tm.begin()
        assert dict(request.session) == {"user_id": 42, "first": 1}
        request.session["third"] = 3

    client = application(do)
    client.get("/", headers=signed_in)

    assert store.get(client.cookies["session"]) == {"user_id": 42, "first": 1, "third": 3}
    assert not store.has("phone")


def test_a_session_that_was_revoked_after_its_commit_is_sent_no_cookie(application, store, signed_in):
    def do(request):
        request.session.rotate()
        request.tm.commit()
        request.tm.begin()
        store.revoke(request.session.handle)
        request.tm.abort()
        request.tm.begin()
        look(request)

    client = application(do)
    client.get("/", headers=signed_in)

    assert not client.cookies
    assert store.count() == 1


def test_an_exception_view_after_a_failed_commit_sees_the_stored_session(
    application, notes, store, signed_in
):
    def do(request):
        request.session["user_id"] = 7
        request.tm.get().addBeforeCommitHook(fails(ZeroDivisionError), args=(request,))

    def view(error, request):
        request.session["error"] = "sorry"
        return Response(str(request.session["user_id"]), 500)

    client = application(do, lambda config: config.add_exception_view(view, context=ZeroDivisionError))

    assert client.get("/", headers=signed_in, status=500).text == "42"
    assert store.get("phone") == {"user_id": 42, "error": "sorry"}


def test_a_commit_hook_may_read_the_session_after_an_answered_error(application, notes, noted, signed_in):
    def answering(handler, _registry):
        def answer(request):
            try:
                return handler(request)
            except LookupError:
                return request.invoke_exception_view()

        return answer

    def configure(config):
        config.registry["tween"] = answering
        config.add_tween("test_transaction_order.tween_of_registry", under="pyramid_tm.tm_tween_factory")
        config.add_exception_view(lambda error, request: Response("found nothing"), context=LookupError)

    def do(request):
        note(request, notes)
        look(request)
        request.tm.get().addBeforeCommitHook(look, args=(request,))
        raise LookupError

    application(do, configure).get("/", headers=signed_in)

    assert noted() == ["a note"]


def test_an_error_after_reading_the_session_is_not_cached(application, store, signed_in):
    def no_database(request):
        raise ZeroDivisionError

    def configure(config):
        config.add_request_method(no_database, "broken", reify=True)
        config.add_exception_view(sorry, context=ZeroDivisionError)

    answer = application(look, configure, dbsession="broken").get("/", headers=signed_in, status=500)

    assert answer.headers["Vary"] == "Cookie"
    assert "no-store" in answer.headers["Cache-Control"]
