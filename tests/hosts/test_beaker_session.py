"""Beaker's documented sessions, in a table, with Beaker's own session class and with `SchemaSession`."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from beaker_site import BeakerSite
from browsing import JUNK_COOKIES, LOGIN
from sqlalchemy import JSON, Column, DateTime, Integer, func
from values import identical, no_sql, stored_columns, stored_rows

from schema_session_backend import ConfigurationError, InvalidField, SessionTooLarge, UnserializableValue


@pytest.fixture(params=["beaker", "SchemaSession"])
def host(request):
    """Beaker's own session class, and `SchemaSession`."""
    return request.param


# -- what is saved and read


VALUES = {
    "text": "é😀\0",
    "tuple": (1, (2, [3])),
    "set": {1, "a"},
    "bytes": b"\x80\x02}",
    "none": None,
    "big": 2**70,
    "keys": {1: "a", (2,): None},
    "decimal": Decimal("1.10"),
    "uuid": UUID(int=5),
    "moment": dt.datetime(2024, 2, 29, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "user_id": 2**31 - 1,
    "device": "",
    "ip": None,
}


def test_a_saved_session_comes_back_equal_and_of_the_same_types(site):
    browser = site.browser()
    browser.visit(BeakerSite.saving(**VALUES))

    assert identical(browser.data(), VALUES)


def test_with_the_json_serializer_values_of_json_come_back_equal(open_site, store):
    data = {"user_id": 42, "cart": [{"sku": "a", "n": 1.5}, None], "ip": None}
    browser = open_site(data_serializer="json").browser()
    browser.visit(BeakerSite.saving(**data))

    assert identical(browser.data(), data)
    assert stored_columns(store, "user_id") == [(42,)]


def test_the_json_serializer_makes_lists_of_tuples_and_text_of_keys(open_site):
    browser = open_site(data_serializer="json").browser()
    browser.visit(BeakerSite.saving(sizes=(1, {2: (3,)})))

    assert identical(browser.data(), {"sizes": [1, {"2": [3]}]})


def test_a_column_that_json_cannot_carry_is_an_error_and_no_logout(open_site, make_store):
    since = Column("since", DateTime, server_default=func.now())
    store = make_store(schemas=[Column("user_id", Integer), since])
    # By default Beaker's own session class takes any error for a corrupt session and starts a new session.
    browser = open_site(store=store, data_serializer="json", invalidate_corrupt=False).browser()
    browser.visit(BeakerSite.saving(user_id=42))

    with pytest.raises(ConfigurationError, match="'since': data_serializer = json cannot carry a datetime"):
        browser.data()


@pytest.mark.parametrize(
    ("value", "error", "problem"),
    [
        ({"user_id": "42"}, InvalidField, "column 'user_id' of table .* takes int, not str"),
        ({"device": "x" * 51}, InvalidField, "takes at most 50 characters"),
        ({"sid": "x"}, InvalidField, "'sid' of table .* is a base column"),
        ({"color": type}, UnserializableValue, "session key 'color': a value of type builtins.type"),
        (
            {"color": "x" * 100_000},
            SessionTooLarge,
            "its largest key is 'color': store less, or raise max_size",
        ),
    ],
    ids=["type", "length", "name", "kind", "size"],
)
def test_a_value_that_cannot_be_stored_is_a_typed_error_and_the_old_session_stays(
    site, store, value, error, problem
):
    browser = site.browser()
    browser.log_in()
    before = stored_rows(store)

    with pytest.raises(error, match=problem):
        browser.visit(BeakerSite.saving(**value))

    assert stored_rows(store) == before
    assert browser.data() == LOGIN


def test_a_change_inside_a_value_is_saved_each_time(open_site, make_store):
    """The store must compare with copies, not with the lists that the application changes."""
    store = make_store(schemas=[Column("options", JSON)])
    browser = open_site(store=store).browser()
    browser.visit(BeakerSite.saving(cart=[], options={"seen": []}))

    def change_and_save_twice(session):
        for number in (1, 2):
            session["cart"].append(number)
            session["options"]["seen"].append(number)
            session.save()
            session.persist()
            stored = store.get(session.id)
            assert (stored["cart"], stored["options"]) == (session["cart"], session["options"])

    browser.visit(change_and_save_twice)

    assert browser.data() == {"cart": [1, 2], "options": {"seen": [1, 2]}}


# -- the life of a session


def test_visitors_see_their_own_session_only(site):
    ann, bob = site.browser(), site.browser()
    ann.log_in(user_id=1)
    bob.log_in(user_id=2)

    assert (ann.data()["user_id"], bob.data()["user_id"]) == (1, 2)


def test_delete_removes_the_row_and_the_cookie(site, store):
    browser = site.browser()
    browser.log_in()
    browser.visit(lambda session: session.delete())

    assert stored_rows(store) == []
    assert not browser.cookie
    assert browser.data() == {}


def test_a_session_that_is_saved_without_any_key_is_removed(site, store):
    browser = site.browser()
    browser.log_in()

    def empty(session):
        for key in list(session):
            del session[key]
        session.save()

    browser.visit(empty)

    assert stored_rows(store) == []


def test_invalidate_starts_an_empty_session_under_a_new_id(site):
    browser = site.browser()
    browser.log_in()
    old = browser.sid()

    def start_anew(session):
        session.invalidate()
        session["new"] = 1
        session.save()

    browser.visit(start_anew)

    assert browser.sid() != old
    assert browser.data() == {"new": 1}


def test_regenerate_id_keeps_the_session_under_a_new_id(site, store):
    browser = site.browser()
    browser.log_in()
    old = browser.sid()
    browser.visit(BeakerSite.renewing(user_id=43))

    assert browser.sid() != old
    assert browser.data() == LOGIN | {"user_id": 43}
    assert store.get(browser.sid())["user_id"] == 43


def test_revert_gives_up_changes(site):
    browser = site.browser()
    browser.log_in()

    def give_up(session):
        session["user_id"] = 1
        session.revert()
        session.save()

    browser.visit(give_up)

    assert browser.data() == LOGIN


def test_get_by_id_gives_another_session(site):
    ann, bob = site.browser(), site.browser()
    ann.log_in()
    sid = ann.sid()

    assert bob.visit(lambda session: session.get_by_id(sid)["user_id"]) == 42
    assert bob.visit(lambda session: session.get_by_id("nobody")) is None


def test_with_auto_changes_are_saved_without_save(open_site):
    browser = open_site(auto=True).browser()
    browser.visit(lambda session: session.update(user_id=1))
    browser.visit(lambda session: session.update(user_id=2))

    assert browser.data() == {"user_id": 2}


def test_without_save_nothing_is_stored(site, store):
    store.wait_for_sync()
    browser = site.browser()
    browser.visit(lambda session: session.update(user_id=1))

    assert stored_rows(store) == []


def test_the_creation_time_stays_and_the_last_access_is_known(site):
    browser = site.browser()
    browser.log_in()
    created = browser.visit(lambda session: session.created)
    browser.visit(lambda session: session.save())

    assert browser.visit(lambda session: session.created) == created
    assert browser.visit(lambda session: session.last_accessed) == pytest.approx(created, abs=120)


# -- cookies


def test_a_signed_cookie_cannot_be_made_up(open_site, store):
    site = open_site(secret="a secret")
    browser = site.browser()
    browser.log_in()
    sid = browser.sid()
    assert browser.data() == LOGIN

    browser.cookie = sid
    assert browser.data() == {}
    assert stored_rows(store) != []


@pytest.mark.parametrize("secret", [None, "a secret"], ids=["plain", "signed"])
@pytest.mark.parametrize("cookie", JUNK_COOKIES.values(), ids=JUNK_COOKIES)
def test_a_junk_cookie_is_a_visitor_without_a_session(open_site, store, cookie, secret):
    store.set("a", {"user_id": 1})
    before = stored_rows(store)

    data = open_site(secret=secret).browser().send(b"beaker.session.id=" + cookie)

    assert all(key.startswith("_") for key in data)
    assert stored_rows(store) == before


@pytest.mark.parametrize("junk", ["NUL", "not ASCII", "too long", "10 KB"])
def test_an_id_that_no_session_can_have_never_reaches_sql(site, store, junk):
    store.wait_for_sync()
    with no_sql(store):
        site.browser().send(b"beaker.session.id=" + JUNK_COOKIES[junk])


# -- what it costs


def test_p9_with_the_json_serializer_a_request_that_only_reads_writes_nothing(open_site, store):
    browser = open_site(data_serializer="json").browser()
    browser.log_in()
    before = stored_rows(store)
    for _ in range(10):
        assert browser.data() == LOGIN

    assert stored_rows(store) == before


def test_p9_a_page_that_does_not_read_the_session_runs_no_sql(site, store):
    browser = site.browser()
    browser.log_in()

    with no_sql(store):
        browser.visit(lambda session: None)


def test_p9_a_logout_of_a_visitor_without_a_session_runs_no_sql(site, store):
    store.wait_for_sync()

    with no_sql(store):
        site.browser().log_out()


def test_p9_get_by_id_is_one_statement(open_site, counted, counter):
    site = open_site(store=counted())
    browser = site.browser()
    browser.log_in()
    sid = browser.sid()

    with counter.expect(1):
        site.browser().visit(lambda session: session.get_by_id(sid))
