"""Which Python values fit a column's type, for every type that SQLAlchemy has.

Every check is made in Python before SQL, because the databases disagree: SQLite stores anything, MariaDB
rounds, PostgreSQL refuses. A column takes just the values that come back equal and of the same type.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import types as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect
    from sqlalchemy.sql.type_api import TypeEngine

    Check = Callable[[Any], str | None]
    """Tells what is wrong with a value for a column, or None when it fits."""

# The most that MariaDB's TEXT and BLOB hold; the same everywhere, so that every database refuses the same.
TEXT_BYTES: Final = 65_535
# MariaDB's DATE and DATETIME start there.
FIRST_YEAR: Final = 1000
# SQLite keeps a NUMERIC as a double, which is exact for that many decimal digits.
EXACT_DIGITS: Final = 15
LONGEST_INTERVAL: Final = dt.timedelta(days=700_000)
# Of the 53 bits of a Python float, a 4-byte one keeps these.
SINGLE_PRECISION: Final = 24
MICROSECONDS: Final = 6
# MariaDB refuses 32 levels in a column of JSON.
JSON_LEVELS: Final = 30


def check_for(kind: TypeEngine[Any], where: str, dialect: Dialect) -> Check:
    """The check for values of a type.

    Raises:
        ConfigurationError: naming `where` it is, if the type cannot hold values exactly on that dialect.
    """
    if isinstance(kind, TypeDecorator) and not isinstance(kind, sa.Interval):
        return _decorated(kind, where, dialect)
    for family, make in _CHECKS:
        if isinstance(kind, family):
            return make(kind, where, dialect)
    return _native(kind)


def _on_mariadb(dialect: Dialect) -> bool:
    return dialect.name in {"mysql", "mariadb"}


def _integer(kind: Any, _where: str, _dialect: Dialect) -> Check:
    bits = next((bits for family, bits in _INTEGER_BITS if isinstance(kind, family)), 32)
    smallest, largest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if getattr(kind, "unsigned", False):
        smallest = 0

    def check(value: Any) -> str | None:
        if type(value) is not int:
            return _not("int", value)
        return None if smallest <= value <= largest else f"takes a whole number of {bits} bits"

    return check


def _string(kind: Any, _where: str, _dialect: Dialect) -> Check:
    length = kind.length

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return _not("str", value)
        if length is not None and len(value) > length:
            return f"takes at most {length} characters, this has {len(value)}"
        return _not_text(value, limited=length is None)

    return check


def _char(kind: Any, where: str, dialect: Dialect) -> Check:
    fits = _string(kind, where, dialect)
    length = kind.length or 1

    def check(value: Any) -> str | None:
        problem = fits(value)
        if problem is None and (len(value) != length or value.endswith(" ")):
            # A CHAR is padded with blanks or stripped of them, so anything else would come back changed.
            return f"takes exactly {length} characters, the last one no blank; use String for others"
        return problem

    return check


def _not_text(value: str, *, limited: bool) -> str | None:
    if "\0" in value:
        return "takes no NUL character"
    if value.isascii():
        size = len(value)
    else:
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            return "takes no half of a surrogate pair"
    if limited and size > TEXT_BYTES:
        return f"takes at most {TEXT_BYTES} bytes of text, this has {size}"
    return None


def _enum(kind: Any, where: str, _dialect: Dialect) -> Check:
    if kind.enum_class is not None:
        members = kind.enum_class
        return lambda value: None if type(value) is members else _not(members.__name__, value)
    names = frozenset(kind.enums)
    if not names:
        msg = f"{where}: an Enum needs its values"
        raise ConfigurationError(msg)
    return lambda value: None if type(value) is str and value in names else "takes one of the Enum's values"


def _boolean(_kind: Any, _where: str, _dialect: Dialect) -> Check:
    return _exactly(bool)


def _float(kind: Any, where: str, dialect: Dialect) -> Check:
    single = isinstance(kind, sa.REAL) or (kind.precision or 53) <= SINGLE_PRECISION
    native = kind.dialect_impl(dialect)
    if _on_mariadb(dialect):
        single = not (isinstance(native, sa.Double) or (native.precision or 0) > SINGLE_PRECISION)
    if kind.asdecimal or (single and dialect.name != "sqlite"):
        msg = f"{where}: that type does not keep a Python float exactly; declare it Double"
        raise ConfigurationError(msg)

    def check(value: Any) -> str | None:
        if type(value) is not float:
            return _not("float", value)
        return None if math.isfinite(value) else "takes no NaN and no infinity"

    return check


def _numeric(kind: Any, where: str, dialect: Dialect) -> Check:
    precision, scale = kind.precision, kind.scale or 0
    if precision is None or not kind.asdecimal:
        msg = f"{where}: say how many digits, as in Numeric(12, 2) without asdecimal; or declare it Double"
        raise ConfigurationError(msg)
    if dialect.name == "sqlite" and precision > EXACT_DIGITS:
        msg = f"{where}: SQLite keeps {EXACT_DIGITS} digits exactly, not {precision}; store whole cents"
        raise ConfigurationError(msg)
    fits = f"takes {precision - scale} digits before the point and {scale} after it"

    def check(value: Any) -> str | None:
        if type(value) is not Decimal:
            return _not("Decimal", value)
        if not value.is_finite():
            return "takes no NaN and no infinity"
        reduced = value.normalize(_WIDE) if value else Decimal(0)
        _, digits, exponent = reduced.as_tuple()
        assert isinstance(exponent, int)
        if -exponent > scale or len(digits) + exponent > precision - scale:
            return fits
        return None

    return check


def _loses_microseconds(kind: Any, dialect: Dialect) -> bool:
    return _on_mariadb(dialect) and getattr(kind.dialect_impl(dialect), "fsp", None) != MICROSECONDS


def _datetime(kind: Any, where: str, dialect: Dialect) -> Check:
    if _loses_microseconds(kind, dialect):
        msg = f"{where}: MariaDB cuts that to seconds; declare mysql.DATETIME(fsp=6)"
        raise ConfigurationError(msg)
    aware = bool(kind.timezone)

    def check(value: Any) -> str | None:
        if type(value) is not dt.datetime:
            return _not("datetime", value)
        if (value.utcoffset() is not None) is not aware:
            return "takes a datetime with a time zone" if aware else "takes a datetime without a time zone"
        return _not_in_utc(value) if aware else _too_early(value.year)

    return check


def _not_in_utc(value: dt.datetime) -> str | None:
    try:
        moment = value.astimezone(dt.UTC)
    except OverflowError:
        return _too_early(0)
    if moment != value:
        # Python takes it for unequal to any moment in another zone.
        return "takes no local time that the clocks show twice or never; convert it to UTC"
    return _too_early(min(moment.year, value.year))


def _too_early(year: int) -> str | None:
    return None if year >= FIRST_YEAR else f"takes the years {FIRST_YEAR} to 9999"


def _date(_kind: Any, _where: str, _dialect: Dialect) -> Check:
    return lambda value: _not("date", value) if type(value) is not dt.date else _too_early(value.year)


def _time(kind: Any, where: str, dialect: Dialect) -> Check:
    if kind.timezone:
        msg = (
            f"{where}: a time of day with a time zone is not the same moment every day; declare Time without"
        )
        raise ConfigurationError(msg)
    if _loses_microseconds(kind, dialect):
        msg = f"{where}: MariaDB cuts that to seconds; declare mysql.TIME(fsp=6)"
        raise ConfigurationError(msg)

    def check(value: Any) -> str | None:
        if type(value) is not dt.time:
            return _not("time", value)
        return "takes a time without a time zone" if value.tzinfo is not None else None

    return check


def _interval(_kind: Any, where: str, dialect: Dialect) -> Check:
    if _on_mariadb(dialect):
        msg = f"{where}: MariaDB has no exact type for an Interval; declare a BigInteger of microseconds"
        raise ConfigurationError(msg)

    def check(value: Any) -> str | None:
        if type(value) is not dt.timedelta:
            return _not("timedelta", value)
        return None if abs(value) <= LONGEST_INTERVAL else f"takes at most {LONGEST_INTERVAL.days} days"

    return check


def _binary(kind: Any, _where: str, _dialect: Dialect) -> Check:
    length = min(kind.length or TEXT_BYTES, TEXT_BYTES)

    def check(value: Any) -> str | None:
        if type(value) is not bytes:
            return _not("bytes", value)
        return None if len(value) <= length else f"takes at most {length} bytes, this has {len(value)}"

    return check


def _uuid(kind: Any, _where: str, _dialect: Dialect) -> Check:
    if kind.as_uuid:
        return _exactly(UUID)

    def check(value: Any) -> str | None:
        try:
            return None if type(value) is str and str(UUID(value)) == value else _not("UUID as str", value)
        except ValueError:
            return "takes a UUID in its usual lower-case form"

    return check


def _json(kind: Any, _where: str, dialect: Dialect) -> Check:
    # A JSONB writes numbers out without an exponent, so that a float this large looks like an int.
    too_large = 1e16 if kind.dialect_impl(dialect).__visit_name__ == "JSONB" else math.inf

    def check(value: Any) -> str | None:
        try:
            text = msgspec.json.encode(value).decode()
        except Exception:  # noqa: BLE001 - whatever cannot be encoded is no JSON
            return "takes JSON values only"
        # A tuple, a NaN or an int key would come back as something else; a NUL PostgreSQL refuses.
        if "\\u0000" in text or not _same_json(msgspec.json.decode(text), value):
            return "takes JSON values only, without NUL characters"
        if len(text.encode()) > TEXT_BYTES:
            return f"takes at most {TEXT_BYTES} bytes of JSON"
        # SQLite makes a number of a text that is one, and then 1.0 is 1.
        if (type(value) is float and value.is_integer()) or (type(value) is int and value.bit_length() > 63):  # noqa: PLR2004
            return "takes such a number in a list or a dict only"
        return _too_much_json(value, JSON_LEVELS, too_large)

    return check


def _too_much_json(value: Any, levels: int, too_large: float) -> str | None:
    if type(value) is float:
        return f"takes floats below {too_large:g} only" if abs(value) >= too_large else None
    if type(value) not in {list, dict}:
        return None
    if levels == 0:
        return f"takes JSON of {JSON_LEVELS} levels at most"
    items = value.values() if type(value) is dict else value
    problems = (_too_much_json(item, levels - 1, too_large) for item in items)
    return next(filter(None, problems), None)


def _same_json(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return one.keys() == other.keys() and all(_same_json(one[key], other[key]) for key in one)
    if type(one) is list:
        return len(one) == len(other) and all(map(_same_json, one, other))
    return bool(one == other)


def _decorated(kind: TypeDecorator[Any], where: str, dialect: Dialect) -> Check:
    """An application's own type: what it makes of the value must fit below, and come back equal."""
    below = check_for(kind.type_engine(dialect), where, dialect)

    def check(value: Any) -> str | None:
        try:
            stored = kind.process_bind_param(value, dialect)
            back = kind.process_result_value(stored, dialect)
        except NotImplementedError:
            return below(value)
        except Exception:  # noqa: BLE001 - the application's own code may raise anything
            return f"its type {type(kind).__name__} refuses the value"
        if type(back) is not type(value) or back != value:
            return f"its type {type(kind).__name__} would not give the value back equal"
        return None if stored is None else below(stored)

    return check


def _native(kind: TypeEngine[Any]) -> Check:
    """A type of one database only: its Python type is checked here, the rest by the database."""
    try:
        expected = kind.python_type
    except NotImplementedError:
        return lambda _value: None
    return _exactly(expected)


def _exactly(expected: type) -> Check:
    return lambda value: None if type(value) is expected else _not(expected.__name__, value)


def _not(expected: str, value: Any) -> str:
    return f"takes {expected}, not {type(value).__name__}"


_WIDE: Final = decimal.Context(prec=decimal.MAX_PREC, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
IMMUTABLE: Final = (
    sa.Integer, sa.String, sa.Boolean, sa.Numeric, sa.Float, sa.Date, sa.DateTime, sa.Time, sa.LargeBinary,
    sa.Uuid, sa.Interval,
)  # fmt: skip
_INTEGER_BITS: Final = ((mysql.TINYINT, 8), (mysql.MEDIUMINT, 24), (sa.SmallInteger, 16), (sa.BigInteger, 64))
# The first family that a type belongs to decides, so the narrower ones stand before the wider ones.
_CHECKS: Final[tuple[tuple[type, Callable[[Any, str, Dialect], Check]], ...]] = (
    (sa.Enum, _enum),
    (sa.CHAR, _char),
    (sa.NCHAR, _char),
    (sa.String, _string),
    (sa.Boolean, _boolean),
    (sa.Integer, _integer),
    (sa.Float, _float),
    (sa.Numeric, _numeric),
    (sa.Interval, _interval),
    (sa.DateTime, _datetime),
    (sa.Date, _date),
    (sa.Time, _time),
    (sa.LargeBinary, _binary),
    (sa.Uuid, _uuid),
    (sa.JSON, _json),
)
