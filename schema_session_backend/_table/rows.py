"""The one translation between a session and its row: what a statement takes, what it selects, and back.

A statement takes its values by name. The names begin with `ssb_`, which keeps them apart from the names of an
application's columns.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import BigInteger, String, Text, bindparam

from .._session import ids
from .._session.model import Content, LoadedSession, Version
from .._session.plain import Unstorable, plain_value
from .._session.sealing import TRACE as TRACE_ROLE
from .._session.sealing import is_sealed
from .._session.serializer import name_of
from .._session.tags import CorruptText
from .._session.timeouts import shorter
from ..errors import InvalidField, SessionTooLarge, UnserializableValue
from .columns import OMITTED, Field
from .types import as_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import BindParameter, ColumnElement

    from .._session.sealing import Sealing
    from .._session.serializer import Serializer
    from .declaration import SessionTable

    Row = Sequence[Any]
    Convert = Callable[[Row], list[Any]]
    """Makes Python values of a driver's row; may raise anything if the row holds nonsense."""
    Values = dict[str, Any]

_log = logging.getLogger("schema_session_backend")

PREFIX: Final = "ssb_"
HANDLE: Final = "ssb_handle"
NEW_HANDLE: Final = "ssb_new_handle"
MAX_AGE: Final = "ssb_max_age"
"""Milliseconds until the session expires; None for never."""
ANONYMOUS_MAX_AGE: Final = "ssb_anonymous_max_age"
"""The same for a session without a user, where a statement cannot know whether there is one."""
ADDITIONAL: Final = "ssb_additional"
REVISION: Final = "ssb_revision"
LAST_REVISION: Final = "ssb_last_revision"
TRACE: Final = "ssb_trace"

LARGEST_REVISION: Final = 2**63 - 1 - 2**32
"""A session begins at a random revision of 62 bits, and is never saved so often that it gets there."""
TRACE_KEY: Final = "$rotated"
_ENDS_OF_TIME: Final = (dt.datetime.min, dt.datetime.max)  # noqa: DTZ901 - compared without a zone
NONE: Final[frozenset[str]] = frozenset()


class Unreadable:
    """Stands for a value of which the driver could make no Python value.

    Args:
        raw: the bytes that the database sent.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


class NewRow(NamedTuple):
    """A session as an INSERT takes it."""

    values: Values
    omitted: frozenset[str]
    """The columns that are left to the database's own default."""
    content: Content


class Rows:
    """Translates between sessions and the rows of one table.

    A declared key that is None stays in `additional` too, which tells it from a key that was never set: both
    are NULL in the column.

    Args:
        table: the sessions' table.
        serializer: makes the text for `additional`.
        sealing: seals that text for its row; None if it is stored as it is.
        max_size: bytes that the text may have before it is sealed.
        hashed: whether a handle may be logged, being no session id.
        strict: whether a session has to be exactly a dict.
        user_field: the declared column that tells whether a session has a user.
        anonymous_ms: milliseconds that no session without a user lives longer than unless it is used; None
            for no such limit.
    """

    handle: Final = bindparam(HANDLE, type_=String)
    new_handle: Final = bindparam(NEW_HANDLE, type_=String)
    revision: Final = bindparam(REVISION, type_=BigInteger)
    last_revision: Final = bindparam(LAST_REVISION, type_=BigInteger)
    trace: Final = bindparam(TRACE, type_=Text)
    anonymous_max_age: Final = bindparam(ANONYMOUS_MAX_AGE, type_=BigInteger)

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        table: SessionTable,
        serializer: Serializer,
        *,
        sealing: Sealing | None,
        max_size: int,
        hashed: bool,
        strict: bool,
        user_field: str | None,
        anonymous_ms: int | None,
    ) -> None:
        self._table = table
        self._fields = table.fields
        self._fields_by_name = [(field.name, field) for field in table.fields]
        self._width = len(table.fields)
        self._names = [f"{PREFIX}field_{index}" for index in range(self._width)]
        self._all_names = (HANDLE, MAX_AGE, ADDITIONAL, REVISION, *self._names)
        self._goes_as_it_is = all(field.to_column is None for field in table.fields)
        self._comes_as_it_is = all(field.from_column is None for field in table.fields)
        self._has_defaults = any(field.has_default for field in table.fields)
        self._has_database_defaults = any(field.has_database_default for field in table.fields)
        self._has_stamps = table.created_at is not None
        self._homes = [(index, field) for index, field in enumerate(table.fields) if field.path is None]
        self._copies = [(index, field) for index, field in enumerate(table.fields) if field.path is not None]
        self._checks = [(field.name, field.check) for _, field in self._homes]
        self._mutable = [index for index, field in enumerate(table.fields) if field.mutable]
        self._serializer = serializer
        self._sealing = sealing
        self.is_bound = sealing is not None
        """Whether a text opens in its own row only, so that a new handle takes a new text."""
        self.max_size: Final = max_size
        self._hashed = hashed
        self._strict = strict
        self._anonymous_ms = anonymous_ms
        self._user_index: int | None = None
        self.user: ColumnElement[Any] | None = None
        """The column that is NULL for a session without a user; None if all live equally long."""
        if anonymous_ms is not None:
            for index, field in enumerate(table.fields):
                if field.name == user_field:
                    self._user_index, self.user = index, field.column

    # -- what statements are made of

    def selected(self, now: ColumnElement[int]) -> list[ColumnElement[Any]]:
        """What a statement selects for `first` and `listed`; `now` is the database's clock in ms."""
        table = self._table
        columns: list[ColumnElement[Any]] = [field.column for field in self._fields]
        columns += [table.additional, table.expire_at, table.revision, now.label("now_ms")]
        return columns + table.stamps

    @property
    def content_columns(self) -> list[str]:
        """The names of the columns that hold a session's data."""
        return [self._table.additional.name, *(field.name for field in self._fields)]

    def parameters(
        self, omitted: frozenset[str] = NONE, number: int | None = None
    ) -> dict[str, BindParameter[Any]]:
        """The parameters that a statement stores a session with, by the names of the columns.

        That of the expiry takes how many milliseconds it is away.

        Args:
            omitted: names of columns to leave out.
            number: tells the values of several sessions in one statement apart; see `numbered`.
        """
        table, suffix = self._table, "" if number is None else f"_{number}"
        fields = {
            field.name: bindparam(name + suffix, type_=field.column.type)
            for name, field in zip(self._names, self._fields, strict=True)
            if field.name not in omitted
        }
        return {
            table.sid.name: bindparam(HANDLE + suffix, type_=String),
            **fields,
            table.additional.name: bindparam(ADDITIONAL + suffix, type_=table.additional.type),
            table.expire_at.name: bindparam(MAX_AGE + suffix, type_=BigInteger),
            table.revision.name: bindparam(REVISION + suffix, type_=BigInteger),
        }

    # -- from a session to its row

    def new(self, handle: str, data: Mapping[str, Any], span: int | None) -> NewRow:
        """The row of a new session, or of a session that replaces whatever is stored.

        Args:
            handle: the session's.
            data: the whole session.
            span: milliseconds until it expires, or None for never.

        Raises:
            InvalidField: if a value does not fit its column, or a key has the name of a base column.
            UnserializableValue: if a value would not come back equal.
            SessionTooLarge: if the rest is larger than `max_size`.
        """
        content = self._content(data, Field.absent)
        # Start at a random revision, so that a save based on a deleted row cannot match its successor.
        # 62 bits leave room to count inside a BIGINT.
        revision = random.getrandbits(62)
        values = self.values(handle, content, span, revision)
        omitted = self._omitted(content) if self._has_database_defaults else NONE
        return NewRow(values, omitted, content)

    def content(self, data: Mapping[str, Any], base: Content) -> Content:
        """What the row of a stored session will hold; a key that the session lost becomes NULL.

        A column that the database has filled in with a default, which nobody has read yet, stays so.

        Args:
            data: the whole session.
            base: what the row held before.

        Raises as `new` does.
        """
        if not self._has_database_defaults:
            return self._content(data, Field.removed_value, base)
        unread = {
            field.name for field, value in zip(self._fields, base.columns, strict=True) if value is OMITTED
        }
        return self._content(
            data, lambda field: OMITTED if field.name in unread else field.removed_value(), base
        )

    def promoted(self, content: Content) -> Content:
        """The same session with each key in its column, and each searchable copy filled.

        Raises:
            InvalidField: if a value does not fit its column.
        """
        columns = content.columns
        if any(columns[index] is OMITTED for index, _ in self._homes):
            return content
        return self._content(self.join(content), Field.removed_value)

    def demoted(self, content: Content, name: str) -> Content:
        """The same session with a key in `additional` instead of its column.

        Raises:
            SessionTooLarge: if `additional` is then larger than `max_size`.
        """
        index = [field.name for field in self._fields].index(name)
        value = content.columns[index]
        if value is None or value is OMITTED:
            return content
        rest = self.join(content)
        for other, field in self._homes:
            if other != index and content.columns[other] is not None:
                rest.pop(field.name, None)
        additional = self._serializer.dumps(rest)
        if (size := self._size(additional)) > self.max_size:
            raise self._too_large(rest, size)
        columns = (*content.columns[:index], None, *content.columns[index + 1 :])
        return Content(columns, additional)

    def is_whole(self, content: Content) -> bool:
        """Whether the value of each column is known, so that a statement can replace the row."""
        return not self._has_database_defaults or not self._omitted(content)

    def values(
        self, handle: str, content: Content, span: int | None, revision: int, *, new_handle: str | None = None
    ) -> Values:
        """The values for a statement that stores a session, and gives it `new_handle` if that is given."""
        columns, additional = content.columns, content.additional
        span = self.span(content, span)
        if not self._goes_as_it_is:
            columns = tuple(map(Field.bound, self._fields, columns))
        if self._sealing is not None:
            additional = self._sealing.seal(additional, new_handle or handle)
        values = (handle, span, additional, revision, *columns)
        return dict(zip(self._all_names, values, strict=True))

    def span(self, content: Content, span: int | None) -> int | None:
        """How long a session of that content lives if it is saved now, in milliseconds; None for ever.

        Args:
            content: tells whether the session has a user.
            span: how long it lives if it has one.
        """
        if self._user_index is None or content.columns[self._user_index] is not None:
            return span
        return shorter(span, self._anonymous_ms)

    def touched(self, handle: str, span: int | None) -> Values:
        """The values for a statement that touches a session."""
        values: Values = {HANDLE: handle, MAX_AGE: span}
        if self._user_index is not None:
            values[ANONYMOUS_MAX_AGE] = shorter(span, self._anonymous_ms)
        return values

    def checked(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A session's data as a dict.

        Raises:
            UnserializableValue: if it is no mapping, or one with several values of a key; with `strict`, if
                it is not exactly a dict.
        """
        if type(data) is dict:
            return data
        problem = f"a session is a dict, not {type(data).__name__}"
        if not self._strict:
            try:
                if isinstance(data, dict):
                    plain: dict[str, Any] = plain_value(data)
                    return plain
                if isinstance(data, Mapping) and len(plain := dict(data)) == len(data):
                    return plain
            except Unstorable as error:
                problem = str(error)
        raise UnserializableValue("<session>", problem)

    def with_defaults(self, data: dict[str, Any], content: Content) -> dict[str, Any]:
        """The data of a new row, with the columns' defaults for keys that it did not have."""
        return self.join(content) if self._has_defaults else data

    @staticmethod
    def numbered(rows: Sequence[Values]) -> Values:
        """The values of several sessions for one statement."""
        return {f"{name}_{number}": value for number, row in enumerate(rows) for name, value in row.items()}

    def changed(self, content: Content, base: Content) -> frozenset[str]:
        """The names of the declared columns whose values differ."""
        pairs = zip(self._fields_by_name, content.columns, base.columns, strict=True)
        return frozenset(
            name
            for (name, field), value, old in pairs
            if value is not old and (value != old or field.mutable)
        )

    def has_same(self, content: Content, other: Content) -> bool:
        """Whether two contents are equal sessions."""
        return content == other and all(
            self.same(content.columns[index], other.columns[index]) for index in self._mutable
        )

    def same(self, value: object, other: object) -> bool:
        """Whether two values of a session are equal with equal types at every depth."""
        try:
            return self._serializer.same(value, other)
        except UnserializableValue:
            # Only a declared column's own type has such a value, and there equality is exact.
            return type(value) is type(other) and value == other

    def _content(
        self, data: Mapping[str, Any], without: Callable[[Field], Any], base: Content | None = None
    ) -> Content:
        rest = dict(self.checked(data))
        if not self._table.reserved.isdisjoint(rest):
            # Other software has such keys, and a request that changes something else has to be saved.
            known = {} if base is None else self.join(base)
            clash = next((key for key in rest if key in self._table.reserved and key not in known), None)
            if clash is not None:
                raise InvalidField(self._table.name, clash, "is a base column; the session needs another key")
        columns: list[Any] = [None] * self._width
        for index, field in self._homes:
            name = field.name
            if name in rest:
                value = field.value_of(rest[name])
                if value is not None:
                    del rest[name]
            else:
                value = without(field)
            columns[index] = value
        additional = self._serializer.dumps(rest)
        size = self._size(additional)
        if size > self.max_size:
            raise self._too_large(rest, size)
        if self._copies:
            self._copy(data, columns, additional, base)
        return Content(tuple(columns), additional)

    def _copy(
        self, data: Mapping[str, Any], columns: list[Any], additional: str, base: Content | None
    ) -> None:
        """Put the values of the searchable copies into `columns`."""
        for index, field in self._copies:
            try:
                columns[index] = field.copied(data)
            except InvalidField:
                # A session may be older than the declaration, and a request that only reads must not fail.
                if base is None or not self._is_unchanged(columns, additional, base):
                    raise
                columns[index] = base.columns[index]

    def _is_unchanged(self, columns: list[Any], additional: str, base: Content) -> bool:
        return additional == base.additional and all(
            columns[index] == base.columns[index] for index, _ in self._homes
        )

    def _omitted(self, content: Content) -> frozenset[str]:
        columns = zip(self._fields, content.columns, strict=True)
        return frozenset(field.name for field, value in columns if value is OMITTED)

    def _too_large(self, rest: Mapping[str, Any], size: int) -> SessionTooLarge:
        largest = max(rest, key=lambda key: len(self._serializer.dumps({key: rest[key]})))
        problem = (
            f"the session takes {size} bytes beside its columns and max_size allows {self.max_size};"
            f" its largest key is {name_of(largest)!r}: store less, or raise max_size"
        )
        return SessionTooLarge(problem, size=size, limit=self.max_size)

    # -- the trace that a change of the id leaves under the old id

    def trace_to(self, new_handle: str, handle: str) -> str:
        """The text of a trace under `handle`.

        It is no secret, because whoever reads it could read the new handle itself. It is sealed all the same,
        because by a forged trace a request would save its changes in another session.
        """
        text = json.dumps({TRACE_KEY: new_handle})
        return text if self._sealing is None else self._sealing.seal(text, handle, TRACE_ROLE)

    def traced(self, text: Any, handle: str) -> str | None:
        """The new handle in the text of a trace under `handle`; None for a corrupt text."""
        try:
            opened = text if self._sealing is None else self._sealing.open(text, handle, TRACE_ROLE)
            handle = json.loads(opened)[TRACE_KEY]
        except Exception:  # noqa: BLE001 - a hostile text may cause any error
            return None
        return handle if isinstance(handle, str) else None

    # -- from a row to its session

    @staticmethod
    def size(content: Content) -> int:
        """Bytes that a session takes beside its columns."""
        return 0 if content.additional is None else Rows._size(content.additional)

    @staticmethod
    def _size(additional: str) -> int:
        return len(additional) if additional.isascii() else len(additional.encode())

    def first(self, sid: str, handle: str, rows: Sequence[Row], convert: Convert) -> LoadedSession | None:
        """The session that a load found; None for none, and for a corrupt row, which is logged and left."""
        return self._decode(sid, handle, rows[0], convert, self._log) if rows else None

    def listed(
        self, rows: Iterable[Row], convert: Convert, *, told: Callable[[str, str], object] | None = None
    ) -> Iterator[LoadedSession]:
        """The sessions of rows that end with the handle, without those of corrupt rows.

        Args:
            rows: as the driver returned them.
            convert: makes Python values of them.
            told: is called with the name and the problem of each corrupt row; otherwise the log tells them.
        """
        for row in rows:
            session = self._decode("", row[-1], row, convert, told or self._log)
            if session is not None:
                yield session

    def is_handle(self, value: object) -> bool:
        """Whether a row's primary key is a handle; whoever can write to the table can put anything there."""
        return ids.is_handle(value) if self._hashed else ids.is_possible(value)

    def named_in_log(self, handle: object) -> str:
        """What the log calls a row: a hash, and no text that somebody else chose."""
        return str(handle) if self._hashed and ids.is_handle(handle) else ids.fingerprint(_bytes_of(handle))

    def join(self, content: Content) -> dict[str, Any]:
        """The data of a session's row, freshly made.

        Raises:
            ValueError: if the row is corrupt.
        """
        # Other software has NULL for nothing.
        data: dict[str, Any] = (
            {} if content.additional is None else self._serializer.loads(content.additional)
        )
        for index, field in self._homes:
            value = content.columns[index]
            # A value in `additional` was saved later, by a version of the application that does not declare
            # the column: whoever declares it moves the value.
            if value is not None and value is not OMITTED and data.get(field.name) is None:
                data[field.name] = field.copy_of(value) if field.mutable else value
        return data

    def resealed(self, handle: str, additional: str | None) -> str:
        """The text of a row in the form in which it would be written now.

        Raises:
            CorruptText: if it cannot be opened.
        """
        assert self._sealing is not None
        opened = self._sealing.open(additional, handle)
        return self._sealing.seal(self._serializer.dumps({}) if opened is None else opened, handle)

    def fields_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """See `SessionStore.fields_of`."""
        return {field.name: field.seen_in(data) for field in self._fields}

    def restored(self, name: str, value: Any) -> Any:
        """The session's value for one of a column that the statement's conversion has converted."""
        return dict(self._fields_by_name)[name].restored(value)

    def value_named(self, name: str, value: Any) -> Any:
        """See `Field.named`, for the column of a name."""
        return dict(self._fields_by_name)[name].named(value)

    def _decode(
        self, sid: str, handle: str, row: Row, convert: Convert, told: Callable[[str, str], object]
    ) -> LoadedSession | None:
        width = self._width
        try:
            values = convert(row)
            # Without an id, the handle is what the row has as its primary key.
            if not sid and not self.is_handle(handle):
                raise CorruptText("its primary key is no handle")  # noqa: TRY301
            columns = values[:width] if self._comes_as_it_is else map(Field.restored, self._fields, values)
            additional, expiry, revision, now = values[width : width + 4]
            content = Content(tuple(columns), self._opened(additional, handle))
            data = self.join(content)
            if self._hashed and not self._table.reserved.isdisjoint(data):
                # Where ids are stored as they are, other software may have stored it.
                raise CorruptText("a key has the name of a base column")  # noqa: TRY301
            for name, check in self._checks:
                value = data.get(name)
                if value is not None and (misfit := check(value)) is not None:
                    raise CorruptText(f"column {name!r} {misfit}")  # noqa: TRY301
            # SQLite keeps any text in a column of numbers.
            if type(revision) is not int or (expiry is not None and type(expiry) is not int):
                raise CorruptText("a column of numbers holds something else")  # noqa: TRY301
            if revision >= LARGEST_REVISION:
                raise CorruptText("its revision cannot be counted on")  # noqa: TRY301
            created_at = updated_at = None
            if self._has_stamps:
                created_at, updated_at = map(_moment, values[width + 4 : width + 6])
        except Exception as error:  # noqa: BLE001 - whatever a hostile row provokes costs only its own session
            problem = self._problem(error, row)
        else:
            version = Version(revision, content, expiry, now)
            return LoadedSession(sid, handle, data, created_at, updated_at, version)
        told(self.named_in_log(handle), problem)
        return None

    def _log(self, name: str, problem: str) -> None:
        _log.warning(
            "table %r: session %s is corrupt and counts as absent: %s", self._table.name, name, problem
        )

    def _opened(self, additional: str | None, handle: str) -> Any:
        """The text as the serializer made it, or NULL.

        Raises:
            CorruptText: if it does not open, or is too large.
        """
        opened = additional if self._sealing is None else self._sealing.open(additional, handle)
        if opened is not None and self._size(opened) > self.max_size:
            raise CorruptText("it takes more bytes than max_size allows")
        return opened

    def _problem(self, error: Exception, row: Row) -> str:
        """Why a row is corrupt, in words that show nothing of it."""
        if self._sealing is None and is_sealed(row[self._width]):
            return "it is sealed, and there are no encryption_keys"
        is_own = type(error).__module__.startswith("schema_session_backend")
        return str(error) if is_own else type(error).__name__


def _bytes_of(handle: object) -> bytes:
    if isinstance(handle, Unreadable):
        return handle.raw
    return handle if isinstance(handle, bytes) else str(handle).encode(errors="surrogatepass")


def _moment(value: dt.datetime | None) -> dt.datetime | None:
    # What psycopg2 makes of an infinite moment, with which the database cannot compute a timeout.
    if value is not None and value.replace(tzinfo=None) in _ENDS_OF_TIME:
        msg = "a timestamp is infinite"
        raise CorruptText(msg)
    return None if value is None else as_utc(value)
