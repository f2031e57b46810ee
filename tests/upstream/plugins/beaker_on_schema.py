"""Beaker's own back ends are replaced by `schema`: whatever a test keeps in memory or files is in a table."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from beaker.cache import clsmap
from sqlalchemy import create_engine, inspect, text

from schema_session_backend.beaker import SchemaNamespaceManager

URL = f"sqlite:///{Path.cwd()}/sessions.db"
# Each access is written, as in Beaker's own back ends.
SETTINGS = {"url": URL, "touch_interval": 0}


class InTable(SchemaNamespaceManager):
    def __init__(self, namespace, **settings):
        make_folder(settings)
        # Beaker's own back ends pickle, and its tests store objects that are no plain data.
        super().__init__(namespace, **SETTINGS, serializer="pickle", **settings)


def make_folder(settings):
    """Make the folder of a back end for files, which tests remove at their end."""
    if settings.get("data_dir"):
        Path(settings["data_dir"]).mkdir(parents=True, exist_ok=True)


for own in ("memory", "dbm", "file"):
    clsmap._clsmap[own] = InTable


@pytest.fixture(autouse=True)
def _empty_tables():
    """Begin each test with empty tables, because tests remove the folder that their values were in."""
    engine = create_engine(URL)
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()


def pytest_collection_modifyitems(items):
    for module in {item.module for item in items if item.module.__name__ == "tests.test_session"}:
        # It wants the back end to be Beaker's, and empties it.
        module.TestSessionObject.setUp = lambda _self: None
        module.get_session = _later(module.get_session)


def _later(get_session):
    """Open each session some milliseconds after the one before, so that their times differ in the table."""

    def after_a_while(**settings):
        time.sleep(0.005)
        return get_session(**settings)

    return after_a_while
