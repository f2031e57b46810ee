"""What the contracts can ask for beside what every test can."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from applications import application_engine
from sqlalchemy import DDL, MetaData, event
from sqlalchemy.orm import DeclarativeBase

from clocks import A_MOMENT, DatabaseClock
from databases import DATABASES, PGBOUNCER, through_pgbouncer
from leaks import nothing_leaks  # noqa: F401 - a fixture for every test here
from sealed import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from conftest import MakeStore
    from schema_session_backend import SessionStore

PARTITIONED = "postgresql, partitioned"
PARTITIONS = 2
SEALED = "sqlite, sealed"
KEY = new_key()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each database, unless it chooses by itself."""
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    names = [name for names in chosen for name in (names.split(",") if isinstance(names, str) else names)]
    if "url" not in metafunc.fixturenames or "url" in names:
        return
    marker = metafunc.definition.get_closest_marker
    # Only the partition's key can be unique on all partitions.
    partitioned = [PARTITIONED] if marker("partitioned_too") and not marker("unique_column") else []
    pooled = [PGBOUNCER] if marker("pgbouncer_too") else []
    sealed = [SEALED] if marker("partitioned_too") and not marker("unsealed") else []
    metafunc.parametrize("url", [*DATABASES, *partitioned, *pooled, *sealed], indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, each in turn."""
    if request.param == PGBOUNCER:
        return through_pgbouncer(tmp_path)
    return DATABASES[request.param.partition(",")[0]](tmp_path)


@pytest.fixture
def make_store(make_store: MakeStore, request: pytest.FixtureRequest) -> MakeStore:
    """Makes stores on one table, in partitions with `PARTITIONED`, and of sealed sessions with `SEALED`."""
    kind = request.node.callspec.params.get("url")
    if kind == SEALED:
        return partial(make_store, encryption_keys=[KEY])
    if kind != PARTITIONED:
        return make_store

    def make(*arguments: Any, **options: Any) -> SessionStore:
        store = make_store(*arguments, **options)
        partition_by_hash(store)
        return store

    return make


def partition_by_hash(store: SessionStore) -> None:
    """Have the store create its table in partitions, as docs/explanation/scale.md tells."""
    table = store.repo()
    table.dialect_options["postgresql"]["partition_by"] = f"HASH ({store.repo().primary_key.columns[0].name})"
    for number in range(PARTITIONS):
        partition = DDL(
            f"CREATE TABLE {table.fullname}_{number} PARTITION OF {table.fullname}"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
        )
        event.listen(table, "after_create", partition)


@pytest.fixture
def engine(url) -> Iterator[Engine]:
    """An application's own engine, which enforces foreign keys on SQLite too."""
    engine = application_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def metadata(engine, make_store) -> Iterator[MetaData]:
    """An application's own tables, dropped after the test."""
    metadata = MetaData()
    yield metadata
    metadata.drop_all(engine)


@pytest.fixture
def base(engine, table_name, make_store) -> Iterator[type[DeclarativeBase]]:
    """A declarative base whose tables are dropped after the test, with their names in `names`."""

    class Base(DeclarativeBase):
        names = (f"{table_name}_users", f"{table_name}_s")

    yield Base
    Base.metadata.drop_all(engine)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that this package and SQLAlchemy log, at the level that says most."""
    for name in ("schema_session_backend", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


@pytest.fixture
def frozen(make_store) -> Callable[..., tuple[SessionStore, DatabaseClock]]:
    """Makes stores on which the database's clock stands still until a test moves it."""

    def make(**options: Any) -> tuple[SessionStore, DatabaseClock]:
        store, clock = make_store(**options), DatabaseClock(A_MOMENT)
        store.wait_for_sync()
        clock.install(store)
        return store, clock

    return make
