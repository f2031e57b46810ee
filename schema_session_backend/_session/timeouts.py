"""How long a session lives: in seconds for callers (int, float or timedelta), in ms for the database."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

Seconds: TypeAlias = int | float | dt.timedelta
"""A span of time; `math.inf` means never."""

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND: Final = dt.timedelta(milliseconds=1)
# A hundred centuries. The sum of it and the clock is far from the limit of a BIGINT.
LONGEST_MS: Final = 315_576_000_000_000
LONGEST_COOKIE: Final = 10 * 366 * 24 * 60 * 60
"""Seconds, ten years: as long as a cookie may be kept."""
REMEMBERED: Final = "_max_age"
"""The key of a session that has its own idle timeout, in seconds."""
LONGEST_TOUCH_INTERVAL: Final = 60
TOUCHES_PER_IDLE_TIMEOUT: Final = 20


def seconds(value: Seconds, name: str) -> float:
    """Check a span of time, and convert it to seconds.

    Args:
        value: more than 0; `math.inf` for never.
        name: the argument that has the value, for error messages.

    Raises:
        ConfigurationError: naming the argument, for any other value.
    """
    span = value.total_seconds() if isinstance(value, dt.timedelta) else value
    if type(span) not in {int, float} or not span > 0:
        msg = (
            f"{name} takes seconds (an int, float or timedelta) greater than 0,"
            f" or math.inf, which means never; not {value!r}"
        )
        raise ConfigurationError(msg)
    return float(min(span, LONGEST_MS)) if type(span) is int else float(span)


def remembered(data: Mapping[str, Any]) -> float | None:
    """The idle timeout of a session that is remembered, in seconds; None for any other session."""
    span = data.get(REMEMBERED)
    # Other software may write anything there.
    if isinstance(span, int | float) and type(span) is not bool and span > 0:
        return seconds(span, REMEMBERED)
    return None


def remember(data: MutableMapping[str, Any], max_age: Seconds | None) -> None:
    """Have a session remembered for that long after each use; with None, no longer.

    Raises:
        ConfigurationError: for an impossible `max_age`.
    """
    if max_age is None:
        data.pop(REMEMBERED, None)
    else:
        data[REMEMBERED] = seconds(max_age, "max_age")


def cookie_max_age(span: float) -> int:
    """How many seconds the browser keeps the cookie of a session that is remembered for `span` seconds."""
    return math.ceil(min(span, LONGEST_COOKIE))


def milliseconds(span: float) -> int | None:
    """A span of seconds in whole milliseconds, at least 1; None for `math.inf`."""
    if math.isinf(span):
        return None
    # The seconds are limited too, because a thousand times a float may be no number.
    return min(max(1, round(min(span, LONGEST_MS) * 1000)), LONGEST_MS)


def shorter(span: int | None, other: int | None) -> int | None:
    """The shorter one of two spans in milliseconds, of which None is endless."""
    if span is None or other is None:
        return other if span is None else span
    return min(span, other)


class Timeouts:
    """The timeouts of a store's sessions.

    Args:
        idle: seconds without use; `math.inf` for no idle timeout.
        anonymous: seconds without use for sessions without a user; `math.inf` for no other timeout.
        absolute: seconds after a session's creation; `math.inf` for no absolute timeout.
        touch_interval: seconds that the expiry of an unchanged session may lag behind; None for a twentieth
            of the idle timeout, at most 60.

    Raises:
        ConfigurationError: for an idle timeout that passes before the touch interval does.
    """

    def __init__(
        self, *, idle: float, anonymous: float, absolute: float, touch_interval: float | None
    ) -> None:
        for name, span in (("max_age", idle), ("anonymous_max_age", anonymous)):
            if touch_interval is not None and touch_interval >= span:
                msg = (
                    f"{name} is {span:g} seconds and touch_interval {touch_interval:g}: sessions in use would"
                    " expire, so touch_interval has to be shorter"
                )
                raise ConfigurationError(msg)
        self.idle = idle
        self.anonymous_ms = milliseconds(anonymous)
        self.absolute_ms = milliseconds(absolute)
        self._absolute = absolute
        self._touch_interval = touch_interval
        self._usual_span = milliseconds(min(idle, absolute))

    def span(self, max_age: Seconds | None) -> int | None:
        """How long a session lives if it is saved or touched now, without regard to its creation.

        Args:
            max_age: seconds, the idle timeout; `math.inf` for no idle timeout, None for the store's.

        Returns:
            milliseconds; None for a session that never expires.

        Raises:
            ConfigurationError: for any other value.
        """
        if max_age is None:
            return self._usual_span
        return milliseconds(min(seconds(max_age, "max_age"), self._absolute))

    def expiry(self, now: int, created_at: dt.datetime | None, span: int | None) -> int | None:
        """When a session expires if it is saved or touched now, as the SQL statements compute it.

        Args:
            now: milliseconds since 1970 UTC.
            created_at: when the session was first stored; None for a new session, and without `timestamps`.
            span: milliseconds, as `span` returns them.

        Returns:
            milliseconds since 1970 UTC; None for never.
        """
        if self.absolute_ms is None or span is None or created_at is None:
            return None if span is None else now + span
        return min(now + span, (created_at - EPOCH) // MILLISECOND + self.absolute_ms)

    def is_touch_due(
        self, expiry: int | None, *, now: int, created_at: dt.datetime | None, span: int | None
    ) -> bool:
        """Whether the stored expiry of an unchanged session lags behind by the touch interval or more.

        Args:
            expiry: the stored expiry, in milliseconds since 1970 UTC; None for never.
            now: see `Timeouts.expiry`.
            created_at: see `Timeouts.expiry`.
            span: see `Timeouts.expiry`.
        """
        target = self.expiry(now, created_at, span)
        if target is None or span is None or expiry is None:
            return target != expiry
        return abs(target - expiry) >= self._interval(span)

    def is_cookie_due(self, expiry: int | None, *, now: int, span: int | None) -> bool:
        """Whether a save should renew the cookie, by the first save of each touch interval.

        Args:
            expiry: the expiry before the save, in milliseconds since 1970 UTC; None for never.
            now: see `Timeouts.expiry`.
            span: see `Timeouts.expiry`.
        """
        if expiry is None or span is None:
            return True
        interval = self._interval(span) or 1
        return now // interval != (expiry - span) // interval

    def _interval(self, span: int) -> float:
        """The touch interval of sessions with that idle timeout; both in milliseconds."""
        if self._touch_interval is not None and self._touch_interval * 1000 < span:
            return self._touch_interval * 1000
        return min(span / TOUCHES_PER_IDLE_TIMEOUT, LONGEST_TOUCH_INTERVAL * 1000)


def moment(milliseconds: int | None) -> dt.datetime | None:
    """Milliseconds since 1970 UTC as a datetime in UTC; None for None and for a year after 9999."""
    if milliseconds is None:
        return None
    try:
        return EPOCH + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
