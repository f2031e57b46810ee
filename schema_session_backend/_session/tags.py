"""Tags in JSON: a value of a type that JSON lacks is an object with one key, which names the type.

Such a key begins with `$`, as in `{"$tuple": [1, 2]}`. A dict that looks like such an object is written as
`{"$dict": …}`.
"""

from __future__ import annotations

import base64
import datetime as dt
import importlib
import math
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from ..errors import ConfigurationError
from .plain import (
    EQUAL_KEYS,
    MAX_DEPTH,
    TOO_DEEP,
    Unstorable,
    full_name,
    has_plain_value,
    instead_of,
    plain_value,
    refusal,
)

M = TypeVar("M", dt.datetime, dt.time)

MAX_KEYS: Final = 10_000
MOST_OF_A_HASH: Final = 100
SAME_HASH: Final = "has too many keys or members of the same hash; store them in a list"
# msgspec reads the JSON numbers in this range back as the same int.
SMALLEST_INT: Final = -(2**63)
LARGEST_INT: Final = 2**63 - 1

Converter: TypeAlias = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""Makes a plain value of a value of the application's own type, and makes the value of the plain value."""

_ENCODER = msgspec.json.Encoder()


class CorruptText(ValueError):
    """A stored text that cannot be read; the message says why without quoting the text."""


class Tagging:
    """Puts tags into values, so that JSON can represent them, and makes the values of what JSON gives back.

    Args:
        converters: for types of the application's own, whose names are their tags.
        strict: whether instances of subclasses and lazy strings are refused.

    Raises:
        ConfigurationError: naming the converter that cannot work.
    """

    def __init__(self, converters: Mapping[type, Converter], *, strict: bool) -> None:
        self._converters = _checked(converters)
        self._strict = strict
        self._proven: set[type] = set()
        """The types whose converters have given an equal value back."""
        self._writers: dict[type, Callable[[Any, int], Any]] = {
            list: lambda value, depth: [self.pack(item, depth) for item in value],
            dict: self._pack_dict,
            tuple: lambda value, depth: {"$tuple": [self.pack(item, depth) for item in value]},
            set: lambda value, depth: {"$set": self._pack_set(value, depth)},
            frozenset: lambda value, depth: {"$frozenset": self._pack_set(value, depth)},
            **{kind: _leaf_writer(tag, write) for kind, (tag, write, _) in _LEAVES.items()},
            **dict.fromkeys(self._converters, self._convert),
        }
        self._readers: dict[str, Callable[[Any], Any]] = {
            "$dict": self._unpack_pairs,
            "$tuple": lambda items: tuple(map(self.unpack, items)),
            "$set": lambda items: set(self._unpack_members(items)),
            "$frozenset": lambda items: frozenset(self._unpack_members(items)),
            "$int": int,
            "$float": _NON_FINITE.__getitem__,
            "$markup": _unpack_markup,
            **{tag: read for tag, _, read in _LEAVES.values()},
        }
        for kind, (_, from_plain) in self._converters.items():
            self._add_reader(kind, from_plain)

    def pack(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """The value with tags.

        Args:
            value: the value.
            depth: the levels that it may have.

        Raises:
            Unstorable: if it would not come back equal.
        """
        kind = type(value)
        if kind is str or kind is bool or value is None:
            return value
        if kind is int:
            return value if SMALLEST_INT <= value <= LARGEST_INT else {"$int": _decimal_digits(value)}
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        writer = self._writers.get(kind)
        if writer is None:
            return self.pack(self._plain(value), depth)
        if depth == 0:
            raise Unstorable(TOO_DEEP)
        return writer(value, depth - 1)

    def is_own(self, tag: str) -> bool:
        """Whether values of the application's own type have that tag."""
        return any(_tag_of(kind) == tag for kind in self._converters)

    def unpack(self, value: Any) -> Any:
        """The value that `pack` has put tags into.

        Raises:
            CorruptText: for an unknown tag. Other nonsense may raise anything.
        """
        if type(value) is list:
            return [self.unpack(item) for item in value]
        if type(value) is not dict:
            return value
        if not looks_tagged(value):
            return {key: self.unpack(item) for key, item in value.items()}
        tag, content = next(iter(value.items()))
        reader = self._readers.get(tag)
        if reader is None:
            msg = "it holds a tag of a type that neither this version nor types= knows"
            raise CorruptText(msg)
        return reader(content)

    def _unpack_pairs(self, pairs: Any) -> dict[Any, Any]:
        keys = self._unpack_members([key for key, _ in pairs])
        return {key: self.unpack(item) for key, (_, item) in zip(keys, pairs, strict=True)}

    def _unpack_members(self, items: Any) -> list[Any]:
        members = [self.unpack(item) for item in items]
        if share_a_hash(members):
            raise CorruptText(SAME_HASH)
        return members

    def _plain(self, value: Any) -> Any:
        kind = type(value)
        # Only an application that has imported markupsafe can have a Markup.
        markup = getattr(sys.modules.get("markupsafe"), "Markup", None)
        if kind is markup:
            self._writers[kind] = _leaf_writer("$markup", str.__str__)
            return value
        if self._strict and has_plain_value(kind):
            msg = f"strict_types refuses a value of type {full_name(kind)}; store {instead_of(kind)}"
            raise Unstorable(msg)
        if markup is not None and issubclass(kind, markup):
            return markup(str.__str__(value))
        if has_plain_value(kind):
            return plain_value(value)
        msg = f"{refusal(kind)}, or give the store a converter in types="
        raise Unstorable(msg)

    def _pack_dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        if len(value) > MAX_KEYS:
            msg = f"holds a dict of {len(value)} keys; {MAX_KEYS} is the most, so store fewer"
            raise Unstorable(msg)
        if share_a_hash(value):
            raise Unstorable(SAME_HASH)
        if all(type(key) is str for key in value):
            return object_of([(key, self.pack(item, depth)) for key, item in value.items()])
        return object_of([(self.pack(key, depth), self.pack(item, depth)) for key, item in value.items()])

    def _pack_set(self, value: Any, depth: int) -> list[Any]:
        if share_a_hash(value):
            raise Unstorable(SAME_HASH)
        # Sorted, so that an unchanged set is the same text in every process.
        items = {encoded(packed): packed for packed in (self.pack(item, depth) for item in value)}
        if len(items) < len(value):
            raise Unstorable(EQUAL_KEYS)
        return [items[text] for text in sorted(items)]

    def _convert(self, value: Any, depth: int) -> dict[str, Any]:
        kind = type(value)
        to_plain, _ = self._converters[kind]
        try:
            plain = to_plain(value)
        except Exception as error:  # noqa: BLE001 - the application's own code may raise anything
            problem = f"the converter of {full_name(kind)} in types= fails ({type(error).__name__})"
        else:
            packed = {_tag_of(kind): self.pack(plain, depth)}
            if kind in self._proven or self._gives_back(packed, value):
                self._proven.add(kind)
                return packed
            problem = f"the converter of {full_name(kind)} in types= does not give an equal value back"
        raise Unstorable(f"{problem}; mend it, or the type's __eq__")

    def _gives_back(self, packed: dict[str, Any], value: Any) -> bool:
        try:
            restored = self.unpack(msgspec.json.decode(encoded(packed)))
            return type(restored) is type(value) and bool(restored == value)
        except Unstorable:
            raise
        except Exception:  # noqa: BLE001 - likewise
            return False

    def _add_reader(self, kind: type, from_plain: Callable[[Any], Any]) -> None:
        self._readers[_tag_of(kind)] = lambda content: from_plain(self.unpack(content))


def object_of(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """The JSON object for a dict, whose keys and values have their tags.

    Raises:
        Unstorable: if two keys are equal.
    """
    if all(type(key) is str for key, _ in pairs):
        packed = dict(pairs)
        if len(packed) == len(pairs) and not looks_tagged(packed):
            return packed
    if len({encoded(key) for key, _ in pairs}) < len(pairs):
        raise Unstorable(EQUAL_KEYS)
    return {"$dict": [[key, item] for key, item in pairs]}


def require_limits(data: Any, levels: int = MAX_DEPTH + 1) -> None:
    """Look whether `pack` would take the values of a session.

    Args:
        data: the session.
        levels: how many levels it may have, its own dict included.

    Raises:
        CorruptText: if there are more levels, or more keys in a dict.
    """
    level = [data]
    for _ in range(levels):
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                if len(container) > MAX_KEYS:
                    msg = f"it has a dict of more than {MAX_KEYS} keys"
                    raise CorruptText(msg)
                below += [key for key in container if type(key) in _NESTED]
                container = container.values()  # noqa: PLW2901 - its values are its items from here on
            below += [item for item in container if type(item) in _CONTAINERS]
        if not below:
            return
        level = below
    msg = f"it is nested deeper than {MAX_DEPTH} levels"
    raise CorruptText(msg)


def looks_tagged(value: dict[str, Any]) -> bool:
    """Whether a JSON object looks like a value with a tag."""
    return len(value) == 1 and next(iter(value)).startswith("$")


def encoded(packed: Any) -> bytes:
    """The JSON of a value with tags.

    Raises:
        Unstorable: for a lone surrogate.
    """
    try:
        return _ENCODER.encode(packed)
    except UnicodeEncodeError:
        pass
    raise Unstorable(LONE_SURROGATE)


def _checked(converters: Any) -> dict[type, Converter]:
    """The converters, after a look at each.

    Raises:
        ConfigurationError: naming the type whose converter cannot work.
    """
    if not isinstance(converters, Mapping):
        msg = f"types takes a dict such as {{Money: (to_plain, from_plain)}}, not {type(converters).__name__}"
        raise ConfigurationError(msg)
    tags = {*_OTHER_TAGS, *(tag for tag, _, _ in _LEAVES.values())}
    for kind, converter in converters.items():
        is_pair = isinstance(converter, tuple) and [*map(callable, converter)] == [True, True]
        if not isinstance(kind, type) or not is_pair:
            name = kind.__name__ if isinstance(kind, type) else repr(kind)
            msg = f"types, {name}: write a class and two functions, as in {{Money: (to_plain, from_plain)}}"
            raise ConfigurationError(msg)
        if kind in _BUILT_IN or kind in _LEAVES:
            msg = f"types, {kind.__name__}: values of this type need no converter, leave it out"
            raise ConfigurationError(msg)
        if _tag_of(kind) in tags:
            msg = f"types, {kind.__name__}: another type has that name, which is its tag; rename the class"
            raise ConfigurationError(msg)
        tags.add(_tag_of(kind))
    return dict(converters)


def _tag_of(kind: type) -> str:
    return f"${kind.__name__}"


def share_a_hash(members: Collection[Any]) -> bool:
    """Whether more than 100 members have one hash: a set compares each of them with all others."""
    if len(members) <= MOST_OF_A_HASH:
        return False
    hashes = list(map(hash, members))
    # Counting takes longer than making a set, and hardly any session needs it.
    return len(hashes) - len(set(hashes)) >= MOST_OF_A_HASH and max(Counter(hashes).values()) > MOST_OF_A_HASH


def _leaf_writer(tag: str, write: Callable[[Any], Any]) -> Callable[[Any, int], dict[str, Any]]:
    return lambda value, _depth: {tag: write(value)}


def _decimal_digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        msg = "an int of that many digits cannot be stored; store hex(value)"
        raise Unstorable(msg) from None


def _base64(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


def _pack_moment(value: dt.datetime | dt.time) -> str:
    """ISO 8601, and in brackets what that lacks: the fold of 1, and the name of the zone."""
    zone = value.tzinfo
    text = value.isoformat() + (_FOLD if value.fold else "")
    if zone is None:
        return text
    if _is_offset(zone):
        name = zone.tzname(None)
        usual = dt.timezone(value.utcoffset() or dt.timedelta()).tzname(None)
        return text if name == usual else f"{text}[={name}]"
    if type(value) is dt.datetime and type(zone) is ZoneInfo and _is_known(zone):
        return f"{text}[{zone.key}]"
    raise Unstorable(_FOREIGN_ZONE)


def _is_offset(zone: dt.tzinfo) -> bool:
    """Whether the zone is a fixed offset that ISO 8601 keeps.

    Python's `fromisoformat` drops the fraction of a second from some offsets.
    """
    return type(zone) is dt.timezone and not zone.utcoffset(None).microseconds


def _is_known(zone: ZoneInfo) -> bool:
    """Whether the zone's name is enough to get it back; a zone made from a file can have any name or none."""
    try:
        return zone.key is not None and ZoneInfo(zone.key) == zone
    except (KeyError, ValueError, OSError):
        return False


def _unpack_datetime(text: str) -> dt.datetime:
    if not text.endswith("]"):
        return _kept(dt.datetime.fromisoformat(text))
    stamp, fold, name = _parts(text)
    fixed = dt.datetime.fromisoformat(stamp).replace(fold=fold)
    if not name or name.startswith("="):
        return _kept(fixed.replace(tzinfo=_renamed(fixed.tzinfo, name)))
    local = fixed.replace(tzinfo=ZoneInfo(name))
    # Rows that were stored without the fold have the offset, which tells which of two times was meant.
    return local if local.utcoffset() == fixed.utcoffset() else local.replace(fold=1)


def _unpack_time(text: str) -> dt.time:
    if not text.endswith("]"):
        return _kept(dt.time.fromisoformat(text))
    stamp, fold, name = _parts(text)
    time = dt.time.fromisoformat(stamp)
    return _kept(time.replace(fold=fold, tzinfo=_renamed(time.tzinfo, name)))


def _parts(text: str) -> tuple[str, int, str]:
    """What `_pack_moment` has put together: the time, its fold, and what tells the name of its zone."""
    stamp, _, rest = text.partition("[")
    brackets = f"[{rest}"
    return stamp, int(brackets.startswith(_FOLD)), brackets.removeprefix(_FOLD)[1:-1]


def _renamed(zone: dt.tzinfo | None, name: str) -> dt.tzinfo | None:
    """A fixed offset with the name that follows a `=`; as it is without one."""
    offset = None if zone is None else zone.utcoffset(None)
    return zone if offset is None or not name else dt.timezone(offset, name[1:])


def _kept(moment: M) -> M:
    """The moment, unless its offset could not be stored again.

    Raises:
        ValueError: if it could not.
    """
    if moment.tzinfo is None or _is_offset(moment.tzinfo):
        return moment
    raise ValueError


def _unpack_markup(text: Any) -> str:
    if type(text) is not str:
        raise TypeError
    try:
        markup: str = importlib.import_module("markupsafe").Markup(text)
    except ImportError:
        # Templates escape plain text, so this is safe. A corrupt session would sign its visitor out.
        return text
    return markup


LONE_SURROGATE: Final = "a lone surrogate is no text; encode it as bytes"
_FOLD: Final = "[fold=1]"
_FOREIGN_ZONE: Final = (
    "a time zone other than a datetime.timezone of whole seconds or a named ZoneInfo cannot be stored;"
    " store value.astimezone(datetime.UTC)"
)
_NON_FINITE: Final = {repr(number): number for number in (math.nan, math.inf, -math.inf)}
_BUILT_IN: Final = frozenset({str, bool, int, float, type(None), list, dict, tuple, set, frozenset})
_NESTED: Final = frozenset({tuple, frozenset})
_CONTAINERS: Final = frozenset({dict, list, tuple, set, frozenset})
_OTHER_TAGS: Final = frozenset({"$dict", "$tuple", "$set", "$frozenset", "$int", "$float", "$markup"})
# The tag of each type whose values hold no others, what is written for a value, and what reads that.
_LEAVES: Final[dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]]] = {
    bytes: ("$bytes", _base64, lambda text: base64.b64decode(text, validate=True)),
    bytearray: ("$bytearray", _base64, lambda text: bytearray(base64.b64decode(text, validate=True))),
    dt.datetime: ("$datetime", _pack_moment, _unpack_datetime),
    dt.date: ("$date", dt.date.isoformat, dt.date.fromisoformat),
    dt.time: ("$time", _pack_moment, _unpack_time),
    dt.timedelta: (
        "$timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: dt.timedelta(*parts),
    ),
    Decimal: ("$decimal", str, Decimal),
    UUID: ("$uuid", str, UUID),
}
