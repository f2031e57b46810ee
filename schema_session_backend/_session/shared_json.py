"""The text form in a table that other software writes too, where `{"$gt": 5}` is an object like any other."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from .plain import MAX_DEPTH, Unstorable
from .serializer import JsonSerializer
from .tags import (
    LARGEST_INT,
    MAX_KEYS,
    SMALLEST_INT,
    CorruptText,
    encoded,
    looks_tagged,
    object_of,
    require_limits,
    share_a_hash,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ESCAPE: Final = "$dict"
# The longest content of a tag that holds no other values: that of a timedelta.
_MOST_PARTS: Final = 3


class _Nothing:
    """The type of `NOTHING`."""


NOTHING: Final = _Nothing()
"""Stands for the value of JSON that `JsonSerializer` writes for no value."""


class Read(NamedTuple):
    """JSON, and the value for which exactly this JSON is written."""

    json: Any
    value: Any


class SharedJsonSerializer(JsonSerializer):
    """Tagged JSON in which only what `JsonSerializer` would write is a tag.

    Any other object is plain data, also if its one key begins with `$`, and it is written as it was read.
    """

    def dumps(self, data: Mapping[Any, Any]) -> str:
        """The JSON text for `data`; raises as `JsonSerializer.dumps` does."""
        text = super().dumps(data)
        if f'"{_ESCAPE}"' not in text:
            return text
        bare, _ = self._bared(msgspec.json.decode(text))
        return msgspec.json.encode(bare).decode()

    def loads(self, text: str) -> dict[Any, Any]:
        """The dict in a JSON text.

        Raises:
            CorruptText: for a text that is no JSON object.
        """
        if '"$' in text:
            try:
                value = msgspec.json.decode(text)
                # Each level is read and written once more, and a tag takes up to three.
                require_limits(value, 3 * MAX_DEPTH)
                text = msgspec.json.encode(self._escaped(value).json).decode()
            except CorruptText:
                raise
            except (ValueError, RecursionError) as error:
                problem = f"it is no JSON ({type(error).__name__})"
            else:
                return super().loads(text)
            raise CorruptText(problem)
        return super().loads(text)

    def _escaped(self, value: Any) -> Read:
        """JSON with the objects of other software as those of dicts that only look like a tag."""
        if type(value) is list:
            return _list_of([self._escaped(item) for item in value])
        if type(value) is not dict:
            return _leaf(value)
        if not looks_tagged(value):
            return _dict_of({key: self._escaped(item) for key, item in value.items()})
        [(tag, content)] = value.items()
        read = self._escaped(content)
        known = self._known(tag, read)
        if known is not NOTHING:
            return Read({tag: read.json}, known)
        return Read({_ESCAPE: [[tag, read.json]]}, _dict_of({tag: read}).value)

    def _bared(self, value: Any) -> tuple[Any, Read]:
        """The inverse of `_escaped`: JSON without these escapes, and the JSON as it is."""
        if type(value) is list:
            items = [self._bared(item) for item in value]
            return [bare for bare, _ in items], _list_of([read for _, read in items])
        if type(value) is not dict:
            return value, _leaf(value)
        if not looks_tagged(value):
            pairs = {key: self._bared(item) for key, item in value.items()}
            bare = {key: one for key, (one, _) in pairs.items()}
            return bare, _dict_of({key: read for key, (_, read) in pairs.items()})
        [(tag, content)] = value.items()
        bare, read = self._bared(content)
        if tag == _ESCAPE and len(content) == 1 and type(content[0][0]) is str:
            name, inner = content[0]
            known = NOTHING if read.value is NOTHING else read.value[0][1]
            if self._known(name, Read(inner, known)) is NOTHING:
                return {name: bare[0][1]}, Read(value, {name: known})
        return {tag: bare}, Read(value, self._known(tag, read))

    def _known(self, tag: str, content: Read) -> Any:
        """The value for which exactly this tag with this content is written.

        What the content holds is not gone through again, because a hostile text has hundreds of levels.
        """
        if tag in _CONTAINERS:
            return NOTHING if content.value is NOTHING else _CONTAINERS[tag](content)
        packed = {tag: content.json}
        if not self._tagging.is_own(tag) and not _is_short(content.json):
            return NOTHING
        try:
            value = self._tagging.unpack(packed)
            return value if self._tagging.pack(value) == packed else NOTHING
        except Exception:  # noqa: BLE001 - a hostile text may cause any error
            return NOTHING


def _leaf(value: Any) -> Read:
    is_written = True
    if type(value) is float:
        is_written = math.isfinite(value)
    elif type(value) is int:
        is_written = SMALLEST_INT <= value <= LARGEST_INT
    return Read(value, value if is_written else NOTHING)


def _list_of(items: list[Read]) -> Read:
    values = [item.value for item in items]
    is_written = all(value is not NOTHING for value in values)
    return Read([item.json for item in items], values if is_written else NOTHING)


def _dict_of(items: dict[str, Read]) -> Read:
    values = {key: item.value for key, item in items.items()}
    is_written = len(items) <= MAX_KEYS and all(value is not NOTHING for value in values.values())
    return Read({key: item.json for key, item in items.items()}, values if is_written else NOTHING)


def _is_short(content: Any) -> bool:
    """Whether a tag's content is no JSON but one value, or few."""
    if type(content) is list:
        return len(content) <= _MOST_PARTS and not any(type(part) in {list, dict} for part in content)
    return type(content) is not dict


def _tuple_of(content: Read) -> Any:
    return tuple(content.value) if type(content.json) is list else NOTHING


def _set_of(kind: type[set[Any] | frozenset[Any]]) -> Callable[[Read], Any]:
    def of(content: Read) -> Any:
        if type(content.json) is not list:
            return NOTHING
        texts = [encoded(item) for item in content.json]
        if not all(text < after for text, after in pairwise(texts)):
            return NOTHING
        try:
            if share_a_hash(content.value):
                return NOTHING
            members = kind(content.value)
        except TypeError:  # one of them has no hash
            return NOTHING
        return members if len(members) == len(texts) else NOTHING

    return of


def _dict_of_pairs(content: Read) -> Any:
    pairs = content.json
    if type(pairs) is not list or len(pairs) > MAX_KEYS:
        return NOTHING
    try:
        if object_of([(key, item) for key, item in pairs]) != {_ESCAPE: pairs}:
            return NOTHING
        if share_a_hash([key for key, _ in content.value]):
            return NOTHING
        data = dict(content.value)
    except (TypeError, ValueError, Unstorable):  # no pairs, a key without a hash, or one that is there twice
        return NOTHING
    return data if len(data) == len(pairs) else NOTHING


_CONTAINERS: Final[dict[str, Callable[[Read], Any]]] = {
    "$tuple": _tuple_of,
    "$set": _set_of(set),
    "$frozenset": _set_of(frozenset),
    _ESCAPE: _dict_of_pairs,
}
