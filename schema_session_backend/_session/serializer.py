"""Readable tagged JSON: the text form of the part of a session that has no columns.

Plain JSON values are written as they are. A value of another type is written as an object with one key that
begins with `$` and names the type, such as `{"$tuple": [1, 2]}`. A dict that looks like such an object is
written as `{"$dict": …}`.
"""

from __future__ import annotations

import base64
import datetime as dt
import marshal
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from ..errors import SessionTooLarge, UnserializableValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_DEPTH: Final = 100
MAX_KEYS: Final = 10_000
# msgspec reads the JSON numbers in this range back as the same int.
SMALLEST_INT: Final = -(2**63)
LARGEST_INT: Final = 2**63 - 1


class CorruptText(ValueError):
    """A stored text that cannot be read; the message says why without quoting the text."""


class Serializer(Protocol):
    """Converts the part of a session that has no columns to text and back.

    The option `serializer` takes any object that has these methods.
    """

    def dumps(self, data: Mapping[Any, Any]) -> str:
        """The text for `data`, whose keys may be of any hashable type.

        Raises:
            UnserializableValue: naming the key whose value would not come back equal.
        """
        ...

    def loads(self, text: str) -> dict[Any, Any]:
        """A new dict, equal to the one of which `dumps` made this `text`.

        Raises:
            ValueError: for a corrupt text, which anyone with access to the table may have written.
        """
        ...

    def same(self, left: object, right: object) -> bool:
        """Whether two values, `left` and `right`, are equal and of equal types at every depth.

        Raises:
            UnserializableValue: for a value that `dumps` refuses.
        """
        ...


class _Unstorable(Exception):
    """A value that tagged JSON cannot represent; `dumps` adds the key."""


def _pack(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if SMALLEST_INT <= value <= LARGEST_INT else {"$int": _decimal_digits(value)}
    if kind is float:
        if not math.isfinite(value):
            msg = "NaN and infinity cannot be stored; store None or a str"
            raise _Unstorable(msg)
        return value
    if depth == 0:
        msg = f"is nested deeper than {MAX_DEPTH} levels, or contains itself"
        raise _Unstorable(msg)
    if kind is list:
        return [_pack(item, depth - 1) for item in value]
    if kind is dict:
        return _pack_dict(value, depth - 1)
    writer = _WRITERS.get(kind)
    if writer is None:
        msg = (
            f"a value of type {kind.__module__}.{kind.__qualname__} would not come back equal;"
            " store plain data, or ask for serializer='pickle' by name"
        )
        raise _Unstorable(msg)
    return writer(value, depth - 1)


def _pack_dict(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    if len(value) > MAX_KEYS:
        msg = f"holds a dict of {len(value)} keys; {MAX_KEYS} is the most"
        raise _Unstorable(msg)
    if all(type(key) is str for key in value) and not _looks_tagged(value):
        return {key: _pack(item, depth) for key, item in value.items()}
    return {"$dict": [[_pack(key, depth), _pack(item, depth)] for key, item in value.items()]}


def _looks_tagged(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _decimal_digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        msg = "an int of that many digits cannot be stored"
        raise _Unstorable(msg) from None


def _pack_set(tag: str) -> Callable[[Any, int], dict[str, Any]]:
    def writer(value: Any, depth: int) -> dict[str, Any]:
        # Sorted, so that an unchanged set is the same text in every process.
        return {tag: sorted((_pack(item, depth) for item in value), key=_encoded)}

    return writer


def _pack_bytes(tag: str) -> Callable[[Any, int], dict[str, Any]]:
    return lambda value, _depth: {tag: base64.b64encode(value).decode("ascii")}


def _pack_datetime(value: dt.datetime, _depth: int) -> dict[str, Any]:
    zone = value.tzinfo
    if zone is None or _is_offset(zone):
        return {"$datetime": value.isoformat()}
    if type(zone) is ZoneInfo and _is_known(zone):
        return {"$datetime": f"{value.isoformat()}[{zone.key}]"}
    raise _Unstorable(_FOREIGN_ZONE)


def _is_offset(zone: dt.tzinfo) -> bool:
    """Whether the zone is a fixed offset that ISO 8601 keeps.

    Python's `fromisoformat` drops the fraction of a second from an offset.
    """
    return type(zone) is dt.timezone and not zone.utcoffset(None).microseconds


def _is_known(zone: ZoneInfo) -> bool:
    """Whether the zone's name is enough to get it back; a zone made from a file can have any name or none."""
    try:
        return zone.key is not None and ZoneInfo(zone.key) == zone
    except (KeyError, ValueError, OSError):
        return False


def _pack_time(value: dt.time, _depth: int) -> dict[str, Any]:
    if value.tzinfo is None or _is_offset(value.tzinfo):
        return {"$time": value.isoformat()}
    raise _Unstorable(_FOREIGN_ZONE)


def _pack_decimal(value: Decimal, _depth: int) -> dict[str, Any]:
    if value.is_nan():
        msg = "NaN equals nothing, not even itself, and cannot be stored; store None or a str"
        raise _Unstorable(msg)
    return {"$decimal": str(value)}


_FOREIGN_ZONE = (
    "a time zone other than a datetime.timezone of whole seconds or a named ZoneInfo cannot be stored"
)


def _unpack_datetime(text: str) -> dt.datetime:
    if not text.endswith("]"):
        return dt.datetime.fromisoformat(text)
    stamp, _, key = text[:-1].partition("[")
    fixed = dt.datetime.fromisoformat(stamp)
    local = fixed.replace(tzinfo=ZoneInfo(key))
    # The offset tells which of two equal wall-clock times was meant when the clocks go back.
    return local if local.utcoffset() == fixed.utcoffset() else local.replace(fold=1)


_WRITERS: Final[dict[type, Callable[[Any, int], dict[str, Any]]]] = {
    tuple: lambda value, depth: {"$tuple": [_pack(item, depth) for item in value]},
    set: _pack_set("$set"),
    frozenset: _pack_set("$frozenset"),
    bytes: _pack_bytes("$bytes"),
    bytearray: _pack_bytes("$bytearray"),
    dt.datetime: _pack_datetime,
    dt.date: lambda value, _depth: {"$date": value.isoformat()},
    dt.time: _pack_time,
    dt.timedelta: lambda value, _depth: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    Decimal: _pack_decimal,
    UUID: lambda value, _depth: {"$uuid": str(value)},
}

_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$dict": lambda pairs: {_unpack(key): _unpack(item) for key, item in pairs},
    "$int": int,
    "$tuple": lambda items: tuple(_unpack(item) for item in items),
    "$set": lambda items: {_unpack(item) for item in items},
    "$frozenset": lambda items: frozenset(_unpack(item) for item in items),
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$bytearray": lambda text: bytearray(base64.b64decode(text, validate=True)),
    "$datetime": _unpack_datetime,
    "$date": dt.date.fromisoformat,
    "$time": dt.time.fromisoformat,
    "$timedelta": lambda parts: dt.timedelta(*parts),
    "$decimal": Decimal,
    "$uuid": UUID,
}


def _unpack(value: Any) -> Any:
    if type(value) is list:
        return [_unpack(item) for item in value]
    if type(value) is not dict:
        return value
    if not _looks_tagged(value):
        return {key: _unpack(item) for key, item in value.items()}
    tag, content = next(iter(value.items()))
    reader = _READERS.get(tag)
    if reader is None:
        msg = "it holds a tag of a type that this version does not know"
        raise CorruptText(msg)
    return reader(content)


def _encoded(packed: Any) -> bytes:
    try:
        return _ENCODER.encode(packed)
    except UnicodeEncodeError:
        pass
    raise _Unstorable(_LONE_SURROGATE)


_LONE_SURROGATE: Final = "a lone surrogate is no text; encode it as bytes"
# Every int outside of the range above has at least 19 digits.
_LONG_NUMBER: Final = b"0" * 19
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()


def _plain(data: Mapping[Any, Any]) -> str | None:
    """The JSON of data that needs no tags, without a look at each value; None if tags may be needed."""
    try:
        text = _ENCODER.encode(data)
        may_be_deep = text.count(b"{") + text.count(b"[") > MAX_DEPTH
        may_be_many = len(text) > MAX_KEYS and text.count(b":") > MAX_KEYS
        if may_be_deep or may_be_many or b'"$' in text:
            return None
        if _LONG_NUMBER in text.translate(_ZEROS):
            return None
        # A tuple, a NaN and a key that is no str come back unequal. An instance of a subclass may come back
        # equal, so have marshal refuse it.
        marshal.dumps(data, 2)  # type: ignore[arg-type]
        same = _DECODER.decode(text) == data
        return text.decode() if same else None
    except Exception:  # noqa: BLE001 - `_pack` then finds the cause, and the caller names the key
        return None


class JsonSerializer:
    """Readable tagged JSON: loading a row cannot run code, and SQL can query plain values."""

    def dumps(self, data: Mapping[Any, Any]) -> str:
        """The JSON text for `data`.

        Raises:
            UnserializableValue: naming the key whose value would not come back equal.
            SessionTooLarge: if there are more than 10,000 keys.
        """
        plain = _plain(data)
        if plain is not None:
            return plain
        packed: dict[Any, Any] = {}
        other_keys: dict[Any, Any] = {}
        for key, value in data.items():
            try:
                if type(key) is not str:
                    other_keys[key] = _pack(key, MAX_DEPTH)
                packed[key] = value if type(value) is str else _pack(value, MAX_DEPTH)
            except _Unstorable as error:
                problem = str(error)
                break
        else:
            return self._encode(packed, other_keys)
        raise UnserializableValue(name_of(key), problem)

    def loads(self, text: str) -> dict[Any, Any]:
        """The dict in a text that `dumps` wrote.

        Raises:
            CorruptText: for any other text.
        """
        try:
            data = _DECODER.decode(text)
            if '"$' in text:
                data = _unpack(data)
        except CorruptText:
            raise
        except Exception as error:  # noqa: BLE001 - a hostile text may cause any error, also a RecursionError
            problem = f"it is no tagged JSON ({type(error).__name__})"
        else:
            if type(data) is dict:
                return data
            problem = "it is no JSON object"
        raise CorruptText(problem)

    def same(self, left: object, right: object) -> bool:
        """Whether two values are equal and of equal types at every depth."""
        return self.dumps({"": left}) == self.dumps({"": right})

    def _encode(self, packed: dict[Any, Any], other_keys: dict[Any, Any]) -> str:
        if len(packed) > MAX_KEYS:
            problem = f"the session has {len(packed)} keys; {MAX_KEYS} is the most"
            raise SessionTooLarge(problem, size=len(packed), limit=MAX_KEYS)
        content: Any = packed
        if other_keys or _looks_tagged(packed):
            content = {"$dict": [[other_keys.get(key, key), value] for key, value in packed.items()]}
        try:
            return _ENCODER.encode(content).decode()
        except UnicodeEncodeError:
            pass
        raise UnserializableValue(_key_of_lone_surrogate(packed), _LONE_SURROGATE)


def name_of(key: object) -> str:
    """A session's key as error messages name it; a key that is no text may hold a value, so only its type."""
    return key if type(key) is str else f"<{type(key).__name__}>"


def _key_of_lone_surrogate(packed: dict[Any, Any]) -> str:
    """The name of the key that is or contains a lone surrogate."""
    for key, value in packed.items():
        try:
            _ENCODER.encode([key if type(key) is str else None, value])
        except UnicodeEncodeError:
            return name_of(key)
    return "<key>"
