"""Keys for `encryption_keys`."""

from __future__ import annotations

import base64
import os


def new_key() -> str:
    """A new key, as `cryptography`'s `Fernet.generate_key` makes them."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
