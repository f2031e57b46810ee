"""A locked row stops no other request of a real server on gevent, with the store made before the fork."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from real_server import PATIENCE, Visitor, serving

from databases import DATABASES

OTHERS = 20
"""More than the 15 connections that a store opens at a time."""


@pytest.fixture
def address(url, table_name):
    """Where a server of one process answers, with gevent set up as docs/howto/operate.md tells it."""
    gevent = ("--worker-class=gevent", "--workers=1", "--config=python:gevent_first")
    with serving("flask_server", url, table_name, workers=gevent) as address:
        yield address


@pytest.fixture
def lock(store):
    """Locks the row of a user in a transaction of its own."""

    @contextmanager
    def lock(user_id):
        table, [record] = store.repo(), store.find(user_id=user_id)
        # By its primary key: by `user_id`, MariaDB would lock the gap in which the others insert.
        row = table.select().where(table.c.sid == record.handle)
        with store.engine.connect() as connection:
            connection.execute(row.with_for_update()).all()
            yield
            connection.rollback()

    return lock


# SQLite has no locks of single rows.
@pytest.mark.parametrize("url", [name for name in DATABASES if name != "sqlite"], indirect=True)
def test_a_locked_row_stops_no_other_request(address, lock):
    locked, *others = (Visitor(address) for _ in range(1 + OTHERS))
    locked.change(user_id=1)
    with ThreadPoolExecutor(1 + OTHERS) as pool:
        with lock(user_id=1):
            waiting = pool.submit(locked.change, device="phone")
            answers = list(pool.map(lambda visitor: visitor.change(user_id=2), others, timeout=PATIENCE))
            assert not waiting.done()
        assert waiting.result(PATIENCE) == {"user_id": 1, "device": "phone"}

    assert answers == [{"user_id": 2}] * OTHERS
