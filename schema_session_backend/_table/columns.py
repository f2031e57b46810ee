"""The declared columns as fields of a session: defaults, NULL, and how a value passes the driver."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import types as sa
from sqlalchemy.dialects import mysql

from ..errors import ConfigurationError, InvalidField
from .checks import IMMUTABLE, check_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Column, Dialect
    from sqlalchemy.sql.type_api import TypeEngine

    from .checks import Check


class _Omitted:
    """Stands for a value that the database fills in from the column's own default."""

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final = _Omitted()


@dataclass(frozen=True, slots=True)
class Field:
    """A declared column, seen from the session.

    `check` finds what is wrong with a value; `to_column` and `from_column` turn a checked value into what
    SQLAlchemy's type takes and back, where the type alone would lose something.
    """

    table: str
    column: Column[Any]
    name: str
    nullable: bool
    check: Check
    to_column: Callable[[Any], Any] | None = None
    from_column: Callable[[Any], Any] | None = None
    mutable: bool = False

    def value_of(self, value: Any) -> Any:
        """`value` itself, if it fits the column.

        Raises:
            InvalidField: naming the column and what it takes, never the value.
        """
        if value is None:
            if not self.nullable:
                raise InvalidField(self.table, self.name, "is NOT NULL and the session has None")
            return None
        problem = self.check(value)
        if problem is not None:
            raise InvalidField(self.table, self.name, problem)
        return copy.deepcopy(value) if self.mutable else value

    def absent(self) -> Any:
        """What a new row holds when the session has no such key: the column's default, or None for NULL.

        Raises:
            InvalidField: if the column is NOT NULL and has no default.
        """
        if self.has_database_default:
            return OMITTED
        default: Any = self.column.default
        if default is None:
            return self.removed_value()
        return self.value_of(default.arg(None) if default.is_callable else default.arg)

    @property
    def has_default(self) -> bool:
        """Whether a new row may hold something where the session has no such key."""
        return self.column.default is not None or self.column.server_default is not None

    @property
    def has_database_default(self) -> bool:
        """Whether the database fills the column in where the session has no such key."""
        default = self.column.default
        if default is None:
            return self.column.server_default is not None
        return not (default.is_scalar or default.is_callable)

    def removed_value(self) -> Any:
        """What a row holds that has lost this key: None for NULL.

        Raises:
            InvalidField: if the column is NOT NULL.
        """
        if not self.nullable:
            raise InvalidField(self.table, self.name, "is NOT NULL and the session has no such key")
        return None

    def bound(self, value: Any) -> Any:
        """A value that was checked, as SQLAlchemy's type takes it."""
        return value if value is None or value is OMITTED or self.to_column is None else self.to_column(value)

    def restored(self, value: Any) -> Any:
        """A value as SQLAlchemy's type gave it, as the session had it."""
        return value if value is None or self.from_column is None else self.from_column(value)


def field_of(table: str, column: Column[Any], dialect: Dialect) -> Field:
    """The field of a declared column, as it is on a dialect.

    Raises:
        ConfigurationError: if its type cannot hold values exactly there, or its default does not fit.
    """
    kind = column.type.dialect_impl(dialect)
    where = f"column {column.name!r} of table {table!r}"
    check = check_for(column.type, where, dialect)
    if column.default is not None and column.default.is_scalar and (problem := check(column.default.arg)):  # type: ignore[attr-defined]
        msg = f"{where}: its default does not fit, it {problem}"
        raise ConfigurationError(msg)
    to_column = from_column = None
    if isinstance(kind, sa.DateTime) and column.type.timezone and dialect.name != "postgresql":  # type: ignore[attr-defined]
        # These keep no zone: UTC goes in and comes out.
        to_column, from_column = _naive_utc, _aware_utc
    return Field(
        table=table,
        column=column,
        # A plain str, because it becomes a key of sessions, and SQLAlchemy has a class of its own here.
        name=str.__str__(column.name),
        nullable=bool(column.nullable),
        check=check,
        to_column=to_column,
        from_column=from_column,
        mutable=not isinstance(kind, IMMUTABLE),
    )


def exact(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """A generic type of SQLAlchemy, such that MariaDB keeps its values exactly as the others do.

    A variant that the application chose for a database stays as it is.
    """
    finer: TypeEngine[Any]
    if type(kind) is sa.DateTime:
        finer = mysql.DATETIME(fsp=6)
    elif type(kind) is sa.Time:
        finer = mysql.TIME(fsp=6)
    elif type(kind) is sa.Float and kind.precision is None:
        finer = mysql.DOUBLE(asdecimal=False)
    else:
        return kind
    chosen = kind._variant_mapping  # noqa: SLF001 - there is no public way to see it
    ours = [name for name in ("mysql", "mariadb") if name not in chosen]
    return kind.with_variant(finer, *ours) if ours else kind


def _naive_utc(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC).replace(tzinfo=None)


def _aware_utc(value: dt.datetime) -> dt.datetime:
    return value.replace(tzinfo=dt.UTC)
