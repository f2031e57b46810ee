"""A session as a statement's values, and a selected row as a session."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any, Final

from .._session import ids
from .codec import Split
from .columns import OMITTED, Field
from .._session.serializer import CorruptText
from .._session.model import LoadedSession
from .declaration import as_utc

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from .codec import Codec
    from .._sql.database import Result
    from .._sql.query import Row
    from .declaration import SessionTable

    Values = dict[str, Any]

_log = logging.getLogger("schema_session_backend")

BASE_VALUES: Final = ("ssb_handle", "ssb_max_age", "ssb_additional", "ssb_revision")
NONE_OMITTED: Final[frozenset[str]] = frozenset()


class Rows:
    """Translates between sessions and the values that `Statements` take and give.

    Args:
        table: the sessions' table.
        codec: splits and merges.
        hashed: whether a handle may be logged, being no session id.
    """

    def __init__(self, table: SessionTable, codec: Codec, *, hashed: bool) -> None:
        self._table = table
        self._fields = table.fields
        self._width = len(table.fields)
        self._names = [f"ssb_field_{index}" for index in range(self._width)]
        self._comes_as_it_is = all(field.from_column is None for field in table.fields)
        self._codec = codec
        self._hashed = hashed

    def new(self, handle: str, split: Split, span: int | None) -> tuple[Values, frozenset[str]]:
        """The values for a new row, and the columns left to the database's default."""
        # A row that was deleted and stored anew counts on from somewhere else, so it is not taken for the
        # old one; the sum with all saves ever stays inside a BIGINT.
        values = self.known(handle, split, span, revision=secrets.randbits(62))
        if len(values) == len(BASE_VALUES) + self._width:
            return values, NONE_OMITTED
        return values, frozenset(
            field.name for field, name in zip(self._fields, self._names, strict=True) if name not in values
        )

    def known(self, handle: str, split: Split, span: int | None, *, revision: int) -> Values:
        """The values for a row that is there with this revision."""
        values = dict(zip(BASE_VALUES, (handle, span, split.additional, revision), strict=True))
        for name, field, value in zip(self._names, self._fields, split.columns, strict=True):
            if value is not OMITTED:
                values[name] = field.bound(value)
        return values

    def first(self, sid: str, handle: str, result: Result) -> LoadedSession | None:
        """The session that a load found; None for none, and for a corrupt one, which is logged and left."""
        return self._loaded(sid, handle, result, result.rows[0]) if result.rows else None

    def listed(self, result: Result) -> Iterator[LoadedSession]:
        """The sessions of rows that end with the handle, without the corrupt ones."""
        for row in result.rows:
            session = self._loaded("", row[-1], result, row)
            if session is not None:
                yield session

    def _loaded(self, sid: str, handle: str, result: Result, row: Row) -> LoadedSession | None:
        try:
            values = result.convert(row)
            additional, expire_at, revision, now, *rest = values[self._width :]
            columns = tuple(
                values[: self._width] if self._comes_as_it_is else map(Field.restored, self._fields, values)
            )
            base = Split(columns, additional)
            data = self._codec.merge(base)
            _require_numbers(revision, expire_at)
            created_at, updated_at = (
                map(_moment, rest[:2]) if self._table.created_at is not None else (None, None)
            )
        except Exception as error:  # noqa: BLE001 - whatever a hostile row provokes costs only its own session
            problem = (
                str(error)
                if type(error).__module__.startswith("schema_session_backend")
                else type(error).__name__
            )
        else:
            return LoadedSession(sid, handle, data, expire_at, now, created_at, updated_at, revision, base)
        public = handle if self._hashed else ids.hashed(handle)
        _log.warning(
            "table %r: session %s is corrupt and counts as absent: %s", self._table.name, public, problem
        )
        return None


def _require_numbers(revision: object, expire_at: object) -> None:
    # SQLite keeps any text in a column of numbers.
    if type(revision) is not int or (expire_at is not None and type(expire_at) is not int):
        raise CorruptText("a column of numbers holds something else")


def _moment(value: dt.datetime | None) -> dt.datetime | None:
    return None if value is None else as_utc(value)
