"""Which Python values a column can hold, for each of SQLAlchemy's types.

A column takes the values that come back equal and of the same type, and no others. The checks are made in
Python before SQL, because the databases disagree: SQLite stores anything, MariaDB rounds, PostgreSQL refuses.
"""

from __future__ import annotations

import datetime as dt
import decimal
import ipaddress
import marshal
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import types as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.dialects.postgresql.ranges import AbstractMultiRange, AbstractRange
from sqlalchemy.types import MatchType, TypeDecorator, UserDefinedType

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect
    from sqlalchemy.sql.type_api import TypeEngine

    Check = Callable[[Any], str | None]
    """Returns the problem with a value for a column, as the end of an error message; None if it fits."""

# The limit of MariaDB's TEXT and BLOB, applied on every database, so that all refuse the same values.
TEXT_BYTES: Final = 65_535
# The first year of MariaDB's DATE and DATETIME.
FIRST_YEAR: Final = 1000
# The years of MariaDB's YEAR.
YEARS: Final = range(1901, 2156)
# SQLite stores a NUMERIC as a double, which keeps this many decimal digits exactly.
EXACT_DIGITS: Final = 15
LONGEST_INTERVAL: Final = dt.timedelta(days=700_000)
# The bits of precision of a 4-byte float; a Python float has 53.
SINGLE_PRECISION: Final = 24
# Digits of a fraction of a second.
MICROSECONDS: Final = 6
# MariaDB refuses 32 levels in a JSON column.
JSON_LEVELS: Final = 30
JSON_INT_BITS: Final = 63


def check_for(kind: TypeEngine[Any], where: str, dialect: Dialect) -> Check:
    """The check for the values of a column's type.

    Args:
        kind: the type.
        where: the column and its table, for error messages.
        dialect: the dialect of the database.

    Raises:
        ConfigurationError: naming the column, if the database cannot keep values of the type exactly.
    """
    if isinstance(kind, TypeDecorator) and not isinstance(kind, sa.Interval):
        return _decorated(kind, where, dialect)
    for family, make in _CHECKS:
        if isinstance(kind, family):
            return make(kind, where, dialect)
    return _native(kind, where)


def _on_mariadb(dialect: Dialect) -> bool:
    return dialect.name in {"mysql", "mariadb"}


def _integer(kind: Any, _where: str, _dialect: Dialect) -> Check:
    bits = next((bits for family, bits in _INTEGER_BITS if isinstance(kind, family)), 32)
    smallest, largest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if getattr(kind, "unsigned", False):
        smallest = 0

    def check(value: Any) -> str | None:
        if type(value) is not int:
            return _wrong_type("int", value)
        return None if smallest <= value <= largest else f"takes a whole number of {bits} bits"

    return check


def _string(kind: Any, _where: str, _dialect: Dialect) -> Check:
    length = kind.length

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return _wrong_type("str", value)
        if length is not None and len(value) > length:
            return f"takes at most {length} characters, this has {len(value)}; shorten it or widen the column"
        if length is not None and value.isascii() and "\0" not in value:
            return None  # most texts, without a further call
        return _text_problem(value, limited=length is None)

    return check


def _char(kind: Any, where: str, dialect: Dialect) -> Check:
    check_string = _string(kind, where, dialect)
    length = kind.length or 1

    def check(value: Any) -> str | None:
        problem = check_string(value)
        if problem is None and (len(value) != length or value.endswith(" ")):
            # Databases pad a CHAR with blanks or strip them, so any other text would come back changed.
            return f"takes exactly {length} characters, without a blank at the end; String takes others"
        return problem

    return check


def _text_problem(value: str, *, limited: bool) -> str | None:
    if "\0" in value:
        return "takes no NUL character"
    if value.isascii():
        size = len(value)
    else:
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            return "takes no lone surrogate"
    if limited and size > TEXT_BYTES:
        return f"takes at most {TEXT_BYTES} bytes of text, this has {size}; shorten it"
    return None


def _enum(kind: Any, where: str, _dialect: Dialect) -> Check:
    if kind.enum_class is not None:
        return _exactly(kind.enum_class)
    names = frozenset(kind.enums)
    if not names:
        msg = f"{where}: an Enum needs its values"
        raise ConfigurationError(msg)
    return lambda value: None if type(value) is str and value in names else "takes one of the Enum's values"


def _boolean(kind: Any, where: str, _dialect: Dialect) -> Check:
    if isinstance(kind, MatchType):
        msg = f"{where}: MatchType is the type of a condition; declare it Boolean"
        raise ConfigurationError(msg)
    return _exactly(bool)


def _float(kind: Any, where: str, dialect: Dialect) -> Check:
    is_single = isinstance(kind, sa.REAL) or (kind.precision or 53) <= SINGLE_PRECISION
    native = kind.dialect_impl(dialect)
    if _on_mariadb(dialect):
        is_single = not (isinstance(native, sa.Double) or (native.precision or 0) > SINGLE_PRECISION)
    if kind.asdecimal or (is_single and dialect.name != "sqlite"):
        msg = f"{where}: this type does not keep a Python float exactly; declare it Double"
        raise ConfigurationError(msg)

    def check(value: Any) -> str | None:
        if type(value) is not float:
            return _wrong_type("float", value)
        return None if math.isfinite(value) else "takes no NaN and no infinity"

    return check


def _numeric(kind: Any, where: str, dialect: Dialect) -> Check:
    precision, scale = kind.precision, kind.scale or 0
    if precision is None or not kind.asdecimal:
        msg = (
            f"{where}: say how many digits, as in Numeric(12, 2), and leave out asdecimal=False;"
            " or declare it Double"
        )
        raise ConfigurationError(msg)
    if dialect.name == "sqlite" and precision > EXACT_DIGITS:
        msg = f"{where}: SQLite keeps {EXACT_DIGITS} digits exactly, not {precision}; store whole cents"
        raise ConfigurationError(msg)

    def check(value: Any) -> str | None:
        if type(value) is not Decimal:
            return _wrong_type("Decimal", value)
        if not value.is_finite():
            return "takes no NaN and no infinity"
        reduced = value.normalize(_WIDE) if value else Decimal(0)
        _, digits, exponent = reduced.as_tuple()
        assert isinstance(exponent, int)
        if -exponent > scale or len(digits) + exponent > precision - scale:
            return f"takes {precision - scale} digits before the point and {scale} after it"
        return None

    return check


def _loses_microseconds(kind: Any, dialect: Dialect) -> bool:
    return _on_mariadb(dialect) and getattr(kind.dialect_impl(dialect), "fsp", None) != MICROSECONDS


def _datetime(kind: Any, where: str, dialect: Dialect) -> Check:
    if _loses_microseconds(kind, dialect):
        msg = f"{where}: MariaDB cuts the microseconds off; declare mysql.DATETIME(fsp=6)"
        raise ConfigurationError(msg)
    is_aware = bool(kind.timezone)

    def check(value: Any) -> str | None:
        if type(value) is not dt.datetime:
            return _wrong_type("datetime", value)
        if (value.utcoffset() is not None) is not is_aware:
            return f"takes a datetime {'with' if is_aware else 'without'} a time zone"
        return _aware_problem(value) if is_aware else _year_problem(value.year)

    return check


def _aware_problem(value: dt.datetime) -> str | None:
    """The problem with an aware datetime, which has to be equal to the same moment in UTC."""
    try:
        moment = value.astimezone(dt.UTC)
    except OverflowError:
        return _year_problem(0)
    if moment != value:
        # Python never takes an ambiguous or skipped local time for equal to a moment in another zone.
        return "takes no local time that the clocks show twice or never; convert it to UTC"
    return _year_problem(min(moment.year, value.year))


def _year_problem(year: int) -> str | None:
    return None if year >= FIRST_YEAR else f"takes the years {FIRST_YEAR} to 9999"


def _date(_kind: Any, _where: str, _dialect: Dialect) -> Check:
    return lambda value: (
        _wrong_type("date", value) if type(value) is not dt.date else _year_problem(value.year)
    )


def _time(kind: Any, where: str, dialect: Dialect) -> Check:
    if kind.timezone:
        msg = (
            f"{where}: a time zone's offset may change from day to day, so a time of day cannot have one;"
            " declare Time without timezone=True"
        )
        raise ConfigurationError(msg)
    if _loses_microseconds(kind, dialect):
        msg = f"{where}: MariaDB cuts the microseconds off; declare mysql.TIME(fsp=6)"
        raise ConfigurationError(msg)

    def check(value: Any) -> str | None:
        if type(value) is not dt.time:
            return _wrong_type("time", value)
        return "takes a time without a time zone" if value.tzinfo is not None else None

    return check


def _interval(_kind: Any, where: str, dialect: Dialect) -> Check:
    if _on_mariadb(dialect):
        msg = f"{where}: MariaDB has no exact type for an Interval; declare a BigInteger of microseconds"
        raise ConfigurationError(msg)

    def check(value: Any) -> str | None:
        if type(value) is not dt.timedelta:
            return _wrong_type("timedelta", value)
        return None if abs(value) <= LONGEST_INTERVAL else f"takes at most {LONGEST_INTERVAL.days} days"

    return check


def _set(kind: Any, _where: str, _dialect: Dialect) -> Check:
    members = frozenset(kind.values)

    def check(value: Any) -> str | None:
        if type(value) is not set:
            return _wrong_type("set", value)
        return None if value <= members else "takes a set of the SET's values"

    return check


def _bits(kind: Any, _where: str, _dialect: Dialect) -> Check:
    bits = kind.length or 1

    def check(value: Any) -> str | None:
        if type(value) is not int:
            return _wrong_type("int", value)
        return None if 0 <= value < 2**bits else f"takes a whole number of {bits} bits, 0 or more"

    return check


def _year(_kind: Any, _where: str, _dialect: Dialect) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is not int:
            return _wrong_type("int", value)
        return None if value in YEARS else f"takes the years {YEARS[0]} to {YEARS[-1]}"

    return check


def _binary(kind: Any, _where: str, _dialect: Dialect) -> Check:
    length = min(kind.length or TEXT_BYTES, TEXT_BYTES)

    def check(value: Any) -> str | None:
        if type(value) is not bytes:
            return _wrong_type("bytes", value)
        if len(value) <= length:
            return None
        return f"takes at most {length} bytes, this has {len(value)}; shorten it"

    return check


def _uuid(kind: Any, where: str, dialect: Dialect) -> Check:
    if isinstance(kind, sa.UUID) and dialect.name == "sqlite":
        msg = f"{where}: SQLite takes the digits of a UUID for a number; declare it Uuid"
        raise ConfigurationError(msg)
    if kind.as_uuid:
        return _exactly(UUID)

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return _wrong_type("UUID as str", value)
        try:
            is_usual = str(UUID(value)) == value
        except ValueError:
            is_usual = False
        return None if is_usual else "takes a UUID in its usual lower-case form"

    return check


def _json(kind: Any, where: str, dialect: Dialect) -> Check:
    is_binary = kind.dialect_impl(dialect).__visit_name__ == "JSONB"
    if is_binary and dialect.name == "sqlite":
        msg = f"{where}: not every SQLite has JSONB; declare it JSON"
        raise ConfigurationError(msg)
    # JSONB writes numbers out without an exponent, so that a float of this size comes back as an int.
    float_limit = 1e16 if is_binary else math.inf

    def check(value: Any) -> str | None:
        try:
            text = msgspec.json.encode(value).decode()
            comes_back = _is_same_json(msgspec.json.decode(text), value)
        except Exception:  # noqa: BLE001 - a value that cannot be encoded for any reason is no JSON
            return "takes JSON values only"
        # A tuple, a NaN and a key that is no str would come back changed. PostgreSQL refuses NUL.
        if "\\u0000" in text or not comes_back:
            return "takes JSON values only, without NUL characters"
        if len(text.encode()) > TEXT_BYTES:
            return f"takes at most {TEXT_BYTES} bytes of JSON; store less"
        # On SQLite a JSON column converts a text that is a number to that number, so 1.0 comes back as 1.
        if type(value) is float and value.is_integer():
            return "takes a float without a fraction only inside of a list or a dict"
        if type(value) is int and value.bit_length() > JSON_INT_BITS:
            return f"takes an int of more than {JSON_INT_BITS} bits only inside of a list or a dict"
        return _json_problem(value, JSON_LEVELS, float_limit)

    return check


def _json_problem(value: Any, levels: int, float_limit: float) -> str | None:
    level = [value]
    for _ in range(levels + 1):
        if float_limit < math.inf and any(type(item) is float and abs(item) >= float_limit for item in level):
            return f"takes floats below {float_limit:g} only"
        containers = [item for item in level if type(item) in {list, dict}]
        if not containers:
            return None
        level = [item for one in containers for item in (one.values() if type(one) is dict else one)]
    return f"takes JSON of {JSON_LEVELS} levels at most"


def _is_same_json(decoded: Any, value: Any) -> bool:
    """Whether a value is equal to what was decoded from its JSON, and of equal types at every depth."""
    # marshal tells 1 from 1.0 and True. It must not see sets, which take it long, and equal no list.
    return bool(decoded == value) and marshal.dumps(decoded, 2) == marshal.dumps(value, 2)


def _decorated(kind: TypeDecorator[Any], where: str, dialect: Dialect) -> Check:
    """The check for an application's own type: the type it wraps must take its value, and give it back."""
    check_wrapped = check_for(kind.type_engine(dialect), where, dialect)

    def check(value: Any) -> str | None:
        try:
            stored = kind.process_bind_param(value, dialect)
            restored = kind.process_result_value(stored, dialect)
        except NotImplementedError:
            return check_wrapped(value)
        except Exception:  # noqa: BLE001 - the application's own code may raise anything
            return f"its type {type(kind).__name__} refuses the value"
        if type(restored) is not type(value) or restored != value:
            return f"its type {type(kind).__name__} would not give the value back equal"
        return None if stored is None else check_wrapped(stored)

    return check


def _native(kind: TypeEngine[Any], where: str) -> Check:
    """The check for a type that one database has: of the Python type here, of the value in the database."""
    try:
        expected = kind.python_type
    except NotImplementedError:
        expected = object
    if expected is not object:
        return _exactly(expected)
    if isinstance(kind, UserDefinedType):
        return lambda _value: None
    msg = (
        f"{where}: {type(kind).__name__} may give a value back in another form than it was stored in; declare"
        " a String, or another column"
    )
    raise ConfigurationError(msg)


def _address(_kind: Any, _where: str, dialect: Dialect) -> Check:
    makes_objects = _returns_addresses(dialect)

    def check(value: Any) -> str | None:
        if not makes_objects:
            return _canonical(value, _parse_address, "an address")
        if isinstance(value, (ipaddress.IPv4Interface, ipaddress.IPv6Interface)):
            is_kept = value.network.prefixlen < value.max_prefixlen
        else:
            is_kept = isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address))
        if is_kept:
            return None
        return "takes an address of the module ipaddress, or an interface whose network has more addresses"

    return check


def _parse_address(text: str) -> object:
    """An address, or an interface whose network has more addresses: PostgreSQL shows no other network."""
    interface = ipaddress.ip_interface(text)
    return interface.ip if interface.network.prefixlen == interface.max_prefixlen else interface


def _network(_kind: Any, _where: str, dialect: Dialect) -> Check:
    makes_objects = _returns_addresses(dialect)

    def check(value: Any) -> str | None:
        if not makes_objects:
            return _canonical(value, ipaddress.ip_network, "a network")
        is_network = isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network))
        return None if is_network else "takes a network of the module ipaddress"

    return check


def _returns_addresses(dialect: Dialect) -> bool:
    """Whether the driver makes objects of addresses, and not texts."""
    return dialect.driver == "psycopg" and getattr(dialect, "_native_inet_types", None) is not False


def _hardware_address(kind: Any, _where: str, _dialect: Dialect) -> Check:
    length = 8 if isinstance(kind, postgresql.MACADDR8) else 6
    usual = re.compile(":".join(["[0-9a-f]{2}"] * length))

    def check(value: Any) -> str | None:
        if type(value) is str and usual.fullmatch(value):
            return None
        return f"takes a str of {length} pairs of lower-case hexadecimal digits with ':' between them"

    return check


def _canonical(value: Any, parse: Callable[[str], Any], what: str) -> str | None:
    try:
        is_usual = type(value) is str and str(parse(value)) == value
    except ValueError:
        is_usual = False
    return None if is_usual else f"takes {what} as str in its usual form"


def _range(kind: Any, where: str, dialect: Dialect) -> Check:
    is_multi = isinstance(kind, AbstractMultiRange)
    if is_multi and dialect.driver == "psycopg2":
        msg = f"{where}: psycopg2 has no {type(kind).__name__}; use psycopg, or another column"
        raise ConfigurationError(msg)
    name = getattr(kind, "__visit_name__", "").removesuffix("RANGE").removesuffix("MULTI")
    if name not in _BOUNDS:
        msg = f"{where}: {type(kind).__name__} makes no column; declare INT4RANGE, DATERANGE or the like"
        raise ConfigurationError(msg)
    bound, has_zone = _BOUNDS[name]

    def fits(value: Any) -> bool:
        return type(value) is postgresql.Range and all(
            type(limit) is bound and (getattr(limit, "tzinfo", None) is not None) is has_zone
            for limit in (value.lower, value.upper)
            if limit is not None
        )

    def check(value: Any) -> str | None:
        ranges = value if is_multi and isinstance(value, list) else [value]
        if isinstance(value, list) is is_multi and all(map(fits, ranges)):
            return None
        zone = " with a time zone" if has_zone else ""
        return f"takes a {'list of ' * is_multi}Range of {bound.__name__}{zone}"

    return check


# The type of a range's limits, and whether they have a time zone.
_BOUNDS: Final[dict[str, tuple[type, bool]]] = {
    "INT4": (int, False),
    "INT8": (int, False),
    "NUM": (Decimal, False),
    "DATE": (dt.date, False),
    "TS": (dt.datetime, False),
    "TSTZ": (dt.datetime, True),
}


def _wide_number(_kind: Any, _where: str, _dialect: Dialect) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is not int:
            return _wrong_type("int", value)
        return None if 0 <= value < 2**32 else "takes a whole number of 32 bits, 0 or more"

    return check


def _exactly(expected: type) -> Check:
    return lambda value: None if type(value) is expected else _wrong_type(expected.__name__, value)


def _wrong_type(expected: str, value: Any) -> str:
    return f"takes {expected}, not {type(value).__name__}"


# Decimal's usual context would round a long number.
_WIDE: Final = decimal.Context(prec=decimal.MAX_PREC, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
# The types whose values cannot be changed in place.
IMMUTABLE: Final = (
    sa.Integer, sa.String, sa.Boolean, sa.Numeric, sa.Float, sa.Date, sa.DateTime, sa.Time, sa.LargeBinary,
    sa.Uuid, sa.Interval,
)  # fmt: skip
_INTEGER_BITS: Final = ((mysql.TINYINT, 8), (mysql.MEDIUMINT, 24), (sa.SmallInteger, 16), (sa.BigInteger, 64))
# The first class that a type is an instance of decides, so subclasses come before their base classes.
_CHECKS: Final[tuple[tuple[type, Callable[[Any, str, Dialect], Check]], ...]] = (
    (sa.Enum, _enum),
    (mysql.SET, _set),
    (mysql.BIT, _bits),
    (mysql.YEAR, _year),
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
    (postgresql.INET, _address),
    (postgresql.CIDR, _network),
    (postgresql.MACADDR, _hardware_address),
    (postgresql.MACADDR8, _hardware_address),
    (AbstractRange, _range),
    (postgresql.OID, _wide_number),
    (postgresql.DOMAIN, lambda kind, where, dialect: check_for(kind.data_type, where, dialect)),
)
