"""What every test can ask for: a database's URL, stores with a table of their own, and a clock to move."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import MetaData, Table, create_engine, inspect
from sqlalchemy.schema import DropTable

from clocks import DatabaseClock
from databases import DATABASES
from schema_session_backend import SessionStore
from wire import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeStore = Callable[..., SessionStore]

SCHEMAS = "user_id Integer index; device String(50); ip String(45)"


@pytest.fixture(params=list(DATABASES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, each in turn."""
    return DATABASES[request.param](tmp_path)


@pytest.fixture
def table_name(url: str) -> Iterator[str]:
    """A table's name that nobody uses; the table is dropped after the test."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    yield name
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            if table.startswith(name):
                # Partitions go with their table.
                connection.execute(DropTable(Table(table, MetaData()), if_exists=True))
    engine.dispose()


@pytest.fixture
def make_store(url: str, table_name: str) -> Iterator[MakeStore]:
    """Makes stores on one table of the database; they are closed after the test."""
    made: list[SessionStore] = []

    def make(engine_or_url: Any = url, **options: Any) -> SessionStore:
        if "table" not in options:
            options = {"schemas": SCHEMAS, "table_name": table_name, **options}
        store = SessionStore(engine_or_url, **options)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> SessionStore:
    """A store with the columns `user_id`, `device` and `ip`, and timestamps."""
    return make_store(timestamps=True)


@pytest.fixture
def clock() -> DatabaseClock:
    """The database's clock for stores that `moved_store` makes."""
    return DatabaseClock()


@pytest.fixture
def moved_store(make_store: MakeStore, clock: DatabaseClock) -> MakeStore:
    """Makes stores like `make_store`, on which the database tells the time of `clock`."""

    def make(*arguments: Any, **options: Any) -> SessionStore:
        store = make_store(*arguments, **options)
        store.wait_for_sync()
        clock.install(store)
        return store

    return make


@pytest.fixture
def counter(url: str) -> Iterator[Counter]:
    """Counts what stores of `counted` send to the database."""
    counter = Counter(url)
    yield counter
    counter.close()


@pytest.fixture
def counted(make_store: MakeStore, counter: Counter) -> Iterator[MakeStore]:
    """Makes stores with timestamps whose every round trip passes the counter."""
    made: list[SessionStore] = []

    def make(**options: Any) -> SessionStore:
        store = make_store(counter.url, **{"timestamps": True, "sync_timeout": 10, **options})
        store.wait_for_sync()
        counter.watch(store._database.engine)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()
