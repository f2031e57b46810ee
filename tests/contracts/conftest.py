"""What the contracts can ask for beside what every test can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from applications import application_engine
from frozen import FrozenClock
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from schema_session_backend import SessionStore


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
def frozen(make_store) -> Callable[..., tuple[SessionStore, FrozenClock]]:
    """Makes stores on which the database's clock stands still until a test moves it."""

    def make(**options: Any) -> tuple[SessionStore, FrozenClock]:
        store, clock = make_store(**options), FrozenClock()
        store.wait_for_sync()
        clock.install(store._database.engine)
        return store, clock

    return make
