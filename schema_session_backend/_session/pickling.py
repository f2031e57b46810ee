"""Sessions as pickle, for applications that choose it by name, and the option that chooses a serializer."""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING, Any, Final

from .._spelling import did_you_mean
from ..errors import ConfigurationError, UnserializableValue
from .serializer import NO_CONVERTERS, JsonSerializer, name_of
from .shared_json import SharedJsonSerializer
from .tags import CorruptText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .serializer import Serializer
    from .tags import Converter


class PickleSerializer(JsonSerializer):
    """Pickle, for sessions that hold objects of the application's own classes.

    With pickle, anyone who can write to the table can run code in the application, so pickle is used only if
    the application chooses it by name. Rows that were written as JSON are read too.
    """

    _PREFIX = "pickle:"

    def dumps(self, data: Mapping[Any, Any]) -> str:
        """The pickle of `data` as text.

        Raises:
            UnserializableValue: naming the key whose value cannot be pickled and unpickled.
        """
        pickled = _pickled(dict(data))
        if pickled is None:
            problem = "its value cannot be pickled and unpickled; store plain data, such as str(value)"
            raise UnserializableValue(_unpicklable_key(data), problem)
        return self._PREFIX + base64.b64encode(pickled).decode("ascii")

    def loads(self, text: str) -> dict[Any, Any]:
        """The dict in a text that this serializer or `JsonSerializer` wrote.

        Raises:
            CorruptText: for any other text.
        """
        if not text.startswith(self._PREFIX):
            return super().loads(text)
        try:
            data = pickle.loads(base64.b64decode(text[len(self._PREFIX) :], validate=True))  # noqa: S301
        except Exception as error:  # noqa: BLE001 - unpickling may raise anything
            problem = f"it cannot be unpickled ({type(error).__name__})"
        else:
            if type(data) is dict:
                return data
            problem = "it is no pickled dict"
        raise CorruptText(problem)

    def same(self, left: object, right: object) -> bool:
        """Whether two values are equal, or have the same pickle."""
        if type(left) is type(right) and left == right:
            return True
        return self.dumps({"": left}) == self.dumps({"": right})


def _pickled(value: object) -> bytes | None:
    """The pickle of a value, or None if it cannot be pickled and unpickled."""
    try:
        pickled = pickle.dumps(value, protocol=5)
        # Some objects can be pickled only, and would make the whole session unreadable.
        pickle.loads(pickled)  # noqa: S301 - made just now, of the application's own value
    except Exception:  # noqa: BLE001 - an object's __reduce__ may raise anything
        return None
    return pickled


def _unpicklable_key(data: Mapping[Any, Any]) -> str:
    """The name of the key whose value cannot be pickled and unpickled."""
    return next((name_of(key) for key, value in data.items() if _pickled(value) is None), "<key>")


_BY_NAME: Final[dict[str, type[JsonSerializer]]] = {"json": JsonSerializer, "pickle": PickleSerializer}


def serializer_for(
    option: str | Serializer,
    converters: Mapping[type, Converter] | None = None,
    *,
    strict: bool = False,
    shared: bool = False,
) -> Serializer:
    """The serializer that the option `serializer` stands for.

    Args:
        option: `"json"`, `"pickle"`, or a serializer.
        converters: the option `types`; with `"pickle"`, for rows that were written as JSON.
        strict: the option `strict_types`.
        shared: whether other software may write the same table.

    Raises:
        ConfigurationError: for an unknown name, for an object that is no serializer, and for converters that
            cannot work.
    """
    if not isinstance(option, str):
        if converters is not None:
            msg = "types= is for serializer='json'; a serializer of your own converts by itself"
            raise ConfigurationError(msg)
        if all(callable(getattr(option, method, None)) for method in ("dumps", "loads", "same")):
            return option
        msg = f"serializer takes 'json', 'pickle' or an object with dumps, loads and same, not {option!r}"
        raise ConfigurationError(msg)
    if option not in _BY_NAME:
        msg = f"serializer={option!r}: {did_you_mean(option, _BY_NAME)}"
        raise ConfigurationError(msg)
    kind = SharedJsonSerializer if shared and option == "json" else _BY_NAME[option]
    return kind(NO_CONVERTERS if converters is None else converters, strict=strict)
