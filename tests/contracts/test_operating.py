"""What a store tells of its table to whoever operates it."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging

import pytest
from mismatches import run
from sqlalchemy import Column, Enum, inspect
from values import write_row

from clocks import HOUR, MINUTE
from schema_session_backend import ConfigurationError, InvalidField, SchemaMismatch, WrongArgument

pytestmark = pytest.mark.partitioned_too


def test_ping_tells_the_server_and_its_time_and_needs_no_table(make_store, url):
    answer = make_store().ping()

    name = {"sqlite": "SQLite 3.", "postgresql": "PostgreSQL ", "mariadb": "MariaDB "}
    assert answer.server.startswith(name[url.partition(":")[0].partition("+")[0]])
    assert abs(answer.now - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert 0 < answer.seconds < 60


def test_differences_are_told_and_left(make_store, engine, table_name):
    make_store(schemas="device String(50)").wait_for_sync()
    store = make_store(schemas="device String(9); ip String(45); level Integer not null")

    found = {each.problem: each for each in store.differences()}

    ip, level = found["it lacks the column 'ip'"], found["it lacks the column 'level'"]
    assert (ip.is_added, level.is_added, ip.works) == (True, False, False)
    assert "ADD COLUMN ip VARCHAR(45)" in ip.ddl[0]
    assert {column["name"] for column in inspect(engine).get_columns(table_name)}.isdisjoint({"ip", "level"})


def test_a_difference_that_needs_a_decision_says_which(make_store):
    make_store(schemas="level String(9)").wait_for_sync()

    [difference] = make_store(schemas="level Integer").differences()

    assert difference.ddl == ()
    assert "decide what becomes of values" in difference.task
    assert not difference.works


def test_a_missing_index_is_a_difference_with_which_the_store_works(make_store, url):
    make_store(schemas="user_id Integer").wait_for_sync()
    store = make_store(schemas="user_id Integer index").without_sync()

    [difference] = store.differences()

    assert difference.problem == "has no index on ['user_id']"
    assert difference.works
    store.set("a", {"user_id": 1})
    run(url, *difference.ddl)
    assert store.differences() == []


def test_a_guest_creates_no_table_and_adds_no_column(make_store, engine, table_name):
    guest = make_store().without_sync()

    with pytest.raises(SchemaMismatch, match="there is no table"):
        guest.get("a")

    assert not inspect(engine).has_table(table_name)
    make_store().set("a", {"user_id": 1})
    assert guest.get("a") == {"user_id": 1}
    with pytest.raises(SchemaMismatch, match="it lacks the column 'place'"):
        make_store(schemas="place String(9)").without_sync().count()


def test_the_statements_for_its_own_database_create_the_table(make_store, url):
    store = make_store(timestamps=True)

    run(url, *store.ddl())

    assert store.differences() == []
    store.without_sync().set("a", {"user_id": 1})


@pytest.mark.parametrize(
    ("database", "part"),
    [("sqlite", "DATETIME"), ("postgresql", 'COLLATE "C"'), ("mariadb", "LONGTEXT"), ("mysql", "LONGTEXT")],
)
def test_the_statements_for_another_database_are_in_its_words(make_store, database, part):
    statements = make_store(timestamps=True).ddl(database)

    assert part in statements[0]
    assert sum("CREATE INDEX" in statement for statement in statements) == 2


def test_the_statements_have_what_types_need(make_store):
    store = make_store(schemas=[Column("role", Enum("10%", "guest", name="role"))])

    assert store.ddl("postgresql")[0] == "CREATE TYPE role AS ENUM ('10%', 'guest')"


def test_the_statements_for_an_unknown_database_are_refused(make_store):
    with pytest.raises(ConfigurationError, match="'oracle' is not supported"):
        make_store().ddl("oracle")


def test_sizes_are_those_of_the_table(store, url):
    store.set_many({f"s{number}": {"text": "x" * 1000} for number in range(50)})

    sizes = store.sizes()

    assert sizes.table is not None
    assert sizes.table >= 16 * 1024
    assert (sizes.indexes is None) is url.startswith("sqlite")


# -- rows


def test_rows_are_inspected_page_by_page(store):
    store.set_many({f"s{number}": {"text": "x" * number} for number in range(25)})

    sizes: dict[str, int] = {}
    rows, after = 0, None
    for _ in range(3):
        part = store.inspect(after=after, limit=10)
        rows, after = rows + part.rows, part.after
        sizes |= dict(part.sizes)
        assert part.corrupt == []

    assert (rows, after) == (25, None)
    assert sizes[store.handle("s24")] == len('{"text":""}') + 24


def test_a_corrupt_row_is_told_and_can_be_revoked_by_its_name(store, caplog):
    store.set_many({"good": {"user_id": 1}, "bad": {"user_id": 2}})
    write_row(store, "bad", additional="no JSON")
    caplog.set_level(logging.DEBUG)

    inspection = store.inspect()

    [corrupt] = inspection.corrupt
    assert (inspection.rows, len(inspection.sizes)) == (2, 1)
    assert corrupt.name == store.handle("bad")
    assert "no JSON" not in corrupt.problem
    assert [record for record in caplog.records if record.name == "schema_session_backend"] == []
    [handle] = store.handles(corrupt.name)
    assert store.revoke(handle)
    assert store.inspect().corrupt == []


def test_expired_rows_are_counted_until_gc_removes_them(frozen):
    store, clock = frozen()
    store.set("long", {}, max_age=HOUR)
    store.set("short", {}, max_age=MINUTE)
    store.set("moved", {"user_id": 1})
    store.rotate("moved", "new")
    clock.advance(2 * MINUTE)

    assert store.count_expired() == 1  # without the trace of the old id
    assert store.count_expired(older_than=MINUTE) == 1
    assert store.count_expired(older_than=2 * MINUTE) == 0
    store.gc()
    assert store.count_expired() == 0


def test_gc_tells_its_progress_and_can_be_ended(frozen):
    store, clock = frozen()
    store.set_many({f"s{number}": {} for number in range(450)}, max_age=MINUTE)
    clock.advance(2 * MINUTE)
    told: list[int] = []

    def interrupt(removed: int) -> None:
        told.append(removed)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.gc(interrupt)

    assert told == [200, 400]
    assert store.count_expired() == 50
    assert store.gc() == 50


def test_values_of_a_column_are_counted(store):
    store.set_many({f"s{number}": {"user_id": number % 3} for number in range(8)} | {"anonymous": {}})

    counted = store.count_values("user_id")

    assert {each.value: each.count for each in counted} == {0: 3, 1: 3, 2: 2, None: 1}
    assert all(each.is_exact for each in counted)
    assert [each.count for each in store.count_values("user_id", limit=1)] == [3]
    with pytest.raises(ConfigurationError, match="did you mean 'user_id'"):
        store.count_values("userid")


def test_json_values_are_not_counted(make_store):
    store = make_store(schemas="settings JSON")

    with pytest.raises(InvalidField, match="'settings'"):
        store.count_values("settings")


# -- erasing


def test_erase_leaves_no_row_of_a_user(frozen):
    store, clock = frozen()
    store.set_many({"old": {"user_id": 42}, "moved": {"user_id": 42}}, max_age=MINUTE)
    store.rotate("moved", "moved-2")
    clock.advance(2 * MINUTE)
    store.set_many({"live": {"user_id": 42}, "other": {"user_id": 7}})

    assert store.count_rows(user_id=42) == 4  # live, expired, and the trace of an old id
    assert store.erase(user_id=42) == 4
    assert store.count_rows(user_id=42) == 0
    assert store.get("other") == {"user_id": 7}


def test_erase_without_a_condition_is_refused(store):
    with pytest.raises(ConfigurationError, match="clear"):
        store.erase()


# -- names


def test_a_session_is_found_by_the_start_of_its_handle(store):
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 2}})
    handle = store.handle("a")

    assert store.handles(handle[:8]) == [handle]
    assert store.handles("0" * 64) == []
    record = store.record(handle)
    assert record is not None
    assert record.data == {"user_id": 1}
    assert store.name_of(record) == store.name_of(handle) == handle
    assert store.record("0" * 64) is None


@pytest.mark.parametrize("name", ["", "abcde", "a" * 65, "ABCDEF", "session-id", None])
def test_a_name_is_hexadecimal_digits(store, name):
    with pytest.raises(WrongArgument, match="hexadecimal"):
        store.handles(name)


def test_the_id_of_a_session_is_refused_where_its_handle_is_meant(store):
    store.set("an-id", {})

    with pytest.raises(WrongArgument, match="handle"):
        store.record("an-id")


def test_where_handles_are_ids_names_are_hashes_of_them(make_store):
    store = make_store(hash_sid=False)
    store.set_many({"secret-id": {"user_id": 1}, "other": {}})
    [record] = store.find(user_id=1)

    name = store.name_of(record)

    assert name == hashlib.sha256(b"secret-id").hexdigest()
    assert store.handles(name[:10]) == ["secret-id"]
    assert store.handles("0" * 64) == []


def test_a_prefixed_store_knows_the_names_of_its_own_sessions_only(store):
    mine, others = store.prefixed("mine:"), store.prefixed("others:")
    mine.set("a", {})
    others.set("a", {})

    assert mine.handles(mine.handle("a")) == [mine.handle("a")]
    assert mine.handles(others.handle("a")) == []
    assert mine.inspect().rows == 1
