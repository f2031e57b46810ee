"""The page that a SchemaMismatch points to: its statements work on each database, on tables with sessions."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mismatches import mend, mismatch, run, undecided
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, create_engine, select
from values import database_of

from schema_session_backend._sql.drift.differences import PAGE

if TYPE_CHECKING:
    from schema_session_backend import SessionStore

ROOT = Path(__file__).parents[2]
NAMES = {"SQLite": "sqlite", "PostgreSQL": "postgresql", "MariaDB": "mariadb"}


def page() -> str:
    return (ROOT / PAGE.partition(" ")[0]).read_text(encoding="utf-8")


def statements(url: str, table_name: str, heading: str) -> list[list[str]]:
    """The SQL of a section for a database, each block as its statements, on the test's own tables."""
    section = page().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert section, f"there is no section {heading!r}"
    found = []
    for label, block in re.findall(r"^([\w, ]+):\n\n```sql\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        if database_of(url) in {NAMES[name] for name in label.split(", ")}:
            renamed = re.sub(r"\b(old_)?sessions\b", lambda match: f"{table_name}{match[1] or ''}", block)
            renamed = re.sub(r"\b(ix|fk)_sessions_", rf"\1_{table_name}_", renamed)
            renamed = re.sub(r"\b(users|signed_in|devices)\b", rf"{table_name}_\1", renamed)
            found.append([one.strip() for one in re.split(r";$", renamed, flags=re.MULTILINE) if one.strip()])
    return found


def run_as_they_are(url: str, lines: list[str]) -> None:
    """Run statements with their own BEGIN and COMMIT, if they have any."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for line in lines:
            connection.exec_driver_sql(line, execution_options={"no_parameters": True})
    engine.dispose()


def stored(url: str, store: SessionStore, sid: str) -> Any:
    """The row of a session, without its declared columns."""
    table, engine = store.repo(), create_engine(url)
    query = select(table.c.revision, table.c.expire_at).where(table.c.sid == store.handle(sid))
    with engine.connect() as connection:
        row = connection.execute(query).one()
    engine.dispose()
    return row


def test_every_block_of_the_page_names_its_database():
    labelled = re.findall(r"^([\w, ]+):\n\n```sql$", page(), re.MULTILINE)

    assert len(labelled) == page().count("```sql")
    assert {name for label in labelled for name in label.split(", ")} == set(NAMES)


def test_messages_name_the_page_by_its_title():
    [(path, title)] = re.findall(r'^(\S+) \("(.*)"\)$', PAGE)

    assert page().startswith(f"# {title}\n")
    assert f"\n{Path(path).relative_to('docs').with_suffix('')}\n" in (ROOT / "docs/index.md").read_text()


@pytest.mark.parametrize("block", [0, 1])
def test_the_page_gives_existing_sessions_a_value(make_store, url, table_name, block):
    make_store(schemas="user_id Integer index").set_many(
        {"a": {"user_id": 1, "plan": "gold"}, "b": {"cart": [1]}}
    )
    store = make_store(schemas="user_id Integer index; plan String(10) not null default 'free'")
    undecided(store, "decide which value the sessions that are there get")
    before = stored(url, store, "b").revision

    run_as_they_are(
        url, statements(url, table_name, "Decide which value the sessions that are there get")[block]
    )

    store.wait_for_sync()
    # Either way the value in `additional` counts; only the second block has it found by searches.
    assert store.get_many("ab") == {"a": {"user_id": 1, "plan": "gold"}, "b": {"cart": [1], "plan": "free"}}
    assert store.count(plan="gold") == block
    assert stored(url, store, "b").revision == before + 1


def test_the_page_gives_existing_sessions_an_expiry(make_store, url, table_name, caplog):
    make_store(schemas="", expire_at_name="other").set("a", {"cart": [1]})
    store = make_store(schemas="")
    undecided(store, "decide when the sessions that are there expire")

    [block] = statements(url, table_name, "Decide when the sessions that are there expire")
    run_as_they_are(url, block)

    assert store.get("a") == {"cart": [1]}
    assert stored(url, store, "a").expire_at / 1000 == pytest.approx(time.time() + 86_400, abs=30)
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_the_page_converts_values_to_another_type(make_store, url, table_name, caplog):
    make_store(schemas="user_id Integer index").set_many(
        {"a": {"user_id": 42, "cart": [1]}, "b": {"user_id": -1}}
    )
    store = make_store(schemas="user_id String(36) index")
    undecided(store, "decide what becomes of values")

    convert, end = statements(url, table_name, "Decide what becomes of values")
    run_as_they_are(url, end)
    run_as_they_are(url, convert)

    assert store.get_many("ab") == {"a": {"user_id": "42", "cart": [1]}}
    assert store.count(user_id="42") == 1
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_column_of_sqlite_is_changed_by_hand(make_store, url, table_name, caplog):
    make_store(schemas="user_id Integer index not null; level Integer not null").set(
        "a", {"user_id": 42, "level": 3, "cart": [1]}
    )
    store = make_store(schemas="user_id BigInteger index")
    undecided(store, "change it by hand, because SQLite changes no column")

    for block in statements(url, table_name, "Change it by hand"):
        run_as_they_are(url, block)

    store.set("b", {"cart": [2]})
    assert store.get_many("ab") == {"a": {"user_id": 42, "cart": [1]}, "b": {"cart": [2]}}
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_column_under_a_view_of_postgresql_is_changed_by_hand(make_store, url, table_name):
    make_store(schemas="user_id Integer").set("a", {"user_id": 42})
    run(url, f"CREATE VIEW {table_name}_signed_in AS SELECT user_id FROM {table_name}")
    store = make_store(schemas="user_id BigInteger")
    undecided(store, "change it by hand, because PostgreSQL changes no column on which a view")

    [block] = statements(url, table_name, "Change it by hand")
    run_as_they_are(url, block)

    assert store.get("a") == {"user_id": 42}
    run(url, f"DROP VIEW {table_name}_signed_in")


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_column_of_a_foreign_key_of_mariadb_is_changed_by_hand(make_store, url, table_name):
    users = Table(f"{table_name}_users", MetaData(), Column("id", Integer, primary_key=True))
    run(url, f"CREATE TABLE {users.name} (id INTEGER PRIMARY KEY)", f"INSERT INTO {users.name} VALUES (42)")
    key = ForeignKey(users.c.id, name=f"fk_{table_name}_user_id")
    make_store(schemas=[Column("user_id", Integer, key)], metadata=users.metadata).set("a", {"user_id": 42})
    store = make_store(schemas="user_id BigInteger")
    undecided(store, "change it by hand, because MariaDB changes no column of a foreign key")

    [block] = statements(url, table_name, "Change it by hand")
    run_as_they_are(url, block)

    assert store.get("a") == {"user_id": 42}
    run(url, f"DROP TABLE {table_name}")  # first, because its foreign key refers to the other table


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_the_collation_of_ids_with_a_foreign_key_is_changed_by_hand(make_store, url, table_name):
    sid = "sid VARCHAR(255) COLLATE utf8mb4_general_ci"
    key = f"CONSTRAINT fk_{table_name}_sid FOREIGN KEY (sid) REFERENCES {table_name} (sid)"
    run(
        url,
        f"CREATE TABLE {table_name} ({sid} PRIMARY KEY, additional LONGTEXT, expire_at BIGINT,"
        " revision BIGINT NOT NULL)",
        f"INSERT INTO {table_name} VALUES ('aBc', '{{}}', NULL, 1)",
        f"CREATE TABLE {table_name}_devices ({sid}, {key})",
        f"INSERT INTO {table_name}_devices VALUES ('aBc')",
    )
    store = make_store(schemas="", hash_sid=False)
    undecided(store, "change it by hand, because MariaDB changes no column of a foreign key")

    [block] = statements(url, table_name, "Change the collation of the ids")
    run_as_they_are(url, block)

    assert store.get_many(["aBc", "abc"]) == {"aBc": {}}
    run(url, f"DROP TABLE {table_name}_devices")  # first, because its foreign key refers to the other table


def test_the_page_keeps_one_row_of_each_id(make_store, url, table_name):
    long = "LONGTEXT" if database_of(url) == "mariadb" else "TEXT"
    handle = make_store(schemas="").handle
    run(
        url,
        f"CREATE TABLE {table_name} (sid VARCHAR(64), additional {long} NOT NULL, expire_at BIGINT,"
        " revision BIGINT NOT NULL)",
        f"CREATE INDEX ix_{table_name}_expire_at ON {table_name} (expire_at)",
        *(
            f"INSERT INTO {table_name} VALUES ({sid}, '{{}}', NULL, 1)"
            for sid in ("NULL", f"'{handle('a')}'", f"'{handle('b')}'", f"'{handle('b')}'")
        ),
    )
    store = make_store(schemas="")
    mismatch(store)

    [block] = statements(url, table_name, "Decide which rows to keep")
    run_as_they_are(url, block)

    if database_of(url) == "sqlite":
        run(url, f"ALTER TABLE {table_name} ADD COLUMN user_id INTEGER")
        run(url, f"CREATE INDEX ix_{table_name}_user_id ON {table_name} (user_id)")
        store = make_store(schemas="user_id Integer index")
        away, back = statements(url, table_name, "Build the table anew on SQLite")
        run_as_they_are(url, away)
        store.wait_for_sync()
        run_as_they_are(url, back)
    else:
        mend(store, url, {"cart": [1]})
        store.destroy("mended")
    assert store.get_many("ab") == {"a": {}}
    make_store(schemas="").wait_for_sync()
