"""P8: an expired row that cannot be removed, or has a primary key that is no handle, costs no other row."""

from __future__ import annotations

import pytest
from applications import application_engine
from sqlalchemy import Column, ForeignKey, Integer, Table, text

from clocks import HOUR, MINUTE
from schema_session_backend._sql import janitor

KEYS = {
    "no UTF-8": "CAST(x'61ff62' AS TEXT)",
    "bytes": "x'00ff'",
    "number": "'12'",
    "blank": "''",
    "new lines": "'a' || char(10) || 'b'",
}


@pytest.mark.parametrize("batch", [4, 200])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_gc_removes_rows_of_any_primary_key(moved_store, clock, monkeypatch, key, batch):
    monkeypatch.setattr(janitor, "BATCH", batch)
    store = moved_store(max_age=HOUR)
    store.set_many({f"old{number}": {} for number in range(12)})
    with store.engine.begin() as connection:
        connection.execute(
            text(f"UPDATE {store.repo().name} SET sid = {key} WHERE sid = :sid"),
            {"sid": store.handle("old3")},
        )
    assert len(store.find(limit=100)) == 11
    clock.advance(HOUR + MINUTE)
    store.set("new", {})

    assert store.gc() == 12
    assert store.count() == 1
    with store.engine.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {store.repo().name}")).scalar() == 1


@pytest.mark.parametrize("batch", [4, 200])
def test_a_row_that_the_application_holds_is_logged_and_kept(
    log, url, make_store, metadata, clock, monkeypatch, batch
):
    monkeypatch.setattr(janitor, "BATCH", batch)
    engine = application_engine(url)
    store = make_store(engine, metadata=metadata, max_age=HOUR)
    sid = store.repo().c.sid
    name = f"{store.repo().name}_o"
    orders = Table(
        name, metadata, Column("n", Integer, primary_key=True), Column("sid", sid.type, ForeignKey(sid))
    )
    store.wait_for_sync()
    orders.create(engine)
    clock.install(store)
    store.set_many({f"old{number}": {} for number in range(12)})
    with engine.begin() as connection:
        connection.execute(orders.insert().values(n=1, sid=store.handle("old3")))
    clock.advance(HOUR + MINUTE)
    log.clear()

    assert store.gc() == 11
    assert store.gc() == 0
    with engine.connect() as connection:
        assert connection.execute(store.repo().select()).scalars().all() == [store.handle("old3")]
        connection.execute(orders.delete())
        connection.commit()
    assert f"the expired session {store.handle('old3')} was not removed" in log.text
    assert store.gc() == 1
    engine.dispose()
