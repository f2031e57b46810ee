"""Sealed texts: what of a session has no columns, encrypted, authenticated and bound to its row.

A sealed text is `sealed1:`, the name of its key, `:`, and in base64 a random nonce and what AES-256-GCM makes
of the text. The handle is authenticated too, so that a text of another row does not open.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable
from importlib import import_module
from os import urandom
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .._spelling import did_you_mean
from ..errors import ConfigurationError, MissingDependency
from .tags import CorruptText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .serializer import Serializer

START: Final = "sealed1:"
START_LENGTH: Final = len("sealed1:01234567:")
"""How many characters of a sealed text tell its key."""
REFUSE, READ, WRITE = "refuse", "read", "write"
UNSEALED: Final = (REFUSE, READ, WRITE)
"""The option `unsealed`."""
NONCE_LENGTH: Final = 12
SESSION: Final = b"session "
TRACE: Final = b"trace "

_SEALED: Final = re.compile(rf"{START}[0-9a-f]{{8}}:")
# Decodes three times as fast as `binascii`.
_BASE64: Final = msgspec.json.Decoder(bytes)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=?")


def is_sealed(text: object) -> bool:
    """Whether some key has sealed a text, of which the start is enough."""
    return isinstance(text, str) and _SEALED.match(text) is not None


class Sealing:
    """Seals the texts of one table's rows, and opens them.

    Args:
        keys: of 32 bytes each; the first one seals.
        unsealed: the option.
        table: the table's name.

    Raises:
        MissingDependency: without the package `cryptography`.
    """

    def __init__(self, keys: Sequence[bytes], *, unsealed: str, table: str) -> None:
        try:
            ciphers = import_module(".ciphers", __package__)
        except ImportError:
            ciphers = None
        if ciphers is None:
            msg = "encryption_keys needs the package cryptography"
            raise MissingDependency(msg, extra="encryption")
        self._ciphers = {f"{START}{ciphers.name(key)}:": ciphers.cipher(key, table) for key in keys}
        self._start, first = next(iter(self._ciphers.items()))
        self._encrypt = first.encrypt
        self._broken = (ValueError, msgspec.DecodeError, ciphers.InvalidTag)
        self._reads_unsealed = unsealed != REFUSE
        self._seals = unsealed != WRITE

    def seal(self, text: str, handle: str, role: bytes = SESSION) -> str:
        """The text as the row of a handle keeps it.

        Args:
            text: of a session, or of a trace.
            handle: the row's.
            role: tells a session from a trace.
        """
        if not self._seals:
            return text
        nonce = urandom(NONCE_LENGTH)
        sealed = nonce + self._encrypt(nonce, text.encode(), role + handle.encode())
        return self._start + b2a_base64(sealed, newline=False).decode()

    def open(self, text: Any, handle: str, role: bytes = SESSION) -> Any:
        """The text that was sealed for the row of a handle.

        Args:
            text: as the row has it.
            handle: see `seal`.
            role: see `seal`.

        Raises:
            CorruptText: for any other text; for one that is not sealed only if `unsealed` refuses it.
        """
        cipher = None if text is None else self._ciphers.get(text[:START_LENGTH])
        if cipher is None:
            return self._unsealed(text)
        try:
            sealed = _BASE64.decode(f'"{text[START_LENGTH:]}"')
            opened = cipher.decrypt(sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], role + handle.encode())
            return opened.decode()
        except self._broken:
            pass
        raise CorruptText("it was sealed for another row or table, or was changed since")

    def _unsealed(self, text: Any) -> Any:
        if text is not None and text.startswith(START):
            raise CorruptText("it is sealed with a key that is not among encryption_keys")
        if not self._reads_unsealed:
            raise CorruptText("it is not sealed, which the option unsealed refuses")
        return text

    def is_current(self, start: object) -> bool:
        """Whether a text that begins so has the form in which it would be written now."""
        return start == self._start if self._seals else not is_sealed(start)

    def knows(self, start: object) -> bool:
        """Whether a text that begins so can be opened, if nobody has changed it."""
        return start in self._ciphers if is_sealed(start) else self._reads_unsealed


def sealing_for(option: object, unsealed: object, serializer: Serializer, *, table: str) -> Sealing | None:
    """What the options `encryption_keys` and `unsealed` stand for.

    Args:
        option: the keys: a list of texts, or one text with blanks between the keys.
        unsealed: see `UNSEALED`.
        serializer: makes the texts.
        table: the table's name.

    Returns:
        None without keys.

    Raises:
        ConfigurationError: for what is no key, for a key that is given twice, for another `unsealed`, and for
            a serializer whose texts cannot be sealed. It shows no key.
        MissingDependency: without the package `cryptography`.
    """
    if unsealed not in UNSEALED:
        msg = f"unsealed={unsealed!r}: {did_you_mean(str(unsealed), UNSEALED)}"
        raise ConfigurationError(msg)
    keys = _keys(option)
    if not keys:
        if unsealed != REFUSE:
            msg = f"unsealed={unsealed!r} needs encryption_keys; without them nothing is sealed"
            raise ConfigurationError(msg)
        return None
    empty = serializer.dumps({})
    if not isinstance(empty, str):
        msg = (
            f"encryption_keys seal text, but {type(serializer).__name__}.dumps returns"
            f" {type(empty).__name__}: let it return a str"
        )
        raise ConfigurationError(msg)
    return Sealing(keys, unsealed=str(unsealed), table=table)


def _keys(option: object) -> list[bytes]:
    if isinstance(option, (str, bytes)):
        given: list[Any] = list(option.split())
    elif isinstance(option, Iterable):
        given = list(option)
    else:
        msg = f"encryption_keys takes a list of keys, not {type(option).__name__}"
        raise ConfigurationError(msg)
    keys: list[bytes] = []
    for number, one in enumerate(given, 1):
        text = one.decode("ascii", "replace") if isinstance(one, bytes) else one
        if not isinstance(text, str) or _KEY.fullmatch(text) is None:
            msg = (
                f"encryption_keys: key {number} is not 32 bytes as base64url text; this makes one:"
                " base64.urlsafe_b64encode(os.urandom(32))"
            )
            raise ConfigurationError(msg)
        key = urlsafe_b64decode(text.rstrip("=") + "=")
        if key in keys:
            msg = f"encryption_keys: key {number} is key {keys.index(key) + 1} again; give each key once"
            raise ConfigurationError(msg)
        keys.append(key)
    return keys
