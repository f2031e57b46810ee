"""Finding, counting and ending sessions by the values of their columns."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, func, select, text, tuple_
from sqlalchemy.exc import InvalidRequestError
from values import no_sql

from clocks import DAY, MINUTE
from schema_session_backend import (
    NULL,
    ConfigurationError,
    InvalidField,
    NoSuchSession,
    SessionStore,
    WrongArgument,
)

pytestmark = pytest.mark.partitioned_too


# -- searching


def ids(store: SessionStore, records, among: str = "abcdef") -> str:
    by_handle = {store.handle(sid): sid for sid in among}
    return "".join(by_handle[record.handle] for record in records)


def test_find_gives_the_sessions_that_have_the_given_values(store):
    store.set_many({
        "a": {"user_id": 1, "device": "phone", "cart": [1]},
        "b": {"user_id": 1, "device": "laptop"},
        "c": {"user_id": 2, "device": "phone"},
    })  # fmt: skip

    assert sorted(ids(store, store.find(user_id=1))) == ["a", "b"]
    [record] = store.find(user_id=1, device="phone")
    assert record.handle == store.handle("a")
    assert record.data == {"user_id": 1, "device": "phone", "cart": [1]}
    assert store.find(user_id=3) == []
    assert len(store.find(limit=1000)) == 3


def test_find_with_null_gives_the_sessions_without_a_value(store):
    store.set_many({"a": {"user_id": 1}, "b": {}, "c": {"user_id": None}})

    assert sorted(ids(store, store.find(user_id=NULL))) == ["b", "c"]
    assert sorted(ids(store, store.find({"user_id": NULL}))) == ["b", "c"]
    assert store.count(user_id=NULL) == 2
    assert store.revoke_where(user_id=NULL) == 2
    assert ids(store, store.find(limit=10)) == "a"


@pytest.mark.parametrize(
    "search",
    [
        lambda store: store.find(user_id=None),
        lambda store: store.find({"user_id": None}),
        lambda store: store.count(user_id=None),
        lambda store: store.browse(user_id=None),
        lambda store: store.revoke(store.handle("a"), user_id=None),
        lambda store: store.revoke_where(user_id=None),
        lambda store: store.keep_newest(0, user_id=None),
    ],
)
def test_a_forgotten_login_is_no_search_for_sessions_without_a_user(store, search):
    store.set_many({"a": {}, "b": {"user_id": 1}})

    with no_sql(store), pytest.raises(WrongArgument, match="user_id=NULL"):
        search(store)
    assert store.count() == 2


def test_reading_every_session_needs_a_limit(store):
    store.set_many({"a": {"user_id": 1}, "b": {}})

    for prefixed in (store, store.prefixed("x:")):
        with no_sql(store), pytest.raises(ConfigurationError, match="give a limit"):
            prefixed.find()
    assert len(store.find(limit=5)) == 2


@pytest.mark.parametrize("condition", [True, "user_id = 1", 42, None], ids=repr)
def test_a_value_that_is_no_condition_is_refused(store, condition):
    store.set("a", {"user_id": 1})

    for search in (store.find, store.count, store.browse, store.revoke_where):
        with no_sql(store), pytest.raises(WrongArgument, match=r"conditions on the columns of repo\(\)"):
            search(condition)
    assert store.count() == 1


def test_json_is_searched_by_a_condition(make_store):
    store = make_store(schemas="settings JSON")
    store.set_many({"a": {"settings": {"theme": "dark"}}, "b": {"settings": {"theme": "light"}}, "c": {}})

    with no_sql(store), pytest.raises(InvalidField, match=r"\['key'\]\.as_string\(\) == 'value'"):
        store.find(settings={"theme": "dark"})
    assert ids(store, store.find(store.repo().c.settings["theme"].as_string() == "dark")) == "a"
    assert ids(store, store.find(settings=NULL)) == "c"


def test_find_takes_conditions_of_sqlalchemy(store):
    store.set_many({"a": {"user_id": 1, "ip": "10.0.0.1"}, "b": {"user_id": 2, "ip": "10.0.0.2"}, "c": {}})
    columns = store.repo().c

    assert ids(store, store.find(columns.user_id > 1)) == "b"
    assert ids(store, store.find(columns.ip.like("10.%"), user_id=1)) == "a"
    assert ids(store, store.find(columns.ip.is_(None))) == "c"
    assert store.count(columns.user_id.in_([1, 2])) == 2


@pytest.mark.parametrize("timestamps", [True, False])
def test_find_gives_the_newest_first(moved_store, clock, timestamps):
    store = moved_store(timestamps=timestamps)
    for sid in "bca":
        store.set(sid, {"user_id": 1})
        clock.advance(MINUTE)

    assert ids(store, store.find(user_id=1)) == "acb"
    assert ids(store, store.find(user_id=1, limit=2)) == "ac"
    assert store.find(limit=0) == []
    for limit in (-1, "1", 1.0, True):
        with pytest.raises(ConfigurationError, match="limit takes how many sessions"):
            store.find(limit=limit)


def test_the_newest_session_was_created_last_or_without_timestamps_expires_last(
    moved_store, clock, table_name
):
    created = moved_store(timestamps=True)
    expiring = moved_store(table_name=f"{table_name}_b")
    for store in (created, expiring):
        store.set("a", {"user_id": 1})
        clock.advance(MINUTE)
        store.set("b", {"user_id": 1})
        clock.advance(MINUTE)
        store.touch("a")
        store.set("c", {"user_id": 1}, max_age=1e9)
        store.set("d", {"user_id": 1}, max_age=float("inf"))

    assert ids(created, created.find(user_id=1))[2:] == "ba"
    assert ids(expiring, expiring.find(user_id=1)) == "dcab"


# SQLite's clock has milliseconds, the clocks of the servers have microseconds.
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("timestamps", [True, False])
def test_of_sessions_created_in_the_same_millisecond_the_last_stored_is_the_newest(frozen, timestamps):
    store, _ = frozen(timestamps=timestamps)
    for sid in "abcdef":
        store.set(sid, {"user_id": 1})

    assert ids(store, store.find(user_id=1)) == "fedcba"
    assert store.keep_newest(2, user_id=1) == 4
    assert sorted(store.get_many("abcdef")) == ["e", "f"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_table_without_rowid_can_be_searched(make_store):
    store = make_store(timestamps=True)
    store.repo().dialect_options["sqlite"]["with_rowid"] = False
    store.set_many({sid: {"user_id": 1} for sid in "abc"})

    assert sorted(ids(store, store.find(user_id=1))) == ["a", "b", "c"]
    assert store.keep_newest(1, user_id=1) == 2


def test_find_names_a_column_that_is_not_declared(store):
    for search in (store.find, store.count, store.revoke_where):
        with no_sql(store), pytest.raises(ConfigurationError, match="'user_id'"):
            search(user_i=1)
    with no_sql(store), pytest.raises(ConfigurationError):
        store.find(additional="x")


def test_find_refuses_a_value_that_no_session_can_have(store):
    for search in (store.find, store.count, store.revoke_where):
        with no_sql(store), pytest.raises(InvalidField, match="'user_id'"):
            search(user_id="1")


def test_a_condition_may_be_any_expression_of_sqlalchemy(store):
    store.set("a", {"user_id": 1, "device": "100%"})
    store.set("b", {"user_id": 2, "device": "it's"})
    column = store.repo().c

    for condition, found in (
        (column.user_id.in_([1, 2]), "ab"),
        (column.user_id.in_([]), ""),
        (column.device.contains("%", autoescape=True), "a"),
        (text("device LIKE '100%'"), "a"),
        (column.sid.in_(select(column.sid).where(column.user_id == 2)), "b"),
        (func.upper(column.device) == bindparam("name", "IT'S"), "b"),
        (tuple_(column.user_id, column.device).in_([(1, "100%"), (2, "x")]), "a"),
    ):
        assert sorted(ids(store, store.find(condition))) == list(found)
        assert store.count(condition) == len(found)


def test_a_condition_without_its_value_is_an_error(store):
    with pytest.raises(InvalidRequestError, match="A value is required for bind parameter 'user'"):
        store.count(store.repo().c.user_id == bindparam("user"))


# -- revoking


def test_revoke_ends_the_session_that_a_record_names(store):
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 2}})
    [record] = store.find(user_id=1)

    assert store.revoke(record.handle) is True
    assert store.revoke(record.handle) is False
    assert store.get_many("ab") == {"b": {"user_id": 2}}


def test_revoke_where_ends_all_but_the_kept_session(store):
    store.set_many({sid: {"user_id": 1} for sid in "abc"} | {"d": {"user_id": 2}})

    assert store.revoke_where(user_id=1, keep="b") == 2
    assert sorted(store.get_many("abcd")) == ["b", "d"]
    assert store.revoke_where(user_id=1, keep="b") == 0


@pytest.mark.parametrize(
    "name",
    [
        lambda store: "b",
        lambda store: store.handle("b"),
        lambda store: store.load("b"),
        lambda store: next(record for record in store.find(user_id=1) if record.data["device"] == "b"),
    ],
    ids=["id", "handle", "loaded session", "record"],
)
@pytest.mark.parametrize("prefix", ["", "shop:"])
@pytest.mark.parametrize("hash_sid", [True, False])
def test_keep_takes_an_id_a_handle_a_record_or_a_loaded_session(make_store, name, prefix, hash_sid):
    store = make_store(hash_sid=hash_sid).prefixed(prefix)
    store.set_many({sid: {"user_id": 1, "device": sid} for sid in "abc"})

    assert store.revoke_where(user_id=1, keep=name(store)) == 2
    assert list(store.get_many("abc")) == ["b"]


@pytest.mark.parametrize("hash_sid", [True, False])
def test_a_kept_session_that_is_not_found_is_an_error_and_nothing_is_revoked(moved_store, clock, hash_sid):
    store = moved_store(hash_sid=hash_sid)
    store.set("expired", {"user_id": 1})
    clock.advance(2 * DAY)
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}, "other": {"user_id": 2}})

    for keep in ("nobody", "expired", store.handle("expired"), "\0", ""):
        with pytest.raises(NoSuchSession, match="none was ended"):
            store.revoke_where(user_id=1, keep=keep)
        with pytest.raises(NoSuchSession, match="none was ended"):
            store.revoke_where(store.repo().c.user_id == 1, keep=keep)
    for keep in (42, b"a", store):
        with no_sql(store), pytest.raises(WrongArgument, match="keep takes the id"):
            store.revoke_where(user_id=1, keep=keep)
    assert store.count(user_id=1) == 2


def test_the_kept_session_need_not_match_the_condition(store):
    """A login that has not saved the user yet keeps its session in this way."""
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1}, "anonymous": {}})

    assert store.revoke_where(user_id=1, keep="anonymous") == 2
    assert store.get("anonymous") == {}


def test_revoke_where_takes_conditions_of_sqlalchemy(store):
    store.set_many({sid: {"user_id": number} for number, sid in enumerate("abcd")})

    assert store.revoke_where(store.repo().c.user_id >= 1, store.repo().c.user_id != 2) == 2
    assert sorted(store.get_many("abcd")) == ["a", "c"]


def test_revoking_needs_a_condition(store):
    store.set("a", {"user_id": 1})

    for revoke in (store.revoke_where, lambda: store.revoke_where(keep="a"), lambda: store.keep_newest(1)):
        with no_sql(store), pytest.raises(ConfigurationError, match="clear"):
            revoke()


@pytest.mark.parametrize("timestamps", [True, False])
def test_keep_newest_ends_all_but_the_newest(moved_store, clock, timestamps):
    store = moved_store(timestamps=timestamps)
    store.set("f", {"user_id": 2})
    for sid in "abcde":
        clock.advance(MINUTE)
        store.set(sid, {"user_id": 1, "device": "phone" if sid in "ad" else "laptop"})

    assert store.keep_newest(3, user_id=1) == 2
    assert sorted(store.get_many("abcdef")) == ["c", "d", "e", "f"]
    assert store.keep_newest(3, user_id=1) == 0
    assert store.keep_newest(1, store.repo().c.device == "laptop", user_id=1) == 1
    assert sorted(store.get_many("abcdef")) == ["d", "e", "f"]
    assert store.keep_newest(0, user_id=1) == 2
    assert sorted(store.get_many("abcdef")) == ["f"]


def test_keep_newest_takes_a_number_of_sessions(store):
    for newest in (-1, 1.5, True, "1", None):
        with no_sql(store), pytest.raises(ConfigurationError, match="keep_newest"):
            store.keep_newest(newest, user_id=1)


def test_revoke_can_require_values_of_the_session(store):
    store.set_many({"ann": {"user_id": 1, "device": "phone"}, "bob": {"user_id": 2}})
    handle = store.handle("ann")

    assert store.revoke(handle, user_id=2) is False
    assert store.revoke(handle, user_id=1, device="laptop") is False
    assert store.count() == 2
    assert store.revoke(handle, user_id=1, device="phone") is True
    assert store.count() == 1
    with pytest.raises(ConfigurationError, match="did you mean 'user_id'"):
        store.revoke(handle, user=1)
    with pytest.raises(InvalidField):
        store.revoke(handle, user_id="1")


def test_columns_may_have_the_names_of_arguments(make_store):
    store = make_store(schemas="limit Integer index; keep Integer; handle Integer; connection Integer")
    store.set_many({"a": {"limit": 1, "keep": 1}, "b": {"limit": 2, "connection": 3}})
    [record] = store.find({"limit": 2, "connection": 3})

    assert record.handle == store.handle("b")
    assert store.count({"keep": NULL}) == 1
    assert [one.handle for one in store.browse({"limit": 2}).records] == [record.handle]
    assert not store.revoke(record.handle, {"limit": 1})
    assert store.revoke(record.handle, {"limit": 2})
    with pytest.raises(InvalidField, match="limit"):
        store.find({"limit": "2"})
