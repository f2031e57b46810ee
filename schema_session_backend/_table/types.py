"""The types of the base columns, chosen so that each database keeps their values exactly."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator

from .._session.ids import HANDLE_LENGTH, MAX_LENGTH

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.sql.type_api import TypeEngine


class UTCDateTime(TypeDecorator[dt.datetime]):
    """A timezone-aware datetime in UTC, with microseconds, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's type; MariaDB's DATETIME keeps whole seconds by default."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Convert to UTC, and drop the time zone on databases that store none."""
        if value is None:
            return None
        moment = value.astimezone(dt.UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Convert to UTC; databases that store no time zone return UTC without saying so."""
        return None if value is None else as_utc(value)


def as_utc(value: dt.datetime) -> dt.datetime:
    """Convert a datetime to UTC; a datetime without a time zone is UTC already."""
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def sid_type(*, hashed: bool = True) -> TypeEngine[str]:
    """The type of the handle's column, with a collation that compares byte for byte."""
    length = HANDLE_LENGTH if hashed else MAX_LENGTH
    # MariaDB's usual collations take 'a' and 'a ' for equal. A hash never ends with a blank, an id may.
    collation = "ascii_bin" if hashed else "ascii_nopad_bin"
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation=collation), "mysql", "mariadb")
    )


def additional_type() -> TypeEngine[str]:
    """The type of the column `additional`; MariaDB's TEXT has 64 KiB at most."""
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
