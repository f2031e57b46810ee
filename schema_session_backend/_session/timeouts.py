"""Spans of time: seconds for callers (int, float or timedelta), milliseconds for the database."""

from __future__ import annotations

import datetime as dt
import math
from typing import Final, TypeAlias

from ..errors import ConfigurationError

Seconds: TypeAlias = int | float | dt.timedelta
"""A span of time; `math.inf` stands for no end where a session may have none."""

# A hundred centuries: the sum with the clock stays far inside a BIGINT.
LONGEST_MS: Final = 315_576_000_000_000


def seconds(value: Seconds, name: str) -> float:
    """A span in seconds, more than 0; `math.inf` for no end.

    Raises:
        ConfigurationError: naming the argument, for anything else.
    """
    span = value.total_seconds() if isinstance(value, dt.timedelta) else value
    if type(span) not in {int, float} or not span > 0:
        msg = (
            f"{name} takes seconds (an int, float or timedelta) greater than 0,"
            f" or math.inf, which means never; not {value!r}"
        )
        raise ConfigurationError(msg)
    return float(min(span, LONGEST_MS)) if type(span) is int else float(span)


def milliseconds(span: float) -> int | None:
    """A span in whole milliseconds, at least 1; None for no end."""
    if math.isinf(span):
        return None
    return min(max(1, round(span * 1000)), LONGEST_MS)
