"""Web sessions in a table that can be searched: declared fields in real columns, the rest in one more."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._session.ids import new_session_id
from ._session.model import DayCount, LoadedSession, Outcome, Page, Record, Resealed, Saved
from ._session.serializer import Serializer
from ._sql.search import NULL
from ._table.reports import Answer, CorruptRow, Inspection, Moved, TableDifference, TableSizes, ValueCount
from .errors import (
    AccessDenied,
    ConfigurationError,
    ConstraintViolated,
    InvalidField,
    InvalidSessionId,
    MissingDependency,
    NoSuchSession,
    NotAnInteger,
    SchemaMismatch,
    SessionExists,
    SessionStoreError,
    SessionTooLarge,
    StatementFailed,
    StoreUnavailable,
    UnserializableValue,
    WrongArgument,
)
from .store import SessionStore

if TYPE_CHECKING:
    from ._table.mixins import SessionMixin, TimestampedSessionMixin

__all__ = [
    "NULL",
    "AccessDenied",
    "Answer",
    "ConfigurationError",
    "ConstraintViolated",
    "CorruptRow",
    "DayCount",
    "Inspection",
    "InvalidField",
    "InvalidSessionId",
    "LoadedSession",
    "MissingDependency",
    "Moved",
    "NoSuchSession",
    "NotAnInteger",
    "Outcome",
    "Page",
    "Record",
    "Resealed",
    "Saved",
    "SchemaMismatch",
    "Serializer",
    "SessionExists",
    "SessionMixin",
    "SessionStore",
    "SessionStoreError",
    "SessionTooLarge",
    "StatementFailed",
    "StoreUnavailable",
    "TableDifference",
    "TableSizes",
    "TimestampedSessionMixin",
    "UnserializableValue",
    "ValueCount",
    "WrongArgument",
    "new_session_id",
]


def __getattr__(name: str) -> Any:
    # The mixins need SQLAlchemy's ORM, which takes longer to import than the rest together.
    if name in {"SessionMixin", "TimestampedSessionMixin"}:
        return getattr(import_module("._table.mixins", __name__), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
