"""AES-256-GCM with the keys of the option `encryption_keys`. Only this module imports `cryptography`.

A key of the option is never used itself: the keys that are used are derived from it and the table's name, so
that no text of another table opens.
"""

from __future__ import annotations

import os
import zlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

KEY_LENGTH: Final = 32
NAME_LENGTH: Final = 4
NONCE_LENGTH: Final = 12
# Two of 2^32 texts of one key have the same random nonce with a probability of 2^-33. With a key for each of
# so many parts of the table, two of 2^36 texts have.
PARTS: Final = 256


class Key:
    """A key for the texts of one table.

    Args:
        secret: 32 random bytes.
        table: the table's name.
    """

    def __init__(self, secret: bytes, table: str) -> None:
        self._secret = secret
        self._table = table
        self._ciphers: dict[int, AESGCM] = {}
        self.name = self._derived("name", NAME_LENGTH).hex()
        """Tells the keys apart, and nothing else."""

    def seal(self, text: bytes, bound: bytes) -> bytes:
        """Encrypt a text.

        Args:
            text: of any length.
            bound: what has to be the same when the text is opened.
        """
        nonce = os.urandom(NONCE_LENGTH)
        return nonce + self._cipher(bound).encrypt(nonce, text, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """The inverse of `seal`.

        Raises:
            ValueError: for anything else than `seal` made of this `bound`.
        """
        try:
            return self._cipher(bound).decrypt(sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], bound)
        except InvalidTag:
            pass
        raise ValueError

    def _cipher(self, bound: bytes) -> AESGCM:
        part = zlib.crc32(bound) % PARTS
        cipher = self._ciphers.get(part)
        if cipher is None:
            key = self._derived(f"part {part} of {self._table}", KEY_LENGTH)
            cipher = self._ciphers[part] = AESGCM(key)
        return cipher

    def _derived(self, purpose: str, length: int) -> bytes:
        info = f"schema_session_backend 1 {purpose}".encode()
        return HKDFExpand(SHA256(), length, info).derive(self._secret)
