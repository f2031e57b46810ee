"""The sessions that are measured: about 600 bytes each, as a shop would have them."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

SCHEMAS = "user_id Integer index; device String(50); ip String(45)"
DECLARED = ("user_id", "device", "ip")
MAX_AGE = 24 * 60 * 60
SESSIONS_OF_A_USER = 5


def session(number: int) -> dict[str, Any]:
    """What one visitor's session holds."""
    return {
        "user_id": number // SESSIONS_OF_A_USER,
        "device": "Firefox on Fedora",
        "ip": "203.0.113.42",
        "csrf_token": hashlib.sha1(b"%d" % number).hexdigest(),
        "cart": [{"article": article, "amount": 2, "price": "19.90"} for article in range(1000, 1006)],
        "flash": ["Your address was changed."],
        "language": "en",
        "next": "/account/orders?page=2",
        "preferences": {"theme": "dark", "newsletter": False, "currency": "EUR", "columns": [1, 2, 5]},
        "visits": number,
    }


@cache
def sid(number: int) -> str:
    """The id of one: spread over an index like a random one."""
    return hashlib.sha256(b"session %d" % number).hexdigest()[:43]
