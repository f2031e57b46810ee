"""Every type of SQLAlchemy: a column of it is refused as the store starts, or works at every start."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from mismatches import run
from sqlalchemy import JSON, Column, Integer, types
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.types import TypeEngine
from values import database_of, sqlalchemy_knows

from databases import DATABASES
from schema_session_backend import ConfigurationError, InvalidField, StatementFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from schema_session_backend import SessionStore

DIALECTS: dict[str, ModuleType] = {"sqlite": sqlite, "postgresql": postgresql, "mariadb": mysql}
MODULES = {module.__name__: module for module in (types, *DIALECTS.values())}
NO_TYPES = {"TypeDecorator", "Variant"}
# The arguments of the types that cannot do without, or are refused without.
SIZED = [9]
ARGUMENTS: dict[str, list[Any]] = {
    "NVARCHAR": SIZED, "Numeric": SIZED, "NUMERIC": SIZED, "DECIMAL": SIZED, "String": SIZED,
    "Unicode": SIZED, "VARBINARY": SIZED, "VARCHAR": SIZED,
    "ARRAY": [Integer], "DOMAIN": ["{table}_domain", Integer()], "ENUM": ["a", "b"], "Enum": ["a", "b"],
    "SET": ["a", "b"],
}  # fmt: skip
OPTIONS: dict[str, dict[ModuleType, dict[str, Any]]] = {
    "DATETIME": {mysql: {"fsp": 6}},
    "TIMESTAMP": {mysql: {"fsp": 6}},
    "TIME": {mysql: {"fsp": 6}},
    "DOUBLE": {mysql: {"asdecimal": False}},
    "DOUBLE_PRECISION": {mysql: {"asdecimal": False}},
    "Enum": {types: {"name": "{table}_enum"}},
    "ENUM": {postgresql: {"name": "{table}_enum"}},
}
DAY, MOMENT = dt.date(2000, 1, 2), dt.datetime(2000, 1, 2, 3)  # noqa: DTZ001
AWARE = MOMENT.replace(tzinfo=dt.UTC)
RANGES = [Range(1, 5), Range(Decimal(1), Decimal(5)), Range(DAY), Range(MOMENT), Range(AWARE)]
BIT = getattr(postgresql, "BitString", str)  # a str before SQLAlchemy 2.1
# One of these fits each type.
VALUES: list[Any] = [
    1, 2000, True, 1.5, Decimal(5), "a", "abcdefghi", ipaddress.ip_address("::1"), "::1",
    ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8", "08:00:2b:01:02:03",
    "08:00:2b:01:02:03:04:05", b"a", {"a"}, [1, 2],
    {"a": "1"}, UUID(int=5), BIT("1"), DAY, dt.time(1, 2, 3), MOMENT, AWARE, dt.timedelta(seconds=5),
    *RANGES, *([one] for one in RANGES),
]  # fmt: skip


def types_of(module: ModuleType) -> dict[str, type[TypeEngine[Any]]]:
    """A module's types by name; without those that only serve to be inherited from."""
    return {
        name: member
        for name, member in vars(module).items()
        if isinstance(member, type) and issubclass(member, TypeEngine) and name not in NO_TYPES
    }


EVERY = [
    (database, module.__name__, name)
    for database in DATABASES
    for module in (types, DIALECTS[database])
    for name, kind in sorted(types_of(module).items())
    if module is types or kind not in types_of(types).values()
    if sqlalchemy_knows(database, name)
]


@pytest.fixture(autouse=True)
def no_types_left(url: str, table_name: str) -> Iterator[None]:
    """Drops the types that PostgreSQL has beside the table."""
    yield
    if database_of(url) == "postgresql":
        run(
            url,
            f"DROP TABLE IF EXISTS {table_name}",
            f"DROP DOMAIN IF EXISTS {table_name}_domain",
            f"DROP TYPE IF EXISTS {table_name}_enum",
        )


@pytest.mark.filterwarnings("ignore:Did not recognize type", "ignore:Type object .* OperatorClass")
@pytest.mark.parametrize(("url", "module", "name"), EVERY, indirect=["url"])
def test_a_column_of_any_type_is_refused_at_the_start_or_works(
    make_store, url, table_name, module, name, caplog
):
    try:
        columns = [Column("field", made(MODULES[module], name, table_name))]
        for _ in range(2):
            store = make_store(schemas=columns)
            store.wait_for_sync()
    except ConfigurationError:
        return
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    value = next(value for value in VALUES if stores(store, value))

    assert store.get("a") == {"field": value}
    if isinstance(columns[0].type, JSON):
        with pytest.raises(InvalidField, match="is JSON, in which a keyword cannot search"):
            store.find(field=value)
    else:
        assert [record.data for record in store.find(field=value)] == [{"field": value}]
    store.save(store.load("a"), {"field": value, "cart": [1]})
    assert store.get("a") == {"field": value, "cart": [1]}


def made(module: ModuleType, name: str, table_name: str) -> Any:
    def named(value: Any) -> Any:
        return value.format(table=table_name) if isinstance(value, str) else value

    options = OPTIONS.get(name, {}).get(module, {})
    return types_of(module)[name](
        *map(named, ARGUMENTS.get(name, [])), **{option: named(value) for option, value in options.items()}
    )


def stores(store: SessionStore, value: Any) -> bool:
    try:
        store.set("a", {"field": value})
    except (InvalidField, StatementFailed):
        return False
    return True
