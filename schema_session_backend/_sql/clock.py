"""The database's clock, as this process estimates it."""

from __future__ import annotations

import time


class Clock:
    """Estimates the database's time without a statement.

    The check of the table reads the database's time, and each row that is read brings it along. From then on
    this machine's monotonic clock is added.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    @property
    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return int((time.monotonic() + self._ahead) * 1000)

    def set(self, now: int) -> None:
        """Set the clock to the database's time, in milliseconds since 1970 UTC, which was just read."""
        self._ahead = now / 1000 - time.monotonic()
