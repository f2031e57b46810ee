"""A visitor of the page of devices is whom both the application's authentication and the session name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import flask
import pytest
from devices_calls import handles, post, sessions
from devices_site import SITES
from webtest import TestApp

from schema_session_backend import ConfigurationError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Callable

PATHS = ("/devices/", "/devices/sessions", "/devices/admin")
FORMS = ("/devices/sign-out", "/devices/sign-out-others", "/devices/admin/sign-out")
SESSIONS: dict[str, Callable[..., Any]] = {
    "beaker": lambda environ: environ["beaker.session"],
    "flask": lambda: flask.session,
    "pyramid": lambda request: request.session,
}


def test_the_user_may_be_named_by_the_usual_text(open_site):
    browser = open_site(user=lambda *_: "42")
    this, _ = browser(42), browser(42)

    assert len(sessions(this)["sessions"]) == 2
    assert post(this, "/sign-out", handle=handles(this)[0]).status_int == 303


@pytest.mark.parametrize("named", [None, "43", 43], ids=repr)
def test_a_visitor_sees_and_ends_nothing_if_the_authentication_names_another_user(open_site, store, named):
    users: list[object] = [42]
    browser = open_site(user=lambda *_: users[-1], administers=lambda *_: True)
    this, _ = browser(42), browser(42)
    browser(43)
    fields = {"csrf_token": sessions(this)["csrf_token"], "handle": handles(this)[0]}

    users.append(named)

    for path in PATHS:
        assert "Firefox" not in this.get(path, status=401).text
    for path in FORMS:
        this.post(path, fields, status=401)
    assert store.count() == 3


def test_a_session_without_a_user_sees_nothing_whomever_the_authentication_names(open_site, store):
    browser = open_site(user=lambda *_: 42)
    browser(42)

    for path in PATHS:
        assert browser().get(path, status=401)


def test_the_authentication_may_sign_the_session_out(host, store):
    def user(*request):
        session: Any = SESSIONS[host](*request)
        session.pop("user_id", None)
        return 42

    client = TestApp(SITES[host](store, user=user))
    client.get("/sign-in?user=42")

    assert client.get("/devices/", status=401)


@pytest.mark.parametrize("user", ["42", 42, {"user_id": 42}])
def test_a_user_that_cannot_be_called_is_refused_at_start(host, store, user):
    with pytest.raises(ConfigurationError, match=r"takes as user= a function .* not (str|int|dict)"):
        SITES[host](store, user=user)


def test_a_user_that_does_not_fit_the_column_is_an_error_that_names_the_column(open_site):
    this = open_site(user=lambda *_: object())(42)

    with pytest.raises(InvalidField, match=r"column 'user_id' .* takes int, not object"):
        this.get("/devices/")


NAMES = {
    "a number as text": ("user_id Integer", 42, "42"),
    "a number": ("user_id Integer", 42, 42),
    "text": ("user_id String(50)", "ann", "ann"),
    "text as a number": ("user_id String(50)", "42", 42),
    "a UUID as text": ("user_id Uuid", UUID(int=42), str(UUID(int=42))),
    "text as a UUID": ("user_id String(50)", str(UUID(int=42)), UUID(int=42)),
}


@pytest.mark.parametrize(("schemas", "kept", "named"), NAMES.values(), ids=NAMES)
def test_a_session_is_a_users_by_each_name_of_the_user(make_store, schemas, kept, named):
    store = make_store(schemas=schemas)

    assert store.confirmed_user({"user_id": kept}, named) == {"user_id": kept}
    assert store.confirmed_user({"user_id": kept}, None) is None
    assert store.confirmed_user({}, named) is None


@pytest.mark.parametrize("named", [True, "042", " 42", "42.0", 42.0, b"42"])
def test_a_name_that_is_not_canonical_is_no_users(make_store, named):
    store = make_store(schemas="user_id Integer")

    with pytest.raises(InvalidField, match="user_id"):
        store.confirmed_user({"user_id": 42}, named)


def test_the_log_names_no_user_where_the_two_differ(make_store, caplog):
    store = make_store(schemas="user_id Integer")

    assert store.confirmed_user({"user_id": 123456}, 654321) is None
    assert "names another user than the session's column 'user_id'" in caplog.text
    assert "123456" not in caplog.text
    assert "654321" not in caplog.text
