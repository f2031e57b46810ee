"""P10: a commit that no synchronous standby has confirmed is not acknowledged."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import create_engine, make_url

from databases import _on_server
from schema_session_backend import SessionStore, StoreUnavailable
from servers import private_postgresql_url


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of a PostgreSQL whose synchronous standby never answers."""
    url = _on_server("postgresql", private_postgresql_url)(tmp_path_factory.getbasetemp())
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with SessionStore(url, gc_interval=None) as store, engine.connect() as connection:
        store.wait_for_sync()
        for prefix in ("", "URL", "engine"):
            sessions = store.prefixed(prefix)
            sessions.set_many({"a": {"visits": 1}, "b": {"visits": 1}})
        connection.exec_driver_sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        while connection.exec_driver_sql("SHOW synchronous_standby_names").scalar() != "nobody":
            time.sleep(0.01)
    yield url
    engine.dispose()


@pytest.fixture(params=["URL", "engine"])
def waiting(server, request):
    """A store whose writes wait for the standby."""
    engine = create_engine(server)
    with SessionStore(server if request.param == "URL" else engine, deadline=0.5, gc_interval=None) as store:
        store.get("a")
        # The tests share a server, and each write is made although it is not acknowledged.
        yield store.prefixed(request.param)
    engine.dispose()


WRITES = {
    "set": lambda store: store.set("a", {"visits": 2}),
    "update": lambda store: store.update("b", lambda data: data | {"visits": 2}),
    "add": lambda store: store.add("c", {}),
    "rotate": lambda store: store.rotate("b", "d"),
    "destroy": lambda store: store.destroy("d"),
}


def test_a_write_that_no_standby_confirms_ends_at_the_deadline_and_is_not_acknowledged(waiting):
    for write in WRITES.values():
        start = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            write(waiting)
        assert caught.value.outcome_unknown
        assert time.monotonic() - start < 3
        assert waiting.has("nobody") is False


def test_a_write_whose_wait_somebody_cancels_is_not_acknowledged(server):
    ended: list[bool] = []
    engine = create_engine(make_url(server), isolation_level="AUTOCOMMIT")

    def cancel():
        with engine.connect() as connection:
            while not ended:
                connection.exec_driver_sql(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                )
                time.sleep(0.01)

    with SessionStore(server, deadline=60, gc_interval=None) as store:
        store.get("a")
        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(StoreUnavailable, match="no standby has confirmed the commit") as caught:
            store.set("a", {"visits": 3})
        ended.append(True)
        thread.join()
    assert caught.value.outcome_unknown
    engine.dispose()
