"""Whether a column of one type keeps every value of another, as far as SQL's names and sizes tell."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from operator import ge
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Enum
from sqlalchemy.types import NullType, TypeDecorator, UserDefinedType

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.sql.type_api import TypeEngine

    from .vendors.base import Vendor

    Measures = tuple[Any, ...]

UNKNOWN: Final = "unknown"
"""The group of a type in the database that SQLAlchemy does not recognise, such as MariaDB's INET6."""
OWN: Final = "own"
"""The group of a `UserDefinedType`, whose SQL only the application and the database understand."""
OTHER: Final = "other"
"""The group of the types that are compared by their names, such as DATE."""
TEXT: Final = "text"
BYTES: Final = "bytes"

_SYNONYMS: Final = {
    "INT": "INTEGER",
    "BOOL": "BOOLEAN",
    "DECIMAL": "NUMERIC",
    "DOUBLE": "DOUBLE PRECISION",
    "CHARACTER VARYING": "VARCHAR",
    "NVARCHAR": "VARCHAR",
    "NATIONAL VARCHAR": "VARCHAR",
    "NCHAR": "CHAR",
    "NATIONAL CHAR": "CHAR",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIME WITHOUT TIME ZONE": "TIME",
}
_BITS: Final = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INTEGER": 32, "BIGINT": 64}
# The most characters or bytes, where no size says less.
_LONGEST: Final = {
    TEXT: {
        "VARCHAR": math.inf,
        "TINYTEXT": 2**8 - 1,
        "TEXT": 2**16 - 1,
        "MEDIUMTEXT": 2**24 - 1,
        "LONGTEXT": 2**32 - 1,
    },
    BYTES: {
        "BYTEA": math.inf,
        "VARBINARY": math.inf,
        "TINYBLOB": 2**8 - 1,
        "BLOB": 2**16 - 1,
        "MEDIUMBLOB": 2**24 - 1,
        "LONGBLOB": 2**32 - 1,
    },
}
# Values of these that are shorter than their size are padded.
_PADDED: Final = {"CHAR": TEXT, "BINARY": BYTES}
_FRACTIONAL: Final = {"NUMERIC", "DOUBLE PRECISION", "FLOAT", "REAL"}
_TIMES: Final = {"TIME", "TIME WITH TIME ZONE", "DATETIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
_DEFAULT_SIZES: Final = {"CHAR": (1,), "BINARY": (1,), "BIT": (1,)}
# The sizes of these types say no more than the width in which a client shows them.
_SHOWN_IN: Final = {"YEAR"}
# Binary digits of a FLOAT that takes 4 bytes; with more of them it is a DOUBLE PRECISION.
_SINGLE_PRECISION: Final = 24

# The most digits of a fraction of a second.
MICROSECONDS: Final = 6

_COLLATION = re.compile(r" (?:CHARACTER SET \w+|COLLATE \S+)", re.IGNORECASE)
_NAME_AND_SIZES = re.compile(
    r"(?P<name>[A-Z][A-Z0-9_ ]*?) ?(?:\((?P<sizes>[\d, ]+)\))?(?P<more>(?: [A-Z]+)*)"
)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type as one database has it.

    Attributes:
        sql: its name and sizes in a statement.
        collation: its clauses CHARACTER SET and COLLATE in a statement; empty for the usual ones.
        group: the types that can be compared with it by their measures.
        measures: a type keeps all values of another of its group if none of its measures is smaller.
        values: what an ENUM or a SET takes, in order.
    """

    sql: str
    collation: str
    group: str
    measures: Measures
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: TypeEngine[Any], dialect: Dialect, vendor: Vendor) -> ColumnType:
        """A declared type, or one that SQLAlchemy found in the database."""
        plain = kind.type_engine(dialect) if isinstance(kind, TypeDecorator) else kind.dialect_impl(dialect)
        if isinstance(plain, NullType):
            return cls("of a type that SQLAlchemy does not know", "", UNKNOWN, ())
        text = str(kind.compile(dialect=dialect))
        sql, collation = _COLLATION.sub("", text), "".join(_COLLATION.findall(text))
        if isinstance(plain, UserDefinedType):
            return cls(sql, collation, OWN, ())
        values = _values(plain, dialect)
        if values:
            # PostgreSQL keeps the values outside of the table, under a name that may have a schema before it.
            name = sql.partition("(")[0].rpartition(".")[2]
            return cls(sql, collation, f"values of {name}", (frozenset(map(_unescaped, values)),), values)
        return cls(sql, collation, *_measured(sql, vendor))

    def __str__(self) -> str:
        """How a message calls it."""
        is_named = self.values and "(" not in self.sql
        return f"{self.sql}({', '.join(map(repr, self.values))})" if is_named else self.sql

    def holds(self, other: ColumnType) -> bool:
        """Whether a column of this type keeps every value of the other as it is."""
        if other.group in {OWN, UNKNOWN} or (self.group == UNKNOWN and other.group == OTHER):
            return True
        return self.group == other.group and all(map(ge, self.measures, other.measures))

    @property
    def is_padded(self) -> bool:
        """Whether values that are shorter than the size are padded."""
        return self.measures[1:] == (-self.measures[0],)

    def lacks(self, other: ColumnType) -> list[str]:
        """The values of another ENUM or SET that this one does not take."""
        return [value for value in other.values if _unescaped(value) not in self.measures[0]]

    def can_become(self, other: ColumnType) -> bool:
        """Whether a column of this type can be widened to hold the other, all its values being kept."""
        return other.holds(self) or bool(self.values and self.group == other.group)


def _values(kind: TypeEngine[Any], dialect: Dialect) -> tuple[str, ...]:
    if isinstance(kind, Enum):
        return tuple(kind.enums) if kind.native_enum and dialect.supports_native_enum else ()
    return tuple(getattr(kind, "values", ()))  # those of MariaDB's SET


def _unescaped(value: str) -> str:
    """A value as it is; SQLAlchemy gives one that MariaDB has with the backslashes doubled."""
    return value.replace("\\\\", "\\")


def _measured(sql: str, vendor: Vendor) -> tuple[str, Measures]:
    """The group of a type and its measures."""
    text = sql.upper()
    found = _NAME_AND_SIZES.fullmatch(text)
    if found is None:
        # PostgreSQL does not remember how many dimensions an array was declared with.
        return OTHER, (frozenset({re.sub(r"(\[\])+$", "[]", text)}),)
    words = (found["name"] + found["more"]).split()
    name = " ".join(word for word in words if word not in {"UNSIGNED", "ZEROFILL"})
    sizes = tuple(int(size) for size in (found["sizes"] or "").split(",") if size)
    if name in {*_TIMES, "INTERVAL"}:
        sizes = tuple(min(size, MICROSECONDS) for size in sizes)
    if name == "FLOAT" and len(sizes) == 1:
        name, sizes = "DOUBLE PRECISION" if sizes[0] > _SINGLE_PRECISION else name, ()
    name = _SYNONYMS.get(name, name)
    name = vendor.type_names.get(name, name)
    sizes = sizes or _DEFAULT_SIZES.get(name, ())
    if name in _SHOWN_IN:
        sizes = ()
    if name in _TIMES:
        return name, sizes or (vendor.fraction_digits,)
    return _group(name, sizes, signed="UNSIGNED" not in words)


def _group(name: str, sizes: tuple[int, ...], *, signed: bool) -> tuple[str, Measures]:
    if name in _BITS:
        # The size is only the width in which a client shows them.
        values = 2 ** _BITS[name]
        return "whole numbers", (values // 2 - 1, values // 2) if signed else (values - 1, 0)
    if name in _FRACTIONAL:
        digits, after = (*sizes, 0)[:2] if sizes else (math.inf, 0)
        return name, (digits - after, after if sizes else math.inf, signed)
    if name in _PADDED:
        return _PADDED[name], (sizes[0], -sizes[0])
    for group, longest in _LONGEST.items():
        if name in longest:
            return group, (sizes[0] if sizes else longest[name], 0)
    return OTHER, (frozenset({f"{name}{sizes}"}),)
