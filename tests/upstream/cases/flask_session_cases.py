"""What Flask-Session's tests ask of its back ends, whose sdist has none, and what it promises beyond."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask import session


def hello():
    return "hello"


def get():
    return str(session.get("value", "nothing"))


def set_value():
    session["value"] = flask.request.form["value"]
    return "set"


def append():
    session.setdefault("list", []).append(flask.request.form["value"])
    session.modified = True
    return ",".join(session["list"])


def delete():
    del session["value"]
    return "deleted"


def clear():
    session.clear()
    return "cleared"


def pop():
    for key in list(session):
        session.pop(key)
    return "popped"


def permanent():
    session["value"] = "stays"
    session.permanent = True
    return "permanent"


def regenerate():
    interface: Any = flask.current_app.session_interface
    own: Any = session
    interface.regenerate(own)
    return own.sid


@pytest.fixture
def app():
    app = flask.Flask(__name__)
    app.get("/")(hello)
    app.get("/get")(get)
    app.post("/set")(set_value)
    for view in (append, delete, clear, pop, permanent, regenerate):
        app.post(f"/{view.__name__}")(view)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def post(client, path, value=None):
    answer = client.post(path, data={"value": value} if value else {})
    assert answer.status_code == 200
    return answer


def cookie_of(client):
    cookie = client.get_cookie("session")
    return None if cookie is None else cookie.value


def stored(app, sid):
    return app.session_interface.cache.get(f"session:{sid}")


def test_a_value_is_set_changed_and_deleted(client):
    assert client.get("/get").text == "nothing"
    post(client, "/set", "42")
    assert client.get("/get").text == "42"
    post(client, "/set", "43")
    assert client.get("/get").text == "43"
    post(client, "/delete")
    assert client.get("/get").text == "nothing"


def test_a_list_grows(client):
    assert post(client, "/append", "a").text == "a"
    assert post(client, "/append", "b").text == "a,b"


def test_the_answer_varies_with_the_cookie_if_the_session_was_read(client):
    assert "Vary" not in client.get("/").headers
    assert client.get("/get").headers["Vary"] == "Cookie"


def test_the_cookie_is_the_key_of_what_is_stored(app, client):
    post(client, "/set", "44")
    assert stored(app, cookie_of(client))["value"] == "44"


def test_a_visitor_who_only_reads_gets_no_cookie(client):
    client.get("/get")
    assert cookie_of(client) is None


def test_a_session_with_a_value_less_is_still_stored(app, client):
    post(client, "/set", "1")
    post(client, "/append", "a")
    sid = cookie_of(client)
    post(client, "/delete")
    assert stored(app, sid)["list"] == ["a"]
    assert "value" not in stored(app, sid)


def test_an_emptied_session_is_removed_with_its_cookie(app, client):
    post(client, "/set", "1")
    sid = cookie_of(client)
    post(client, "/pop")
    assert stored(app, sid) is None
    assert cookie_of(client) is None


def test_a_cleared_session_has_nothing_of_the_application(client):
    post(client, "/set", "1")
    post(client, "/clear")
    assert client.get("/get").text == "nothing"


def test_a_permanent_session_has_a_cookie_that_expires(client):
    assert "Expires" in post(client, "/permanent").headers["Set-Cookie"]


def test_visitors_have_sessions_of_their_own(app):
    one, other = app.test_client(), app.test_client()
    post(one, "/set", "one")
    post(other, "/set", "other")
    assert (one.get("/get").text, other.get("/get").text) == ("one", "other")


def test_an_unknown_id_has_no_session(client):
    client.set_cookie("session", "unknown")
    assert client.get("/get").text == "nothing"


def test_regenerate_keeps_the_values_under_a_new_id(app, client):
    post(client, "/set", "kept")
    old = cookie_of(client)
    new = post(client, "/regenerate").text
    assert new != old
    assert cookie_of(client) == new
    assert client.get("/get").text == "kept"
    assert stored(app, old) is None


def test_session_transaction_of_the_test_client(client):
    with client.session_transaction() as opened:
        opened["value"] = "set by the test"
    assert client.get("/get").text == "set by the test"
    with client.session_transaction() as opened:
        assert opened["value"] == "set by the test"


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, "text", ["a", 1], {"a": {"b": [1]}}, ("a", "b"), b"bytes"]
)
def test_values_come_back(app, value):
    seen = []

    @app.post("/write")
    def write():
        session["value"] = value
        return "written"

    @app.get("/read")
    def read():
        seen.append(session["value"])
        return "read"

    client = app.test_client()
    post(client, "/write")
    client.get("/read")
    assert seen == [value]
