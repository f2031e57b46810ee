"""AES-256-GCM with the keys of the option `encryption_keys`. Only this module imports `cryptography`."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

__all__ = ["AESGCM", "InvalidTag", "cipher", "name"]

KEY_LENGTH: Final = 32
NAME_LENGTH: Final = 4


def cipher(secret: bytes, table: str) -> AESGCM:
    """What a key does for one table. No text that it seals there opens in another table.

    Args:
        secret: the key, 32 random bytes.
        table: the table's name.
    """
    return AESGCM(_derived(secret, f"table {table}", KEY_LENGTH))


def name(secret: bytes) -> str:
    """Eight hexadecimal digits that tell a key from others, and nothing else of it."""
    return _derived(secret, "name", NAME_LENGTH).hex()


def _derived(secret: bytes, purpose: str, length: int) -> bytes:
    info = f"schema_session_backend 1 {purpose}".encode()
    return HKDFExpand(SHA256(), length, info).derive(secret)
