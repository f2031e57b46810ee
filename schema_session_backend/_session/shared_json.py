"""The text form in a table that other software writes too, where `{"$gt": 5}` is an object like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import SessionStoreError
from .plain import MAX_DEPTH
from .serializer import JsonSerializer
from .tags import CorruptText, looks_tagged, require_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPE: Final = "$dict"


class SharedJsonSerializer(JsonSerializer):
    """Tagged JSON in which only what `JsonSerializer` would write is a tag.

    Any other object is plain data, also if its one key begins with `$`, and it is written as it was read.
    """

    def dumps(self, data: Mapping[Any, Any]) -> str:
        """The JSON text for `data`; raises as `JsonSerializer.dumps` does."""
        text = super().dumps(data)
        if f'"{_ESCAPE}"' not in text:
            return text
        return msgspec.json.encode(self._bared(msgspec.json.decode(text))).decode()

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
                text = msgspec.json.encode(self._escaped(value)).decode()
            except CorruptText:
                raise
            except (ValueError, RecursionError) as error:
                problem = f"it is no JSON ({type(error).__name__})"
            else:
                return super().loads(text)
            raise CorruptText(problem)
        return super().loads(text)

    def _escaped(self, value: Any) -> Any:
        """JSON with the objects of other software as those of dicts that only look like a tag."""
        if type(value) is list:
            return [self._escaped(item) for item in value]
        if type(value) is not dict:
            return value
        escaped = {key: self._escaped(item) for key, item in value.items()}
        if not looks_tagged(value) or self._is_tag(escaped):
            return escaped
        return {_ESCAPE: [list(pair) for pair in escaped.items()]}

    def _bared(self, value: Any) -> Any:
        """The inverse of `_escaped`."""
        if type(value) is list:
            return [self._bared(item) for item in value]
        if type(value) is not dict:
            return value
        bare = self._of_other_software(value)
        return {key: self._bared(item) for key, item in (value if bare is None else bare).items()}

    def _of_other_software(self, value: dict[str, Any]) -> dict[str, Any] | None:
        pairs = value.get(_ESCAPE)
        if len(value) != 1 or pairs is None or len(pairs) != 1 or type(pairs[0][0]) is not str:
            return None
        bare = dict(pairs)
        return bare if looks_tagged(bare) and not self._is_tag(bare) else None

    def _is_tag(self, value: dict[str, Any]) -> bool:
        """Whether an object is exactly what is written for a value of some type."""
        text = msgspec.json.encode([value]).decode()
        try:
            known = super().loads(f'{{"":{text}}}')
            return bool(msgspec.json.decode(super().dumps(known)) == {"": [value]})
        except (CorruptText, SessionStoreError):
            return False
