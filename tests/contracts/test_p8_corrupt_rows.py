"""P8: a corrupt row costs only its own session."""

from __future__ import annotations

import hashlib

import pytest
from silence import BOBS, ID, SECRET, all_that_was_logged
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from values import database_of, write_row

pytestmark = pytest.mark.partitioned_too


CORRUPT = {
    "no JSON": SECRET,
    "cut": '{"a": "' + SECRET,
    "no object": f'["{SECRET}"]',
}
# With hash_sid=False these are objects and keys of other software.
TAGGED = {
    "a key like a base column": '{"expire_at": "' + SECRET + '"}',
    "a wrong tag": '{"a": {"$decimal": "' + SECRET + '"}}',
    "an unknown tag": '{"a": {"$' + SECRET + '": 1}}',
    "a wrong zone": '{"a": {"$datetime": "2024-01-01T00:00:00+01:00[' + SECRET + ']"}}',
}


@pytest.mark.parametrize(
    ("name", "hash_sid"),
    [*((name, True) for name in [*CORRUPT, *TAGGED]), *((name, False) for name in CORRUPT)],
)
def test_a_corrupt_row_is_logged_by_its_hash_and_without_its_values(log, make_store, name, hash_sid):
    store = make_store(hash_sid=hash_sid)
    store.set(ID, {})
    write_row(store, ID, additional=(CORRUPT | TAGGED)[name])
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
    """Only SQLite stores such a value; the servers refuse the statement."""
    store = make_store(schemas="at DateTime; kind Enum('a', 'b', native_enum=False); n Integer")
    store.set_many({ID: {"n": 1}, BOBS: {"n": 2}})
    nonsense = text(f"UPDATE {table_name} SET {column} = :nonsense WHERE sid = :sid")
    log.clear()

    with store.engine.begin() as connection:
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
    assert {"n": 2} in [record.data for record in store.find(limit=1000)]
    assert SECRET not in all_that_was_logged(log)
