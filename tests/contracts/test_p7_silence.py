"""P7: no log, repr or error contains an id or a value."""

from __future__ import annotations

import pytest
from silence import BOBS, ID, SECRET, all_that_was_logged, assert_silent, everything_in
from sqlalchemy import Column, String
from sqlalchemy.exc import DBAPIError
from values import database_of

from schema_session_backend import (
    ConstraintViolated,
    SessionExists,
    SessionStore,
    SessionTooLarge,
    StatementFailed,
    UnserializableValue,
)

pytestmark = pytest.mark.partitioned_too


def test_reprs_show_no_id_no_handle_and_no_value(make_store, url):
    store = make_store(timestamps=True)
    store.set(ID, {"device": SECRET, "cart": SECRET})
    loaded = store.load(ID)
    saved = store.save(loaded, {"device": SECRET, "cart": SECRET, "more": 1})

    said = "".join(
        map(
            repr,
            [
                store,
                loaded,
                saved,
                saved.session,
                store.blank(ID),
                store.find(limit=1000),
                store.find(limit=1000)[0],
            ],
        )
    )
    assert_silent(said, store, ID)
    assert "<SessionStore" in said
    assert database_of(url) in said


def test_the_repr_of_a_store_shows_no_password():
    store = SessionStore("postgresql+psycopg://app:open-sesame@127.0.0.1:9/app")

    assert "open-sesame" not in repr(store)
    assert "postgresql+psycopg://app:***@127.0.0.1:9/app" in repr(store)


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

    said = all_that_was_logged(log)
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

    assert_silent(all_that_was_logged(log), store, ID)


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
        with pytest.raises(ConstraintViolated, match="on 'token' of table") as caught:
            attempt()
        assert not isinstance(caught.value, SessionExists)
        assert_silent(everything_in(caught.value), store, ID, BOBS)

    assert_silent(all_that_was_logged(log), store, ID, BOBS)
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

    assert_silent(everything_in(caught.value), store, "new", "other")
    assert store.get_many(["other", "new", "free"]) == {"other": {"token": "taken", "cart": ["theirs"]}}


# Statements behind the store's back, after which the database refuses each row.
REFUSALS = {
    "check": {
        "postgresql": ["ALTER TABLE {table} ADD CHECK (device IS NULL)"],
        "mariadb": ["ALTER TABLE {table} ADD CHECK (device IS NULL)"],
    },
    "not null": {
        "postgresql": ["ALTER TABLE {table} ADD note TEXT NOT NULL"],
        "mariadb": ["ALTER TABLE {table} ADD note TEXT NOT NULL"],
    },
    "too narrow": {
        "postgresql": ["ALTER TABLE {table} ALTER device TYPE INTEGER USING NULL"],
        "mariadb": ["ALTER TABLE {table} MODIFY device INTEGER"],
    },
    "trigger": {
        "sqlite": [
            "CREATE TRIGGER refusing BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ],
        "postgresql": [
            (
                "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN RAISE 'refused %', NEW.device; END$$"
            ),
            "CREATE TRIGGER refusing BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()",
        ],
        "mariadb": [
            (
                "CREATE TRIGGER {table}_refusing BEFORE INSERT ON {table} FOR EACH ROW"
                " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = NEW.device"
            ),
        ],
    },
}


# Those of which the driver's error quotes the row.
QUOTED = {
    ("postgresql", "check"),
    ("postgresql", "not null"),
    ("postgresql", "trigger"),
    ("mariadb", "too narrow"),
    ("mariadb", "trigger"),
}


@pytest.mark.parametrize(
    ("url", "refusal"),
    [(database, kind) for kind, databases in REFUSALS.items() for database in databases],
    indirect=["url"],
)
@pytest.mark.parametrize("many", [False, True])
def test_what_the_database_quotes_of_a_row_is_cut(log, make_store, url, refusal, many):
    store = make_store()
    store.wait_for_sync()
    session = {"device": SECRET, "cart": [SECRET]}

    with store.engine.connect() as connection:
        for statement in REFUSALS[refusal][database_of(url)]:
            connection.exec_driver_sql(statement.format(table=store.repo().name).replace("%", "%%"))
        connection.commit()
        row = {"sid": "x", "device": SECRET, "additional": "{}", "revision": 1}
        with pytest.raises(DBAPIError) as drivers:
            connection.execute(store.repo().insert().values(row))
        assert (SECRET in str(drivers.value)) == ((database_of(url), refusal) in QUOTED)
        connection.rollback()
        joined = store.within(connection)
        for one in (joined, store):
            with pytest.raises(StatementFailed) as caught:
                one.set_many({ID: session, BOBS: session}) if many else one.set(ID, session)
            assert_silent(everything_in(caught.value), store, ID, BOBS)
            connection.rollback()

    assert_silent(all_that_was_logged(log), store, ID, BOBS)


def test_a_taken_id_is_not_quoted(store):
    store.set_many({ID: {"device": SECRET}, "other": {"device": SECRET}})

    with pytest.raises(SessionExists) as caught:
        store.rotate("other", ID)

    assert_silent(everything_in(caught.value), store, ID)
    assert store.get("other") == {"device": SECRET}


@pytest.mark.unique_column
def test_errors_inside_the_callers_transaction_quote_nothing(make_store):
    store = make_store(schemas=[Column("token", String(50), unique=True)])
    store.set("other", {"token": SECRET})
    store.set(ID, {})
    loaded = store.load(ID)

    with store.engine.begin() as connection, pytest.raises(ConstraintViolated) as caught:
        store.within(connection).save(loaded, {"token": SECRET})

    assert_silent(everything_in(caught.value), store, ID, "other")


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

    assert_silent(everything_in(caught.value), store, ID)
    assert_silent(all_that_was_logged(log), store, ID)
