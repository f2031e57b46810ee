"""Several requests of Flask share one WSGI environ: Flask-SocketIO's events, and a nested application."""

from __future__ import annotations

import flask
import pytest
from browsing import LOGIN
from flask_socketio import SocketIO
from values import stored_rows


@pytest.fixture
def host():
    """The host that this file is about."""
    return "flask"


# -- Flask-SocketIO: all events of a connection have the environ that opened it


@pytest.fixture
def client(site):
    """A client that is signed in, and sets keys of its session over HTTP."""

    @site.application.post("/set")
    def set_over_http():
        flask.session.update(flask.request.get_json())
        return "done"

    client = site.application.test_client()
    client.post("/set", json=LOGIN)
    return client


@pytest.fixture
def socket(site, client):
    """The client's socket, whose events change the same session."""
    socketio = SocketIO(site.application, manage_session=False, async_mode="threading")

    @socketio.on("set")
    def set_in_an_event(changes, *, meanwhile=None):
        if meanwhile is not None:
            client.post("/set", json=meanwhile)
        flask.session.update(changes)

    @socketio.on("set while another request sets")
    def set_while_another_request_sets(changes, others_changes):
        set_in_an_event(changes, meanwhile=others_changes)

    @socketio.on("delete")
    def delete():
        site.cache.delete(site.sid(flask.session))

    @socketio.on("log out")
    def log_out():
        flask.session.clear()

    return socketio.test_client(site.application, flask_test_client=client)


@pytest.fixture
def stored(store):
    """What is stored of the only session of user 42."""

    def stored():
        [record] = store.find(user_id=42)
        return {key: value for key, value in record.data.items() if key[0] != "_"}

    return stored


def test_p4_an_event_sets_again_what_it_set_before_and_another_request_changed(socket, client, stored):
    socket.emit("set", {"device": "busy"})
    client.post("/set", json={"device": "free"})
    socket.emit("set", {"device": "busy"})

    assert stored() == LOGIN | {"device": "busy"}


def test_p4_an_event_reverts_no_key_that_it_did_not_touch(socket, client, stored):
    socket.emit("set", {"device": "busy"})
    client.post("/set", json={"cart": [1, 2]})
    socket.emit("set while another request sets", {"device": "free"}, {"cart": [1, 2, 3]})

    assert stored() == LOGIN | {"device": "free", "cart": [1, 2, 3]}


def test_p5_an_event_does_not_bring_back_a_session_that_was_revoked_before_it(socket, store):
    socket.emit("set", {"device": "busy"})
    store.revoke_where(user_id=42)
    socket.emit("set", {"device": "free"})

    assert store.find(user_id=42) == []


def test_an_event_that_logs_out_ends_the_session(socket, store):
    socket.emit("set", {"device": "busy"})
    socket.emit("log out")

    assert stored_rows(store) == []


def test_an_event_that_deletes_its_own_session_ends_it(socket, store):
    socket.emit("set", {"device": "busy"})
    socket.emit("delete")

    assert stored_rows(store) == []


# -- an application that answers for another, with its environ


@pytest.fixture
def nested(site, open_site):
    """Serves a request of another application inside of one, in which both have the same sessions."""
    inner = open_site(session_cachelib=site.cache)

    def nested(do):
        environ = flask.request.environ | {"site.do": do}
        assert flask.Response.from_app(inner.application, environ).data == b"done"

    return nested


def test_p4_a_nested_application_and_the_outer_one_both_keep_their_changes(browser, nested):
    def do(session):
        session["device"] = "outer"
        nested(lambda theirs: theirs.update(cart=["inner"]))

    browser.visit(do)

    assert browser.data() == LOGIN | {"device": "outer", "cart": ["inner"]}


def test_p4_a_nested_application_sets_again_what_another_request_changed(site, browser, nested):
    other = site.browser(browser.cookie)

    def do(session):
        session.get("cart")
        other.visit(lambda theirs: theirs.update(cart=[2]))
        nested(lambda theirs: theirs.update(cart=[1]))

    browser.visit(do)

    assert browser.data() == LOGIN


def test_p4_a_nested_application_reverts_no_key_that_it_did_not_touch(site, browser, nested):
    other = site.browser(browser.cookie)

    def change_the_device(session):
        other.visit(lambda theirs: theirs.update(cart=[3]))
        session["device"] = "inner"

    def do(session):
        session.get("cart")
        other.visit(lambda theirs: theirs.update(cart=[2]))
        nested(change_the_device)

    browser.visit(do)

    assert browser.data() == LOGIN | {"device": "inner", "cart": [3]}


def test_p4_a_thread_with_a_copy_of_the_requests_context_saves_what_the_request_read(site, browser):
    """`copy_current_request_context` keeps the request, and with it the session that it read."""
    other = site.browser(browser.cookie)

    def do(session):
        other.visit(lambda theirs: theirs.update(device="laptop"))

        @flask.copy_current_request_context
        def save():
            flask.session["cart"] = [2]
            assert site.cache.set(site.sid(flask.session), dict(flask.session)) is True

        save()

    browser.visit(do)

    assert browser.data() == LOGIN | {"device": "laptop", "cart": [2]}
