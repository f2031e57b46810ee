"""When a view raises, what it did to the session goes with its data; what the exception view does stays."""

from __future__ import annotations

import pytest
from pyramid.csrf import check_csrf_token, get_csrf_token
from pyramid.httpexceptions import HTTPFound
from pyramid.response import Response
from transaction_steps import note


class Refusal(Exception):
    """What the view raises."""


@pytest.fixture(params=[None, "pyramid_tm.default_commit_veto"], ids=["no veto", "veto"])
def veto(request):
    """Without it pyramid_tm rolls back after every exception, with it after answers of status 400 or more."""
    return request.param


@pytest.fixture
def visit(application, veto):
    """Visits a site: the view does `do(request)` and raises, the exception view does `answer(request)`.

    Returns the value of the cookie that was set.
    """

    def visit(do, answer, headers=None, error=Refusal, **options):
        def view(request):
            do(request)
            raise error

        def configure(config):
            config.add_settings({"tm.commit_veto": veto})
            config.add_exception_view(lambda error, request: answer(request), context=error)

        client = application(view, configure, **options)
        client.get("/", headers=headers or {}, status="*")
        return client.cookies.get("session")

    return visit


def nothing(request):
    """A view that only raises."""


def refused(request):
    return Response("refused", 403)


# -- what the view did


@pytest.mark.parametrize("transactional", [True, False])
def test_a_raised_redirect_keeps_what_the_view_did_if_the_data_is_kept(
    application, notes, noted, store, signed_in, veto, transactional
):
    def do(request):
        note(request, notes)
        request.session.flash("saved")
        raise HTTPFound("/")

    configure = lambda config: config.add_settings({"tm.commit_veto": veto})  # noqa: E731
    application(do, configure, transactional=transactional).get("/", headers=signed_in, status=302)

    assert noted() == (["a note"] if veto else [])
    assert store.get("phone").get("_f_") == (["saved"] if veto or not transactional else None)


def test_what_the_view_did_is_rolled_back_although_the_exception_view_changes_the_session(
    visit, notes, noted, store, signed_in
):
    store.update("phone", lambda data: data | {"cart": [1], "theme": "dark", "_f_": ["welcome"]})
    before = store.get("phone")

    def do(request):
        note(request, notes)
        request.session["cart"].append(2)
        del request.session["theme"]
        request.session["more"] = 3
        request.session.flash("saved")
        request.session.rotate()

    def answer(request):
        assert request.session["cart"] == [1, 2]
        request.session["seen"] = 4
        request.session.flash("sorry")
        return refused(request)

    assert visit(do, answer, signed_in) is None
    assert noted() == []
    assert store.get("phone") == before | {"seen": 4, "_f_": ["welcome", "sorry"]}


def test_a_logout_is_rolled_back_with_the_data(visit, notes, noted, store, signed_in):
    def do(request):
        note(request, notes)
        request.session.invalidate()

    def answer(request):
        assert "user_id" not in request.session
        return refused(request)

    visit(do, answer, signed_in)

    assert noted() == []
    assert store.has("phone")


# -- what the exception view does


@pytest.mark.parametrize("status", [302, 403])
def test_what_an_exception_view_does_is_kept(visit, store, signed_in, status):
    def answer(request):
        request.session.flash("sign in first")
        return Response(status=status, location="/sign_in")

    visit(nothing, answer, signed_in)

    assert store.get("phone") == {"user_id": 42, "_f_": ["sign in first"]}


def test_a_form_that_an_exception_view_shows_to_a_new_visitor_can_be_sent(application, veto):
    tokens = []

    def view(request):
        if request.method == "GET":
            raise Refusal
        assert check_csrf_token(request)

    def sign_in_form(error, request):
        tokens.append(get_csrf_token(request))
        return refused(request)

    def configure(config):
        config.add_settings({"tm.commit_veto": veto})
        config.add_exception_view(sign_in_form, context=Refusal)

    client = application(view, configure)
    client.get("/", status=403)

    client.post("/", {"csrf_token": tokens[0]}, status=200)


def test_messages_that_an_exception_view_shows_are_not_shown_again(visit, store, signed_in):
    store.update("phone", lambda data: data | {"_f_": ["welcome"]})

    def answer(request):
        assert request.session.pop_flash() == ["welcome"]
        return refused(request)

    visit(nothing, answer, signed_in)

    assert store.get("phone") == {"user_id": 42}


@pytest.mark.parametrize("by_both", [True, False])
def test_an_exception_view_may_end_the_session(visit, store, signed_in, by_both):
    def end(request):
        request.session.invalidate()

    def answer(request):
        end(request)
        request.session["reason"] = "blocked"
        return refused(request)

    cookie = visit(end if by_both else nothing, answer, signed_in)

    assert not store.has("phone")
    assert store.get(cookie) == {"reason": "blocked"}


def test_an_exception_view_may_give_the_session_a_new_id(visit, store, signed_in):
    def answer(request):
        request.session.rotate()
        return refused(request)

    cookie = visit(nothing, answer, signed_in)

    assert not store.has("phone")
    assert store.get(cookie) == {"user_id": 42}


def test_a_response_callback_sees_and_changes_what_is_kept(visit, store, signed_in):
    seen = []

    def late(request, _response):
        seen.append(dict(request.session))
        request.session["late"] = 1

    def do(request):
        request.session["early"] = 1
        request.add_response_callback(late)

    def answer(request):
        request.session["seen"] = 1
        return refused(request)

    visit(do, answer, signed_in)

    assert seen == [{"user_id": 42, "seen": 1}]
    assert store.get("phone") == {"user_id": 42, "seen": 1, "late": 1}


def test_set_on_exception_holds_in_a_transaction_too(visit, store, signed_in):
    def answer(request):
        request.session["seen"] = 1
        return refused(request)

    visit(nothing, answer, signed_in, set_on_exception=False)

    assert store.get("phone") == {"user_id": 42}
