"""Texts in the column `additional`, which anyone who can write to the table can write."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from everyday import AS_PLAIN, EXACT
from kinds import Role
from mutations import GOOD, TAGS
from test_p8_corrupt_rows import CORRUPT, TAGGED
from test_p8_limits import UNSTORABLE
from values import identical

from schema_session_backend._session.serializer import JsonSerializer
from schema_session_backend._session.shared_json import SharedJsonSerializer
from schema_session_backend._session.tags import CorruptText

from .target import Target, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The whole of `max_size`, because a text may be hostile by its length.
LONGEST = 64 * 1024
# A converter that refuses what it did not write; what an application's own does is its own matter.
TYPES: dict[type, Any] = {Role: (lambda role: role.value, Role)}
TAGGED_VALUES: dict[str, Any] = {
    "dict": {"$tuple": 1},
    "pairs": {(1, None): {True: "x"}},
    "set": [{1, "a"}, frozenset({b"b"})],
    "int": [2**70, -(2**63) - 1],
    "float": [math.nan, math.inf, 1e300, -0.0],
    "bytes": [b"\0\xff", bytearray(b"b")],
    "moments": [
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
        dt.date(2024, 2, 29),
        dt.time(23, 59, tzinfo=dt.UTC),
        dt.timedelta(-1, 2, 3),
    ],
    "others": [Decimal("-sNaN7"), Decimal("1E+3"), UUID(int=7), Role.GUEST],
}
"""A value for each tag."""


def _seeds() -> Iterator[bytes]:
    serializer = JsonSerializer(TYPES)
    for name, value in TAGGED_VALUES.items():
        yield serializer.dumps({name: value}).encode()
    for value, _ in AS_PLAIN.values():
        yield serializer.dumps({"value": value}).encode()
    for value in EXACT.values():
        yield serializer.dumps({"value": value}).encode()
    for text in (GOOD, *CORRUPT.values(), *TAGGED.values(), *UNSTORABLE.values()):
        yield text.encode()[:LONGEST]


def _check(serializer: JsonSerializer) -> Callable[[bytes], bool]:
    def check(data: bytes) -> bool:
        """A text is a session that can be saved again, or corrupt."""
        try:
            session = serializer.loads(text_of(data))
        except CorruptText:
            return False
        assert type(session) is dict
        assert identical(serializer.loads(serializer.dumps(session)), session)
        return True

    return check


WORDS = [f'{{"${tag}":' for tag in (*TAGS, *(kind.__name__ for kind in TYPES))]
LOADS = Target("loads", _seeds, _check(JsonSerializer(TYPES)), WORDS, LONGEST)
SHARED_LOADS = Target("shared_loads", _seeds, _check(SharedJsonSerializer()), WORDS, LONGEST)
