"""Sessions as the text that Beaker's own serializers make of them: base64 of a pickle, or of compressed JSON.

Beaker does not tell a back end which serializer it uses. So a session that was read from JSON is marked with
`SERIALIZER_KEY`, and becomes JSON again when it is written.
"""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any, Final

from .._session.plain import Unstorable, plain_copy
from .._session.serializer import name_of
from ..errors import ConfigurationError, UnserializableValue

SERIALIZER_KEY: Final = "_beaker_serializer"
JSON: Final = "json"
ENCRYPTION_REFUSED: Final = (
    "session.encrypt_key hides the fields from the store, so they cannot go into columns: leave it out."
    " To seal what stands beside the columns, set session.encryption_keys (docs/howto/encryption.md)"
)
# The start of the pickle of a dict as Beaker makes it. An encrypted text hardly ever starts like this.
_PICKLED_DICT: Final = b"\x80\x02}"


def deserialized(text: str) -> dict[str, Any]:
    """The session in a text of either serializer; a session from JSON is marked.

    Raises:
        ConfigurationError: for an encrypted session.
        UnserializableValue: for a value that can be pickled but not unpickled.
    """
    raw = base64.b64decode(text)
    is_pickle = raw.startswith(_PICKLED_DICT)
    try:
        # Unpickling is safe here, because Beaker has pickled the session in this process a moment before.
        data = pickle.loads(raw) if is_pickle else json.loads(zlib.decompress(raw))  # noqa: S301
    except Exception:  # noqa: BLE001 - unpickling may raise anything
        data = None
    if is_pickle and data is None:
        problem = "one of its values cannot be unpickled; store plain values, such as str(value)"
        raise UnserializableValue("<session>", problem)
    if not isinstance(data, dict):
        raise ConfigurationError(ENCRYPTION_REFUSED)
    return data if is_pickle else {**data, SERIALIZER_KEY: JSON}


def serialized(data: dict[str, Any]) -> str:
    """The text for a session, from the serializer that the session is marked with; the mark is removed.

    Raises:
        ConfigurationError: naming the key whose value JSON cannot represent.
    """
    is_json = data.pop(SERIALIZER_KEY, None) == JSON
    raw = zlib.compress(_json_of(data).encode()) if is_json else pickle.dumps(data, 2)
    return base64.b64encode(raw).decode("ascii")


def through_json(data: dict[str, Any]) -> dict[str, Any]:
    """The session as JSON gives it back: a tuple becomes a list, and a number as key becomes text.

    Raises:
        ConfigurationError: naming the key whose value JSON cannot represent.
        UnserializableValue: naming the key of a value of which JSON would drop a part.
    """
    return dict(json.loads(_json_of({key: _plain(key, value) for key, value in data.items()})))


def _plain(key: str, value: Any) -> Any:
    try:
        return plain_copy(value)
    except Unstorable as error:
        problem = str(error)
    raise UnserializableValue(name_of(key), problem)


def _json_of(data: dict[str, Any]) -> str:
    try:
        return json.dumps(data)
    except TypeError:
        # Raise another error: for a TypeError while it loads a session, Beaker gives the visitor a new one.
        key = next(key for key, value in data.items() if not _is_json({key: value}))
    kind = type(data[key]).__name__
    raise ConfigurationError(f"session key {key!r}: data_serializer = json cannot carry a {kind}; use pickle")


def _is_json(data: dict[str, Any]) -> bool:
    try:
        json.dumps(data)
    except TypeError:
        return False
    return True
