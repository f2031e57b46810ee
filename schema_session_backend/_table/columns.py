"""The declared columns as fields of a session: their checks and defaults, NULL, and conversion of values."""

from __future__ import annotations

import copy
import datetime as dt
import marshal
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import types as sa
from sqlalchemy.dialects import mysql

from .._session.plain import Unstorable, plain_copy
from ..errors import ConfigurationError, InvalidField
from .checks import IMMUTABLE, check_for
from .paths import SOURCE, Path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Column, Dialect
    from sqlalchemy.sql.type_api import TypeEngine

    from .checks import Check


class _Omitted:
    """The type of `OMITTED`."""

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final = _Omitted()
"""Stands for the value of a column that a statement leaves out, so that the database sets its own default."""


# How the types are read that applications also keep as text, and their usual text.
_TEXTS: Final[tuple[tuple[Callable[[str], Any], Callable[[Any], str]], ...]] = (
    (int, str),
    (UUID, str),
    (Decimal, str),
    (dt.date.fromisoformat, dt.date.isoformat),
    (dt.datetime.fromisoformat, dt.datetime.isoformat),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A declared column as a field of the session.

    Attributes:
        table: the table's name, for error messages.
        column: SQLAlchemy's column.
        name: the column's name, which is the session's key.
        nullable: whether the column may be NULL.
        check: returns the problem with a value, or None.
        to_column: converts a checked value for SQLAlchemy's type, where the type would lose something.
        from_column: converts the value back.
        mutable: whether values can be changed in place, so that they have to be copied.
        is_json: whether the values are JSON, of which there is a faster copy.
        strict: whether instances of subclasses and lazy strings are refused.
        path: where a searchable copy has its value from; None for a column that is its key's home.
    """

    table: str
    column: Column[Any]
    name: str
    nullable: bool
    check: Check
    to_column: Callable[[Any], Any] | None = None
    from_column: Callable[[Any], Any] | None = None
    mutable: bool = False
    is_json: bool = False
    strict: bool = False
    path: Path | None = None

    def value_of(self, value: Any) -> Any:
        """Check a session's value, and return it, or the plain value of it; a mutable value is copied.

        Raises:
            InvalidField: naming the column and what it takes, never the value.
        """
        if value is None:
            if not self.nullable:
                raise InvalidField(self.table, self.name, "is NOT NULL and the session has None")
            return None
        if self.check(value) is not None:
            value, problem = self.fit(value)
            if problem is not None:
                raise InvalidField(self.table, self.name, problem)
        return self.copy_of(value)

    def fit(self, value: Any) -> tuple[Any, str | None]:
        """The value, or its plain value if only that fits, and the problem if neither does.

        None is not a value here.
        """
        problem = self.check(value)
        if problem is None or self.strict:
            return value, problem
        try:
            plain = plain_copy(value)
        except Unstorable as error:
            return value, f"{problem}; {error}"
        return plain, self.check(plain)

    def copy_of(self, value: Any) -> Any:
        """The value, copied if it can be changed in place."""
        if not self.mutable:
            return value
        if self.is_json:
            # An application's own deserializer may make values that marshal does not know.
            with suppress(ValueError):
                return marshal.loads(marshal.dumps(value, 2))  # noqa: S302 - made just now
        return copy.deepcopy(value)

    def copied(self, data: Mapping[str, Any]) -> Any:
        """The value of a searchable copy; text is converted if it is the usual text of a value that fits.

        Args:
            data: the whole session.

        Raises:
            InvalidField: naming the column and the path, never the value.
        """
        assert self.path is not None
        value = self.path.find(data)
        if value is None:
            if not self.nullable:
                missing = f"is NOT NULL and the session has nothing at {self.path}"
                raise InvalidField(self.table, self.name, missing)
            return None
        fitting, problem = self._fit_or_read(value)
        if problem is not None:
            raise InvalidField(self.table, self.name, f"{problem}; it is a copy of {self.path}")
        return self.copy_of(fitting)

    def named(self, value: Any) -> Any:
        """The column's value for one that another part of the application holds: 42 for "42", and back.

        Raises:
            InvalidField: naming the column, never the value.
        """
        fitting, problem = self._fit_or_read(value)
        if problem is not None and isinstance(value, (int, UUID)) and not isinstance(value, bool):
            fitting, problem = self.fit(str(value))
        if problem is not None:
            raise InvalidField(self.table, self.name, problem)
        return fitting

    def seen_in(self, data: Mapping[str, Any]) -> Any:
        """What the column holds for a session; None for nothing, and for a value that does not fit."""
        if self.path is None:
            return data.get(self.name)
        try:
            return self.copied(data)
        except InvalidField:
            return None

    def _fit_or_read(self, value: Any) -> tuple[Any, str | None]:
        """As `fit`; text also fits if it is the usual text of a value that fits."""
        fitting, problem = self.fit(value)
        if problem is None or not isinstance(fitting, str):
            return fitting, problem
        read = self._read(fitting)
        return (fitting, problem) if read is None else (read, None)

    def _read(self, text: str) -> Any:
        """The value that fits and whose usual text this is; None if there is none."""
        for read, write in _TEXTS:
            try:
                value = read(text)
            except (ValueError, ArithmeticError):
                continue
            if write(value) == text and self.check(value) is None:
                return value
        return None

    def absent(self) -> Any:
        """The value of the column in a new row, if the session does not have the key.

        Returns:
            the column's default; `OMITTED` if the database sets it, None for NULL if there is no default.

        Raises:
            InvalidField: if the column is NOT NULL and has no default, or if its default does not fit.
        """
        if self.has_database_default:
            return OMITTED
        default: Any = self.column.default
        if default is None:
            return self.removed_value()
        return self.value_of(default.arg(None) if default.is_callable else default.arg)

    @property
    def has_default(self) -> bool:
        """Whether the column has a default, which a new row gets if the session does not have the key."""
        return self.column.default is not None or self.column.server_default is not None

    @property
    def has_database_default(self) -> bool:
        """Whether the database sets the column's default, and not Python."""
        default = self.column.default
        if default is None:
            return self.column.server_default is not None
        return not (default.is_scalar or default.is_callable)

    def removed_value(self) -> Any:
        """The value of the column after the session has lost the key: None for NULL.

        Raises:
            InvalidField: if the column is NOT NULL.
        """
        if not self.nullable:
            raise InvalidField(self.table, self.name, "is NOT NULL and the session has no such key")
        return None

    def bound(self, value: Any) -> Any:
        """Convert a checked value to what SQLAlchemy's type takes."""
        return value if value is None or value is OMITTED or self.to_column is None else self.to_column(value)

    def restored(self, value: Any) -> Any:
        """Convert a value that SQLAlchemy's type returned to the session's value."""
        return value if value is None or self.from_column is None else self.from_column(value)


def field_of(table: str, column: Column[Any], dialect: Dialect, *, strict: bool) -> Field:
    """The field of a declared column.

    Args:
        table: the table's name.
        column: the column.
        dialect: the dialect of the database.
        strict: whether instances of subclasses and lazy strings are refused.

    Raises:
        ConfigurationError: if the database cannot keep values of the type exactly, or if the column's default
            does not fit.
    """
    where = f"column {column.name!r} of table {table!r}"
    check = check_for(column.type, where, dialect)
    _require_column(column, where, dialect)
    kind = column.type.dialect_impl(dialect)
    to_column = from_column = None
    if isinstance(kind, sa.DateTime) and column.type.timezone and dialect.name != "postgresql":  # type: ignore[attr-defined]
        # The other databases store no time zone, so values are stored in UTC.
        to_column, from_column = _naive_utc, _aware_utc
    elif isinstance(kind, sa.DateTime) and column.type.timezone:  # type: ignore[attr-defined]
        # The connection's time zone may show a moment at a local time that the clocks show twice.
        from_column = _in_utc
    field = Field(
        table=table,
        column=column,
        # SQLAlchemy's names are a subclass of str; this becomes a session's key, which has to be a plain str.
        name=str.__str__(column.name),
        nullable=bool(column.nullable),
        check=check,
        to_column=to_column,
        from_column=from_column,
        mutable=not isinstance(kind, IMMUTABLE),
        is_json=isinstance(kind, sa.JSON),
        strict=strict,
        path=Path(column.info[SOURCE], where) if SOURCE in column.info else None,
    )
    default: Any = column.default
    if field.path is not None and field.has_default:
        msg = f"{where}: a copy of {field.path} has no default of its own; leave it out"
        raise ConfigurationError(msg)
    if default is not None and default.is_scalar and (problem := field.fit(default.arg)[1]):
        msg = f"{where}: its default does not fit, it {problem}"
        raise ConfigurationError(msg)
    return field


def _require_column(column: Column[Any], where: str, dialect: Dialect) -> None:
    """Refuse a type of which the database's dialect makes no column, such as an abstract class."""
    if isinstance(column.type, sa.NullType):
        return  # until SQLAlchemy knows the column to which a foreign key refers
    try:
        column.type.compile(dialect=dialect)
    except Exception as error:  # noqa: BLE001 - SQLAlchemy raises anything here, also an AttributeError
        problem = str(error).splitlines()[0]
    else:
        return
    msg = f"{where}: {type(column.type).__name__} makes no column on {dialect.name}: {problem}"
    raise ConfigurationError(msg)


def exact(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type to declare instead of a generic type of SQLAlchemy, so that MariaDB keeps values exactly too.

    A variant that the application has chosen for MariaDB is kept.
    """
    finer: TypeEngine[Any]
    if type(kind) is sa.DateTime:
        finer = mysql.DATETIME(fsp=6)
    elif type(kind) is sa.Time:
        finer = mysql.TIME(fsp=6)
    elif type(kind) is sa.Float and kind.precision is None:
        finer = mysql.DOUBLE(asdecimal=False)
    elif isinstance(kind, (sa.NVARCHAR, sa.NCHAR)) and kind.collation is None:
        # MariaDB's national character set lacks emoji, and has a collation that ignores case.
        finer = (mysql.VARCHAR if isinstance(kind, sa.NVARCHAR) else mysql.CHAR)(kind.length)
    elif isinstance(kind, sa.String) and (charset := getattr(kind, "charset", None)) and not kind.collation:
        kind = kind.copy()
        kind.collation = f"{charset}_nopad_bin"
        return kind
    else:
        return kind
    chosen = kind._variant_mapping  # noqa: SLF001 - there is no public way to read the variants
    dialects = [name for name in ("mysql", "mariadb") if name not in chosen]
    return kind.with_variant(finer, *dialects) if dialects else kind


def _naive_utc(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC).replace(tzinfo=None)


def _in_utc(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC)


def _aware_utc(value: dt.datetime) -> dt.datetime:
    return value.replace(tzinfo=dt.UTC)
