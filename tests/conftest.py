"""What every test can ask for: a database's URL, stores with a table of their own, and a clock to move."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import MetaData, Table, create_engine, inspect, make_url
from sqlalchemy.schema import DropTable

from clocks import DatabaseClock
from databases import DATABASES, chosen_databases, chosen_drivers
from schema_session_backend import SessionStore
from servers import find_for_workers
from wire import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Engine

    MakeStore = Callable[..., SessionStore]


def pytest_configure(config: pytest.Config) -> None:
    """End at once where `TEST_DATABASES` is wrong."""
    chosen_databases()


def pytest_report_header(config: pytest.Config) -> str:
    """Say on which databases the tests run."""
    chosen = chosen_databases()
    left_out = ", ".join(name for name in DATABASES if name not in chosen)
    variable = "TEST_DATABASES" if os.environ.get("TEST_DATABASES") else "TEST_DRIVERS"
    drivers = "".join(f"; with {driver} on {name}" for name, driver in chosen_drivers().items())
    return f"databases: {', '.join(chosen)}{drivers}" + (
        f"; {variable} leaves out {left_out}" if left_out else ""
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of databases that `TEST_DATABASES` leaves out."""
    wanted = {None, *chosen_databases()}
    pooled = "pgbouncer" in chosen_drivers().values()

    def is_wanted(item: pytest.Item) -> bool:
        return _database_of(item) in wanted and not (pooled and item.get_closest_marker("own_connection"))

    left_out = [item for item in items if not is_wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if is_wanted(item)]


def _database_of(item: pytest.Item) -> str | None:
    """The name of the database that a test runs on; None if it chooses its own or needs none."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return None
    # A table in partitions is "postgresql, partitioned"; a place of tests/faults is "PostgreSQL with ...".
    words = [
        str(callspec.params.get("url")).partition(",")[0],
        str(callspec.params.get("place")).partition(" ")[0].lower(),
    ]
    return next((word for word in words if word in DATABASES), None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Find the servers before pytest-xdist starts its workers, which share them."""
    is_worker = hasattr(session.config, "workerinput")
    if session.config.getoption("dist", "no") != "no" and not is_worker:
        find_for_workers(chosen_databases())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run tests that are named one by one in this process: they start sooner, and a debugger works."""
    return 0 if all("::" in argument for argument in config.args) else None


SCHEMAS = "user_id Integer index; device String(50); ip String(45)"


@pytest.fixture(params=list(DATABASES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, each in turn."""
    return DATABASES[request.param](tmp_path)


@pytest.fixture(scope="session")
def own_tables() -> Iterator[Callable[[str], AbstractContextManager[str]]]:
    """For a database's URL, a prefix of names for tables, which are dropped at the end of the block."""
    # Kept, because to connect takes longer than to drop a table.
    engines: dict[str, Engine] = {}

    @contextmanager
    def own_tables(url: str) -> Iterator[str]:
        prefix = f"t_{uuid.uuid4().hex[:12]}"
        yield prefix
        if make_url(url).get_backend_name() == "sqlite":
            return  # The file is the test's own.
        if url not in engines:
            # Through PgBouncer nothing may be prepared.
            psycopg = make_url(url).get_driver_name() == "psycopg"
            engines[url] = create_engine(url, connect_args={"prepare_threshold": None} if psycopg else {})
        with engines[url].begin() as connection:
            for table in inspect(connection).get_table_names():
                if table.startswith(prefix):
                    # Partitions go with their table.
                    connection.execute(DropTable(Table(table, MetaData()), if_exists=True))

    yield own_tables
    for engine in engines.values():
        engine.dispose()


@pytest.fixture
def table_name(url: str, own_tables: Callable[[str], AbstractContextManager[str]]) -> Iterator[str]:
    """A table's name that nobody uses; the table is dropped after the test."""
    with own_tables(url) as name:
        yield name


@pytest.fixture
def make_store(url: str, table_name: str) -> Iterator[MakeStore]:
    """Makes stores on one table of the database; they are closed after the test."""
    made: list[SessionStore] = []

    def make(engine_or_url: Any = url, **options: Any) -> SessionStore:
        table = {} if "table" in options else {"schemas": SCHEMAS, "table_name": table_name}
        # By default expired sessions would be removed in the background, at a moment that chance decides.
        store = SessionStore(engine_or_url, **{"gc_interval": None} | table | options)
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
        store.close()
        counter.watch(store.engine)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()
