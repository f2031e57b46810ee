"""Web sessions in a table that can be searched: declared fields in real columns, the rest in one more."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    ConfigurationError,
    ConstraintViolated,
    InvalidField,
    InvalidSessionId,
    MissingDependency,
    NotAnInteger,
    SchemaMismatch,
    SessionExists,
    SessionStoreError,
    SessionTooLarge,
    StatementFailed,
    StoreUnavailable,
    UnserializableValue,
)
from ._session.serializer import Serializer
from ._session.model import LoadedSession, Outcome, Record, Saved
from ._session.ids import new_session_id
from .store import SessionStore
from ._sql.survey import DayCount, Page

if TYPE_CHECKING:
    from ._table.mixins import SessionMixin, TimestampedSessionMixin

__all__ = [
    "ConfigurationError",
    "ConstraintViolated",
    "DayCount",
    "InvalidField",
    "InvalidSessionId",
    "LoadedSession",
    "MissingDependency",
    "NotAnInteger",
    "Outcome",
    "Page",
    "Record",
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
    "TimestampedSessionMixin",
    "UnserializableValue",
    "new_session_id",
]


def __getattr__(name: str) -> Any:
    # They need SQLAlchemy's ORM, which takes longer to import than the rest together.
    if name in {"SessionMixin", "TimestampedSessionMixin"}:
        return getattr(import_module("._table.mixins", __name__), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
