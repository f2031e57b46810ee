"""Plain values for instances of subclasses and lazy strings, and what to store instead of other values."""

from __future__ import annotations

import datetime as dt
import enum
import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH: Final = 100
# A session holds values of a few types only, and looking at a type takes longer than looking it up.
TYPES_AT_HAND: Final = 256


class Unstorable(Exception):
    """A value that would not come back equal; whoever catches it knows the key."""


def has_plain_value(kind: type) -> bool:
    """Whether the instances of a type stand for a plain value, being no plain values themselves."""
    return _base_of(kind) is not None


def plain_value(value: Any) -> Any:
    """The value of exactly a built-in type that an instance of a subclass or a lazy string stands for.

    The items of a dict, list or tuple stay as they are.

    Raises:
        Unstorable: if `value` has none, or if it shows other content than its plain value has, as a dict with
            several values of a key does.
    """
    kind: type = type(value)
    base = _base_of(kind)
    if base is None:
        raise Unstorable(refusal(kind))
    try:
        plain = str.__str__(str(value)) if _is_lazy(kind) else _PLAIN[base](value)
        # NaN equals nothing, not even itself.
        is_equal = bool(value == plain) or plain != plain  # noqa: PLR0124
    except Exception:  # noqa: BLE001 - the application's own class may raise anything
        is_equal = False
    if not is_equal:
        raise Unstorable(refusal(kind))
    return plain


def plain_copy(value: Any, levels: int = MAX_DEPTH) -> Any:
    """A value with plain values at every depth of its lists, tuples and dicts.

    Raises:
        Unstorable: as `plain_value` does, and for more than that many `levels`.
    """
    if has_plain_value(type(value)):
        value = plain_value(value)
    kind = type(value)
    if kind not in {list, tuple, dict}:
        return value
    if levels == 0:
        raise Unstorable(TOO_DEEP)
    if kind is not dict:
        return kind(plain_copy(item, levels - 1) for item in value)
    copy = {plain_copy(key, levels - 1): plain_copy(item, levels - 1) for key, item in value.items()}
    if len(copy) < len(value):
        raise Unstorable(EQUAL_KEYS)
    return copy


def refusal(kind: type) -> str:
    """The error for a value of a type, as the end of a message: what is wrong, and what to store instead."""
    return f"a value of type {full_name(kind)} would not come back equal; store {instead_of(kind)}"


def instead_of(kind: type) -> str:
    """What to store instead of a value of a type, as code."""
    return next(code for applies, code in _INSTEAD if applies(kind))


def full_name(kind: type) -> str:
    """The name of a type with its module's."""
    return f"{kind.__module__}.{kind.__qualname__}"


TOO_DEEP: Final = f"is nested deeper than {MAX_DEPTH} levels, or contains itself; store it flatter"
EQUAL_KEYS: Final = "has two keys or members that are equal as plain values; store plain values"


@functools.lru_cache(TYPES_AT_HAND)
def _base_of(kind: type) -> type | None:
    if kind in _PLAIN or kind is bool:
        return None
    return str if _is_lazy(kind) else next((base for base in _PLAIN if issubclass(kind, base)), None)


@functools.lru_cache(TYPES_AT_HAND)
def _is_lazy(kind: type) -> bool:
    return any(full_name(base) in _LAZY for base in kind.__mro__)


def _plain_dict(value: Any) -> dict[Any, Any]:
    # The order of an OrderedDict is not that of the dict inside, so take the items as they are shown.
    shown, inside = dict(value.items()), dict.copy(value)
    is_same = len(shown) == len(inside) and all(inside[key] is item for key, item in shown.items())
    # Refuse an empty dict of several values a key too, so that the error does not wait for the first query.
    if not is_same or hasattr(value, "getlist"):
        raise ValueError
    return shown


def _plain_items(inside: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def plain(value: Any) -> Any:
        items = inside(value)
        if not all(one is other for one, other in zip(items, value, strict=True)):
            raise ValueError
        return items

    return plain


# The methods of the built-in types read what is inside, whatever a subclass has put over them.
_PLAIN: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    dict: _plain_dict,
    list: _plain_items(list.copy),
    tuple: _plain_items(lambda value: tuple.__getitem__(value, slice(None))),
}
# Known by name, because these packages are imported by the application, if at all.
_LAZY: Final = frozenset({
    "babel.support.LazyProxy", "django.utils.functional.Promise", "flask_babel.speaklater.LazyString",
    "speaklater._LazyString",
})  # fmt: skip


def _has(*names: str) -> Callable[[type], bool]:
    return lambda kind: all(hasattr(kind, name) for name in names)


def _is(*bases: type) -> Callable[[type], bool]:
    return lambda kind: issubclass(kind, bases)


# The first that applies is said.
_INSTEAD: Final[tuple[tuple[Callable[[type], bool], str], ...]] = (
    (_is_lazy, "str(value)"),
    (_has("_get_current_object"), "value._get_current_object()"),
    (_has("getlist", "to_dict"), "value.to_dict(flat=False)"),
    (_has("dict_of_lists"), "value.dict_of_lists()"),
    (_has("getlist", "lists"), "dict(value.lists())"),
    (_has("__dataclass_fields__"), "dataclasses.asdict(value)"),
    (_has("model_dump"), "value.model_dump()"),
    (_has("__attrs_attrs__"), "attrs.asdict(value)"),
    (_has("__struct_fields__"), "msgspec.structs.asdict(value)"),
    (_is(enum.Enum), "value.value"),
    (_has("__html__", "striptags"), "Markup(value)"),
    (_is(str), "str(value)"),
    (_is(int), "int(value)"),
    (_is(float), "float(value)"),
    (_has("dtype", "tolist"), "value.tolist()"),
    (_is(tuple), "tuple(value)"),
    (_is(Mapping), "dict(value)"),
    (_is(bytes, bytearray, memoryview), "bytes(value)"),
    (_is(Decimal), "Decimal(value)"),
    (_is(dt.date, dt.time), "value.isoformat()"),
    (_has("__iter__"), "list(value)"),
    (_is(object), "str(value)"),
)
