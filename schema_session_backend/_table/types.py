"""The types of the base columns, as each database keeps them exactly."""

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
    """A moment: timezone-aware UTC in Python, to the microsecond, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """MariaDB's DATETIME has whole seconds unless told otherwise."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Convert to UTC, and drop the zone where the database has none."""
        if value is None:
            return None
        moment = value.astimezone(dt.UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Give the moment in UTC."""
        return None if value is None else as_utc(value)


def as_utc(value: dt.datetime) -> dt.datetime:
    """A moment in UTC; without a zone it is taken as UTC already."""
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def sid_type(*, hashed: bool = True) -> TypeEngine[str]:
    """The type of the column that holds the handle: compared byte for byte on every database."""
    length = HANDLE_LENGTH if hashed else MAX_LENGTH
    # MariaDB's ordinary collations take 'a' and 'a ' for equal, which a hash never meets.
    collation = "ascii_bin" if hashed else "ascii_nopad_bin"
    return (
        String(length)
        .with_variant(String(length, collation="C"), "postgresql")
        .with_variant(mysql.VARCHAR(length, charset="ascii", collation=collation), "mysql", "mariadb")
    )


def additional_type() -> TypeEngine[str]:
    """The type of the column for everything that is not declared; MariaDB's TEXT would cut it at 64 KiB."""
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
