"""P7: a stolen table logs nobody in. Ids compare byte for byte; impossible ones never reach SQL."""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Any

import pytest
from sqlalchemy import Column, String, text
from sqlalchemy.exc import DBAPIError
from values import database_of, no_sql, stored_rows, write_row

from schema_session_backend import (
    ConstraintViolated,
    InvalidSessionId,
    SessionExists,
    SessionStore,
    SessionTooLarge,
    UnserializableValue,
    new_session_id,
)

pytestmark = pytest.mark.partitioned_too

ID = "the-id-of-Anns-session"
BOBS = "the-id-of-Bobs-session"
SECRET = "hunter2-the-value"


# -- what the table holds


def test_the_table_holds_a_hash_and_not_the_id(store):
    store.set(ID, {"user_id": 1})

    [row] = stored_rows(store)
    assert row[0] == hashlib.sha256(ID.encode()).hexdigest()
    assert ID not in repr(row)


def test_what_the_table_holds_is_no_valid_id(store):
    store.set(ID, {"user_id": 1})
    [stolen] = [row[0] for row in stored_rows(store)]

    assert store.get(stolen) is None
    assert store.load(stolen) is None
    assert store.get_many([stolen]) == {}
    assert store.touch(stolen) is False
    assert store.rotate(stolen, "mine") is False
    assert store.destroy(stolen) is False
    assert store.revoke_where(user_id=1, keep=stolen) == 1


def test_what_the_table_holds_is_the_handle(store):
    store.set(ID, {"user_id": 1})
    [stored] = [row[0] for row in stored_rows(store)]

    assert [record.handle for record in store.find()] == [stored]
    assert store.load(ID).handle == stored
    assert store.handle(ID) == stored
    assert store.revoke(stored) is True
    assert store.get(ID) is None


def test_an_id_is_no_handle(store):
    store.set(ID, {"user_id": 1})

    assert store.revoke(ID) is False
    assert store.get(ID) == {"user_id": 1}


def test_without_hash_sid_the_table_holds_the_id_itself(make_store):
    store = make_store(hash_sid=False)
    store.set(ID, {"user_id": 1})

    assert stored_rows(store)[0][0] == ID
    assert store.get(ID) == {"user_id": 1}
    assert store.handle(ID) == ID
    assert store.revoke(ID) is True


def test_an_id_has_256_random_bits_in_43_characters_for_a_cookie():
    ids = {new_session_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", one) for one in ids)
    assert len({one[0] for one in ids}) > 32


# -- byte for byte

NEIGHBOURS = [
    "Abc",
    "abc",
    "ABC",
    "abc ",
    " abc",
    "abc  ",
    "abc\t",
    "ab",
    "abcd",
    "abc%",
    "a_c",
    "'abc'",
    "abc\x7f",
]


@pytest.mark.parametrize("hash_sid", [True, False])
def test_ids_that_nearly_agree_are_different_sessions(make_store, hash_sid):
    store = make_store(hash_sid=hash_sid)
    for number, sid in enumerate(NEIGHBOURS):
        assert store.get(sid) is None
        assert store.touch(sid) is False
        store.set(sid, {"user_id": number})

    assert store.get_many(NEIGHBOURS) == {sid: {"user_id": number} for number, sid in enumerate(NEIGHBOURS)}
    for number, sid in enumerate(NEIGHBOURS):
        assert store.get(sid) == {"user_id": number}


@pytest.mark.parametrize("hash_sid", [True, False])
def test_ending_a_session_ends_only_the_one_with_exactly_that_id(make_store, hash_sid):
    store = make_store(hash_sid=hash_sid)
    store.set_many({sid: {"user_id": 1} for sid in NEIGHBOURS})
    left = len(NEIGHBOURS)

    assert store.destroy("abc") is True
    assert store.destroy("abc") is False
    assert store.revoke(store.handle("ABC")) is True
    assert store.revoke(store.handle("ABC")) is False
    assert store.rotate("Abc", "aBc") is True
    assert store.rotate("Abc", "abC") is False
    assert store.count() == left - 2
    assert store.revoke_where(user_id=1, keep="abc ") == left - 3
    assert [record.handle for record in store.find()] == [store.handle("abc ")]


def test_rotating_to_an_id_that_differs_in_case_only_works(make_store):
    store = make_store(hash_sid=False)
    store.set("abc", {"user_id": 1})

    assert store.rotate("abc", "abc ") is True
    assert store.rotate("abc ", "ABC ") is True
    assert store.get("ABC ") == {"user_id": 1}


@pytest.mark.parametrize("hash_sid", [True, False])
def test_every_ascii_character_but_nul_and_255_of_them_make_an_id(make_store, hash_sid):
    store = make_store(hash_sid=hash_sid)
    everything = "".join(map(chr, range(1, 128)))
    for sid in (everything, "a" * 255, " " * 255, "\n", "%s", ":x", "\\", "' OR 1=1 --"):
        store.set(sid, {"user_id": 1})
        assert store.get(sid) == {"user_id": 1}
        assert store.destroy(sid) is True


# -- impossible ids


class Id(str):
    __slots__ = ()


IMPOSSIBLE: dict[str, Any] = {
    "empty": "",
    "256 characters": "a" * 256,
    "a megabyte": "a" * 1_000_000,
    "NUL": "a\0b",
    "only NUL": "\0",
    "not ASCII": "sé",
    "astral": "😀",
    "fullwidth": "\uff41\uff42\uff43",
    "a lone surrogate": "a\udc80",
    "bytes": b"abc",
    "int": 1,
    "None": None,
    "a list": ["abc"],
    "a str subclass": Id("abc"),
}


@pytest.mark.parametrize("hash_sid", [True, False])
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_id_is_no_such_session_without_sql(name, hash_sid):
    """No server listens there, so that whatever asks it fails."""
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:9/none", sync_timeout=0.1, hash_sid=hash_sid)
    sid = IMPOSSIBLE[name]

    assert store.get(sid) is None
    assert store.load(sid) is None
    assert store.get_many([sid, sid]) == {}
    assert store.touch(sid) is False
    assert store.destroy(sid) is False
    assert store.revoke(sid) is False
    assert store.rotate(sid, "possible") is False
    store.close()


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_nothing_is_stored_under_an_impossible_id(store, name):
    sid = IMPOSSIBLE[name]
    store.set("a", {"user_id": 1})
    before = stored_rows(store)

    stores = [
        lambda: store.set(sid, {}),
        lambda: store.rotate("a", sid),
        lambda: store.blank(sid),
        lambda: store.handle(sid),
    ]
    if sid.__hash__ is not None:  # a dict cannot even have a list as a key
        stores.append(lambda: store.set_many({"b": {}, sid: {}}))
    for attempt in stores:
        with no_sql(store), pytest.raises(InvalidSessionId, match="1 to 255 ASCII characters") as caught:
            attempt()
        assert caught.value.__context__ is None

    assert stored_rows(store) == before


def test_get_many_leaves_impossible_ids_out(store):
    store.set("a", {"user_id": 1})

    assert store.get_many(["", "a", "a\0", "é", None, "b"]) == {"a": {"user_id": 1}}


def test_keeping_an_impossible_id_keeps_nobody(store):
    store.set("a", {"user_id": 1})

    assert store.revoke_where(user_id=1, keep="a\0") == 1


# -- nothing in logs, reprs and errors


def _everything_in(error: BaseException) -> str:
    """What an error and those that it was raised from or during say, hidden ones too."""
    said, seen = "", set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        said += f"{one}\n{one!r}\n{vars(one)}\n"
        waiting += [one.__cause__, one.__context__]
    return said


def _assert_silent(said: str, store: SessionStore, *ids: str) -> None:
    for secret in (SECRET, *ids, *map(store.handle, ids)):
        assert secret not in said


def test_reprs_show_no_id_no_handle_and_no_value(make_store, url):
    store = make_store(timestamps=True)
    store.set(ID, {"device": SECRET, "cart": SECRET})
    loaded = store.load(ID)
    saved = store.save(loaded, {"device": SECRET, "cart": SECRET, "more": 1})

    said = "".join(
        map(repr, [store, loaded, saved, saved.session, store.blank(ID), store.find(), store.find()[0]])
    )
    _assert_silent(said, store, ID)
    assert "<SessionStore" in said
    assert database_of(url) in said


def test_the_repr_of_a_store_shows_no_password():
    store = SessionStore("postgresql+psycopg://app:open-sesame@127.0.0.1:9/app")

    assert "open-sesame" not in repr(store)
    assert "postgresql+psycopg://app:***@127.0.0.1:9/app" in repr(store)


@pytest.fixture
def log(caplog):
    """Everything that this package and SQLAlchemy log, at the level that says most."""
    for name in ("schema_session_backend", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


def _all_that_was_logged(log) -> str:
    return "\n".join(f"{record.getMessage()} {record.args!r}" for record in log.records)


def test_no_operation_logs_an_id_or_a_value(log, make_store):
    store = make_store(timestamps=True)
    other = BOBS
    session = {"device": SECRET, "cart": [SECRET]}
    store.set(ID, session)
    store.get(ID)
    store.save(store.load(ID), session | {"more": SECRET})
    mine, theirs = store.load(ID), store.load(ID)
    store.save(theirs, session | {"theirs": SECRET})
    store.save(mine, session | {"mine": SECRET})
    store.touch(ID)
    store.rotate(ID, other)
    store.set_many({ID: session, other: session})
    store.revoke(store.handle(other))
    store.destroy(ID)
    store.gc()
    store.clear()

    said = _all_that_was_logged(log)
    assert "INSERT" in said or "CREATE TABLE" in said  # SQLAlchemy does log
    for secret in (SECRET, ID, other):
        assert secret not in said


def test_no_listing_logs_a_handle_or_a_value(log, make_store):
    """At DEBUG SQLAlchemy logs the rows that it fetches."""
    store = make_store(timestamps=True)
    store.set(ID, {"device": SECRET, "cart": [SECRET]})

    assert store.find(device=SECRET)
    assert store.get_many([ID])
    assert store.count(device=SECRET) == 1
    assert store.revoke_where(device=SECRET) == 1

    _assert_silent(_all_that_was_logged(log), store, ID)


@pytest.mark.unique_column
def test_a_violated_constraint_quotes_nothing(log, make_store):
    store = make_store(schemas=[Column("token", String(50), unique=True)])
    store.set("other", {"token": SECRET})
    store.set(ID, {"token": "free"})
    loaded = store.load(ID)

    for attempt in (
        lambda: store.save(loaded, {"token": SECRET}),
        lambda: store.save(store.blank(BOBS), {"token": SECRET}),
    ):
        with pytest.raises(ConstraintViolated, match="a unique, foreign key or check constraint") as caught:
            attempt()
        assert not isinstance(caught.value, SessionExists)
        _assert_silent(_everything_in(caught.value), store, ID, BOBS)

    _assert_silent(_all_that_was_logged(log), store, ID, BOBS)
    assert store.get(ID) == {"token": "free"}
    assert store.get("other") == {"token": SECRET}


@pytest.mark.unique_column
@pytest.mark.parametrize("many", [False, True])
def test_a_unique_value_that_another_session_has_is_never_taken_from_it(make_store, many):
    store = make_store(schemas=[Column("token", String(50), unique=True)])
    store.set("other", {"token": "taken", "cart": ["theirs"]})

    mine = {"token": "taken", "cart": ["mine"]}
    with pytest.raises(ConstraintViolated) as caught:
        store.set_many({"free": {}, "new": mine}) if many else store.set("new", mine)

    _assert_silent(_everything_in(caught.value), store, "new", "other")
    assert store.get_many(["other", "new", "free"]) == {"other": {"token": "taken", "cart": ["theirs"]}}


def test_a_taken_id_is_not_quoted(store):
    store.set_many({ID: {"device": SECRET}, "other": {"device": SECRET}})

    with pytest.raises(SessionExists) as caught:
        store.rotate("other", ID)

    _assert_silent(_everything_in(caught.value), store, ID)
    assert store.get("other") == {"device": SECRET}


@pytest.mark.unique_column
def test_errors_inside_the_callers_transaction_quote_nothing(make_store):
    store = make_store(schemas=[Column("token", String(50), unique=True)])
    store.set("other", {"token": SECRET})
    store.set(ID, {})
    loaded = store.load(ID)

    with store._database.engine.connect() as connection, pytest.raises(ConstraintViolated) as caught:
        store.save(loaded, {"token": SECRET}, connection=connection)

    _assert_silent(_everything_in(caught.value), store, ID, "other")


@pytest.mark.parametrize(
    ("error", "session"),
    [
        (SessionTooLarge, {"cart": [SECRET] * 10_000}),
        (UnserializableValue, {"cart": [SECRET, object()]}),
        (UnserializableValue, {"cart": SECRET + "\ud800"}),
        (UnserializableValue, {"cart": [{SECRET: {"\ud800"}}]}),
        (UnserializableValue, {("cart", SECRET, 1j): 1}),
    ],
)
def test_a_session_that_cannot_be_stored_is_not_quoted(log, store, error, session):
    store.set(ID, {})
    with pytest.raises(error) as caught:
        store.set(ID, session)

    _assert_silent(_everything_in(caught.value), store, ID)
    _assert_silent(_all_that_was_logged(log), store, ID)


CORRUPT = {
    "no JSON": SECRET,
    "cut": '{"a": "' + SECRET,
    "no object": f'["{SECRET}"]',
    "a wrong tag": '{"a": {"$decimal": "' + SECRET + '"}}',
    "an unknown tag": '{"a": {"$' + SECRET + '": 1}}',
    "a wrong zone": '{"a": {"$datetime": "2024-01-01T00:00:00+01:00[' + SECRET + ']"}}',
}


@pytest.mark.parametrize("hash_sid", [True, False])
@pytest.mark.parametrize("name", CORRUPT)
def test_a_corrupt_row_is_logged_by_its_hash_and_without_its_values(log, make_store, name, hash_sid):
    store = make_store(hash_sid=hash_sid)
    store.set(ID, {})
    write_row(store, ID, additional=CORRUPT[name])
    log.clear()

    assert store.get(ID) is None

    [record] = [record for record in log.records if record.name == "schema_session_backend"]
    assert record.levelname == "WARNING"
    assert hashlib.sha256(ID.encode()).hexdigest() in record.getMessage()
    assert record.exc_info is None
    for secret in (SECRET, ID):
        assert secret not in record.getMessage()


@pytest.mark.parametrize("column", ["at", "kind"])
def test_a_declared_column_that_holds_nonsense_costs_its_session_only(
    log, make_store, url, table_name, column
):
    """Only SQLite stores such a thing; the servers refuse the statement."""
    store = make_store(schemas="at DateTime; kind Enum('a', 'b', native_enum=False); n Integer")
    store.set_many({ID: {"n": 1}, BOBS: {"n": 2}})
    nonsense = text(f"UPDATE {table_name} SET {column} = :nonsense WHERE sid = :sid")
    log.clear()

    with store._database.engine.connect() as connection:
        values = {"nonsense": SECRET, "sid": store.handle(ID)}
        if database_of(url) == "sqlite":
            connection.execute(nonsense, values)
        else:
            with pytest.raises(DBAPIError):
                connection.execute(nonsense, values)
    intact = None if database_of(url) == "sqlite" else {"n": 1}

    assert store.get(ID) == intact
    assert store.get(BOBS) == {"n": 2}
    assert store.count() == 2
    assert {"n": 2} in [record.data for record in store.find()]
    assert SECRET not in _all_that_was_logged(log)
