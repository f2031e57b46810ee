"""Kinds of values that JSON and columns treat apart: enums, a namedtuple, nested lists, times of a zone."""

from __future__ import annotations

import datetime as dt
import enum
from collections import namedtuple
from uuid import UUID


class Color(enum.IntEnum):
    RED = 1


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the kind of tuple that JSON makes a list of


def nested(levels: int, innermost: object = 1) -> object:
    for _ in range(levels):
        innermost = [innermost]
    return innermost


UTC = dt.UTC
NEW_YORK = dt.timezone(dt.timedelta(hours=-5))


class Role(enum.Enum):
    ADMIN = 1
    GUEST = "guest"


class Level(enum.IntEnum):
    LOW = 1


A_UUID = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
