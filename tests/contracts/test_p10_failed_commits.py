"""P10: a commit that failed may have been done, as on a node of Galera that loses its quorum."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from schema_session_backend import StoreUnavailable

pytestmark = pytest.mark.parametrize("url", ["mariadb"], indirect=True)


@pytest.fixture
def store(make_store, url):
    """A store whose server answers each write as a node that loses its quorum during the commit."""
    store = make_store()
    store.set("a", {"visits": 1})
    name = store.repo().name
    engine = create_engine(url)
    with engine.begin() as connection:
        for event in ("INSERT", "UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {name}_{event} BEFORE {event} ON {name} FOR EACH ROW"
                " SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1180"
            )
    engine.dispose()
    return store


WRITES = {
    "set": lambda store: store.set("a", {"visits": 2}),
    "update": lambda store: store.update("a", lambda data: data | {"visits": 2}),
    "save": lambda store: store.save(store.load("a"), {"visits": 2}),
    "add": lambda store: store.add("b", {}),
    "rotate": lambda store: store.rotate("a", "b"),
    "destroy": lambda store: store.destroy("a"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_whose_commit_failed_is_unknown(store, write):
    with pytest.raises(StoreUnavailable, match="failed to commit") as caught:
        write(store)

    assert caught.value.outcome_unknown
    assert store.get("a") == {"visits": 1}
