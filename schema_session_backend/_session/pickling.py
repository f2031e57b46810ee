"""Sessions as pickle, for an application that asks for it by name, and the choice between the serializers."""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError, UnserializableValue, did_you_mean
from .serializer import CorruptText, JsonSerializer, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .serializer import Serializer


class PickleSerializer(JsonSerializer):
    """Pickle, for sessions that hold objects of the application's own.

    Whoever can write to the table can then run code in the application: that is why it has to be asked
    for by name. Rows that were written as JSON are still read.
    """

    _PREFIX = "pickle:"

    def dumps(self, data: Mapping[Any, Any]) -> str:
        """The pickle of `data` as text.

        Raises:
            UnserializableValue: naming the key whose value cannot be pickled.
        """
        try:
            pickled = pickle.dumps(dict(data), protocol=5)
        except Exception:  # noqa: BLE001 - __reduce__ of any object may raise anything
            pickled = None
        if pickled is None:
            raise UnserializableValue(self._unpicklable(data), "its value cannot be pickled")
        return self._PREFIX + base64.b64encode(pickled).decode("ascii")

    def loads(self, text: str) -> dict[Any, Any]:
        """The dict of a text that either serializer wrote.

        Raises:
            CorruptText: if it is anything else.
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

    def same(self, one: object, other: object) -> bool:
        """Whether two values are equal, or pickle to the same bytes."""
        if type(one) is type(other) and one == other:
            return True
        return self.dumps({"": one}) == self.dumps({"": other})

    @staticmethod
    def _unpicklable(data: Mapping[Any, Any]) -> str:
        for key, value in data.items():
            try:
                pickle.dumps(value, protocol=5)
            except Exception:  # noqa: BLE001 - as above
                return name_of(key)
        return "<key>"


_BY_NAME: Final[dict[str, type[JsonSerializer]]] = {"json": JsonSerializer, "pickle": PickleSerializer}


def serializer_for(choice: str | Serializer) -> Serializer:
    """The serializer that an option names, or the object itself.

    Raises:
        ConfigurationError: for a name that is none.
    """
    if not isinstance(choice, str):
        if all(callable(getattr(choice, method, None)) for method in ("dumps", "loads", "same")):
            return choice
        msg = f"serializer takes 'json', 'pickle' or an object with dumps, loads and same, not {choice!r}"
        raise ConfigurationError(msg)
    if choice not in _BY_NAME:
        msg = f"serializer={choice!r}: {did_you_mean(choice, _BY_NAME)}"
        raise ConfigurationError(msg)
    return _BY_NAME[choice]()
