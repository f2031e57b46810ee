"""`init`, `check`, `stats`, `gc`, `promote`, `demote` and `reseal`, on each database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from mismatches import run as run_sql
from sqlalchemy import inspect
from values import write_row

from clocks import HOUR, MINUTE, DatabaseClock
from schema_session_backend.cli import command, terminal
from sealed import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COLUMNS = [
    "sid",
    "user_id",
    "device",
    "ip",
    "additional",
    "expire_at",
    "created_at",
    "updated_at",
    "revision",
]


@pytest.fixture
def clocked(monkeypatch):
    """The database's clock for the stores of commands."""
    clock, opened_store = DatabaseClock(), command.opened_store

    def opened():
        store = opened_store()
        clock.install(store)
        return store

    for module in ("command", "table_commands"):
        monkeypatch.setattr(f"schema_session_backend.cli.{module}.opened_store", opened)
    return clock


# -- init


def test_init_creates_the_table_once(done, store):
    assert "so it was added" in done("init")
    assert "nothing to do" in done("init")

    assert store.differences() == []


def test_init_adds_columns_and_tells_which(done, make_store, engine, table_name):
    make_store(schemas="user_id Integer index").wait_for_sync()

    said = done("init")

    assert f"{table_name}: it lacks the column 'device', so it was added" in said
    assert {each["name"] for each in inspect(engine).get_columns(table_name)} == set(COLUMNS)


def test_init_builds_missing_indexes(done, run, make_store):
    make_store(schemas="user_id Integer; device String(50); ip String(45)", timestamps=True).set("a", {})

    assert "has no index on ['user_id'], so it was added" in done("init")
    assert run("check").exit_code == 0


def test_init_says_what_it_cannot_do(run, make_store):
    make_store(schemas="user_id String(9)", timestamps=True).wait_for_sync()

    result = run("init")

    assert result.exit_code == 1
    assert "decide what becomes of values" in result.stderr
    assert "Traceback" not in result.output


def test_init_prints_the_statements_and_runs_none(done, engine, table_name, url):
    printed = done("init", "--sql")

    assert not inspect(engine).has_table(table_name)
    run_sql(url, *filter(str.strip, printed.split(";")))
    assert "nothing to do" in done("init")


@pytest.mark.parametrize(
    ("database", "part"), [("sqlite", "DATETIME"), ("postgresql", 'COLLATE "C"'), ("mariadb", "LONGTEXT")]
)
def test_init_prints_the_statements_of_each_database(done, database, part):
    assert part in done("init", "--sql", database)


# -- check


def test_check_finds_a_good_table_good(as_json, run, store):
    store.set_many({f"s{number}": {"user_id": number} for number in range(20)})

    result = run("check")
    report = as_json("check")

    assert result.exit_code == 0
    assert report["status"] == "ok"
    names = [each["check"] for each in report["checks"]]
    assert names == ["connection", "clock", "table", "expired", "largest", "corrupt"]
    assert all(name in result.stdout for name in names)


def test_check_finds_no_table_and_leaves_it_so(run, engine, table_name):
    engine.connect().close()  # which creates SQLite's file

    result = run("check")

    assert result.exit_code == 2
    assert "there is no table" in result.stdout
    assert not inspect(engine).has_table(table_name)


def test_check_finds_each_difference_with_its_statement(run, as_json, make_store):
    make_store(schemas="user_id Integer", timestamps=True).wait_for_sync()

    report = as_json("check", options=("--schemas", "user_id Integer index; ip String(45)", "--timestamps"))

    found = {each["problem"]: each for each in report["checks"] if each["check"] == "table"}
    assert found["has no index on ['user_id']"]["status"] == "warning"
    assert found["it lacks the column 'ip'"]["status"] == "failure"
    assert "ADD COLUMN ip" in found["it lacks the column 'ip'"]["ddl"][0]
    assert report["status"] == "failure"


def test_a_missing_index_is_a_warning_to_monitoring(run, make_store):
    make_store(schemas="user_id Integer").wait_for_sync()

    result = run("check", options=("--schemas", "user_id Integer index"))

    assert result.exit_code == 1
    assert "CREATE INDEX" in result.stdout


@pytest.mark.parametrize("arguments", [[], ["--all"]])
def test_check_names_corrupt_rows_and_none_of_their_values(run, store, arguments):
    store.set_many({f"s{number}": {"user_id": number} for number in range(20)})
    write_row(store, "s3", additional="a secret")

    result = run("check", *arguments)

    assert result.exit_code == 1
    assert "1 corrupt of all 20 sessions" in result.stdout
    assert store.handle("s3") in result.stdout
    assert "a secret" not in result.output


def test_check_reads_a_sample_or_everything(as_json, store, monkeypatch):
    monkeypatch.setattr("schema_session_backend.cli.checkup.SAMPLE", 30)
    monkeypatch.setattr("schema_session_backend.cli.checkup.AT_ONCE", 10)
    store.set_many({f"s{number}": {} for number in range(45)})

    def rows(*arguments):
        return next(
            each["rows"] for each in as_json("check", *arguments)["checks"] if each["check"] == "corrupt"
        )

    assert rows() == 30
    assert rows("--all") == 45


def test_check_finds_sessions_that_are_nearly_too_large(run, store):
    store.set("large", {"text": "x" * 60_000})

    result = run("check")

    assert result.exit_code == 1
    assert f"{store.handle('large')}: 58.6 KiB" in result.stdout


def test_check_finds_rows_that_gc_has_left(as_json, moved_store, clock, clocked):
    store = moved_store(timestamps=True)
    store.set_many({f"s{number}": {} for number in range(5)}, max_age=MINUTE)
    clocked.advance(3 * HOUR)

    report = as_json("check", "--max-backlog", "4")

    [expired] = [each for each in report["checks"] if each["check"] == "expired"]
    assert (expired["status"], expired["rows"]) == ("warning", 5)
    assert "gc" in expired["text"]
    assert [each["status"] for each in report["checks"] if each["check"] == "clock"] == ["warning"]


def test_check_of_a_database_that_is_not_there_is_a_failure(run, monkeypatch):
    monkeypatch.setenv("SCHEMA_SESSION_URL", "postgresql+psycopg://nobody:secret@127.0.0.1:1/none")

    result = run("check", options=("--sync-timeout", "0.1"))

    assert result.exit_code == 2
    assert "cannot connect" in result.stdout
    assert "secret" not in result.output


def test_check_of_a_store_that_cannot_be_made_is_a_failure(run):
    assert run("check", options=("--schemas", "user_id Nonsense")).exit_code == 2


# -- stats


def test_stats_count_by_day_and_by_value(as_json, done, store):
    store.set_many({f"s{number}": {"device": "phone" if number % 3 else "laptop"} for number in range(9)})

    facts = as_json("stats", "--days", "2", "--values", "1")

    assert facts["live"] == 9
    assert facts["columns"]["device"] == [{"value": "phone", "count": 6, "is_exact": True}]
    assert sum(each["count"] for each in facts["days"]) == 9
    assert len(facts["days"]) == 2
    assert facts["bytes"]["table"] > 0
    text = done("stats")
    assert "live sessions   9" in text
    assert "no value" in text


# -- gc


def test_gc_removes_what_has_expired_and_says_how_much(done, moved_store, clocked):
    store = moved_store(timestamps=True)
    store.set_many({f"s{number}": {} for number in range(250)}, max_age=MINUTE)
    store.set("live", {})
    clocked.advance(2 * MINUTE)

    assert done("gc") == "250 rows removed\n"
    assert done("gc") == "0 rows removed\n"
    assert store.get("live") == {}


def test_gc_tells_plain_lines_where_there_is_no_terminal(run, moved_store, clocked, monkeypatch):
    monkeypatch.setattr(terminal, "BETWEEN_LINES", 0)
    store = moved_store(timestamps=True)
    store.set_many({f"s{number}": {} for number in range(250)}, max_age=MINUTE)
    clocked.advance(2 * MINUTE)

    assert "Removing expired rows: 200 of 250\n" in run("gc").stderr


def test_gc_that_is_interrupted_goes_on_the_next_time(run, moved_store, clocked, monkeypatch):
    store = moved_store(timestamps=True)
    store.set_many({f"s{number}": {} for number in range(250)}, max_age=MINUTE)
    clocked.advance(2 * MINUTE)
    with monkeypatch.context() as patched:
        patched.setattr(terminal, "progress", interrupted)
        result = run("gc")

    assert result.exit_code == 130
    assert "Interrupted: 200 rows were removed; run it again to go on." in result.stderr
    assert run("gc").stdout == "50 rows removed\n"


@contextmanager
def interrupted(_what: str) -> Iterator[Callable[[int, int], None]]:
    """Progress at whose first step somebody types Ctrl-C."""

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    yield interrupt


# -- promote and demote

DEVICE = ("--schemas", "user_id Integer index; device String(50) index")


def test_promote_and_demote_move_a_key_of_all_sessions(done, make_store):
    old = make_store(schemas="user_id Integer index")
    old.set_many({f"s{number}": {"device": "phone"} for number in range(20)} | {"other": {}})
    new = make_store(schemas=DEVICE[1])
    new.wait_for_sync()

    assert done("promote", "device", options=DEVICE).startswith("20 of 21 sessions moved in ")
    assert new.count(device="phone") == 20
    assert done("demote", "device", options=DEVICE).startswith("20 of 21 sessions moved in ")
    assert old.get("s1") == {"device": "phone"}
    assert new.count(device="phone") == 0


def test_promote_that_is_interrupted_says_how_it_goes_on(run, done, make_store, monkeypatch):
    old = make_store(schemas="user_id Integer index")
    old.set_many({f"s{number}": {"device": "phone"} for number in range(1200)})
    make_store(schemas=DEVICE[1]).wait_for_sync()
    with monkeypatch.context() as patched:
        patched.setattr(terminal, "progress", interrupted)
        result = run("promote", "device", options=DEVICE)

    assert result.exit_code == 130
    assert "Interrupted: 500 sessions were moved; `promote device" in result.stderr
    assert done("promote", "device", options=DEVICE).startswith("700 of 1,200 sessions moved in ")


def test_promote_tells_of_values_that_do_not_fit(run, make_store):
    store = make_store(schemas="user_id Integer index")
    store.set("long", {"client": {"device": "x" * 60}})
    options = ("--schemas", "user_id Integer index; device String(50) from client.device")
    make_store(schemas=options[1]).wait_for_sync()

    result = run("promote", "device", options=options)

    assert result.exit_code == 1
    assert "1 could not be" in result.stderr


def test_promote_of_a_column_that_is_not_declared_is_an_error(run, store):
    store.wait_for_sync()

    assert "did you mean 'device'?" in run("promote", "devise").stderr


def test_reseal_seals_all_sessions_with_the_first_key(done, store, make_store, monkeypatch):
    store.set_many({f"s{number}": {"cart": [number]} for number in range(20)})
    key = new_key()
    monkeypatch.setenv("SCHEMA_SESSION_ENCRYPTION_KEYS", key)
    options = ("--schemas", "device String(50)", "--unsealed", "read")

    assert done("reseal", options=options) == "20 sessions written anew\n"
    assert done("reseal", options=options[:2]) == "0 sessions written anew\n"
    assert make_store(schemas=options[1], encryption_keys=[key]).get("s7") == {"cart": [7]}


def test_reseal_tells_of_sessions_that_no_key_opens(run, make_store, monkeypatch):
    lost, known = new_key(), new_key()
    make_store(encryption_keys=[known]).set("s1", {"cart": []})
    make_store(encryption_keys=[lost, known]).set("s2", {"cart": []})
    monkeypatch.setenv("SCHEMA_SESSION_ENCRYPTION_KEYS", known)

    result = run("reseal", options=())

    assert result.exit_code == 1
    assert result.stderr == "1 could not be: no key opens them\n"
    assert known not in result.output


def test_reseal_needs_keys(run, store):
    store.wait_for_sync()

    assert "encryption_keys" in run("reseal").stderr
