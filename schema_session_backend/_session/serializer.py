"""Readable tagged JSON: the text form of the part of a session that has no columns.

Plain JSON values are written as they are, any other value with a tag, see `tags`.
"""

from __future__ import annotations

import marshal
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ..errors import SessionTooLarge, UnserializableValue
from .plain import EQUAL_KEYS, MAX_DEPTH, Unstorable
from .tags import MAX_KEYS, CorruptText, Tagging, encoded, object_of, require_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .tags import Converter

NO_CONVERTERS: Final[Mapping[type, Converter]] = MappingProxyType({})


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
        """Whether two values, `left` and `right`, come back equal and of equal types at every depth.

        Raises:
            UnserializableValue: for a value that `dumps` refuses.
        """
        ...


# Every int outside of 64 bits has at least 19 digits.
_LONG_NUMBER: Final = b"0" * 19
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_NOT_A_NUMBER: Final = re.compile('nan[0-9]*"', re.IGNORECASE)
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
        # A tuple, a NaN and a key that is no str come back unequal, and so does a set. marshal must not see
        # sets: it writes the members of each twice, and so those of nested sets again and again.
        if _DECODER.decode(text) != data:
            return None
        # An instance of a subclass may come back equal, so have marshal refuse it.
        marshal.dumps(data, 2)  # type: ignore[arg-type]
        return text.decode()
    except Exception:  # noqa: BLE001 - `_pack` then finds the cause, and the caller names the key
        return None


class JsonSerializer:
    """Readable tagged JSON: loading a row cannot run code, and SQL can query plain values.

    Args:
        converters: for types of the application's own, see the option `types`.
        strict: whether instances of subclasses and lazy strings are refused.

    Raises:
        ConfigurationError: naming the converter that cannot work.
    """

    def __init__(self, converters: Mapping[type, Converter] = NO_CONVERTERS, *, strict: bool = False) -> None:
        self._tagging = Tagging(converters, strict=strict)

    def dumps(self, data: Mapping[Any, Any]) -> str:
        """The JSON text for `data`.

        Raises:
            UnserializableValue: naming the key whose value would not come back equal.
            SessionTooLarge: if there are more than 10,000 keys.
        """
        plain = _plain(data)
        if plain is not None:
            return plain
        if len(data) > MAX_KEYS:
            problem = f"the session has {len(data)} keys; {MAX_KEYS} is the most, so store fewer"
            raise SessionTooLarge(problem, size=len(data), limit=MAX_KEYS)
        pairs = [self._pair(key, value) for key, value in data.items()]
        try:
            return _ENCODER.encode(object_of(pairs)).decode()
        except (UnicodeEncodeError, Unstorable):
            pass
        raise UnserializableValue(*_fault(data, pairs))

    def loads(self, text: str) -> dict[Any, Any]:
        """The dict in a text that `dumps` wrote.

        Raises:
            CorruptText: for any other text.
        """
        try:
            data = _DECODER.decode(text)
            if '"$' in text:
                data = self._tagging.unpack(data)
                if _NOT_A_NUMBER.search(text):
                    # Equal to nothing, it may be in a set twice.
                    self.dumps(data)
            if _may_be_large(text):
                require_limits(data)
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
        """Whether two values come back equal and of equal types at every depth."""
        return self.dumps({"": left}) == self.dumps({"": right})

    def _pair(self, key: Any, value: Any) -> tuple[Any, Any]:
        """A key and its value, with tags.

        Raises:
            UnserializableValue: naming the key.
        """
        try:
            return key if type(key) is str else self._tagging.pack(key), self._tagging.pack(value)
        except Unstorable as error:
            problem = str(error)
        raise UnserializableValue(name_of(key), problem)


def _may_be_large(text: str) -> bool:
    """Whether a JSON text may have more levels or keys than a session; what its strings hold counts too."""
    may_be_deep = text.count("{") + text.count("[") > MAX_DEPTH
    return may_be_deep or (len(text) > MAX_KEYS and text.count(":") > MAX_KEYS)


def name_of(key: object) -> str:
    """A session's key as error messages name it; a key that is no text may hold a value, so only its type."""
    return key if type(key) is str else f"<{type(key).__name__}>"


def _fault(data: Mapping[Any, Any], pairs: list[tuple[Any, Any]]) -> tuple[str, str]:
    """The name of the key of `data` that cannot be encoded, and the problem.

    `pairs` are the keys and values of `data` with tags.
    """
    for key, pair in zip(data, pairs, strict=True):
        try:
            encoded(pair)
        except Unstorable as error:
            return name_of(key), str(error)
    return "<session>", EQUAL_KEYS
