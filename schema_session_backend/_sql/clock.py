"""The database's clock, as far as this process knows it."""

from __future__ import annotations

import time


class Clock:
    """Tells the database's time without asking it.

    The check of the table asks for the time, and each row that is read brings it along. In between, this
    machine's clock counts.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    @property
    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return int((time.monotonic() + self._ahead) * 1000)

    def set(self, now: int) -> None:
        """Take note of the database's time in milliseconds, as it was a moment before."""
        self._ahead = now / 1000 - time.monotonic()
