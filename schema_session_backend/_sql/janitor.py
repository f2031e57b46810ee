"""When gc runs, and how: in the background, now and then, in small batches that nobody waits for."""

from __future__ import annotations

import logging
import random
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from ..errors import SessionStoreError
from .query import Query

if TYPE_CHECKING:
    from sqlalchemy import Executable

    from .database import Database, Runner
    from .statements import Statements

BATCH: Final = 200
LONGEST_STOP: Final = 5.0

_log = logging.getLogger("schema_session_backend")


class Janitor:
    """Removes expired sessions, one process at a time.

    A store that writes wakes it up when `interval` seconds have passed; the first time falls anywhere in
    the first interval, so that workers that start together do not clean together.
    """

    def __init__(self, database: Database, statements: Statements, *, interval: float) -> None:
        self._database = database
        self._statements = statements
        self._interval = interval
        self._due = time.monotonic() + random.uniform(0, 1) * interval  # noqa: S311 - jitter is no secret
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._finalizer: weakref.finalize[[threading.Event, threading.Thread], Janitor] | None = None

    def collect(self) -> int:
        """Remove what has expired; returns how many sessions that were.

        A row that another transaction holds is left for the next time, and so is everything when another
        process is collecting.
        """
        removed = 0
        while not self._stopping.is_set():
            start = time.monotonic()
            batch = self._database.transact(self._collect_batch)
            removed += batch
            if batch < BATCH:
                break
            # As long as it took, the others have the database for themselves.
            self._stopping.wait(time.monotonic() - start)
        return removed

    def wake(self) -> None:
        """Collect in a background thread, if the interval has passed."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._interval
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._run, name="schema-session-gc", daemon=True)
        if self._finalizer is not None:
            self._finalizer.detach()
        # At exit the interpreter would stop a daemon thread in the middle of a driver's call.
        self._finalizer = weakref.finalize(self, _stop, self._stopping, self._thread)
        self._thread.start()

    def stop(self) -> None:
        """End a collection that is under way after its batch."""
        if self._thread is not None:
            _stop(self._stopping, self._thread)
            self._stopping = threading.Event()

    def _run(self) -> None:
        try:
            self.collect()
        except SessionStoreError as error:
            _log.warning(
                "expired sessions were not removed, the next attempt is in %d s: %s", self._interval, error
            )

    def _collect_batch(self, transaction: Runner) -> int:
        statements = self._statements

        def scalar(statement: Executable) -> Any:
            return transaction.run(Query(statement), {}).rows[0][0]

        with statements.vendor.alone(scalar, f"gc {statements.table.name}", wait=0) as alone:
            if not alone:
                return 0
            expired = [handle for (handle,) in transaction.run(statements.expired(BATCH), {}).rows]
            if not expired:
                return 0
            return transaction.run(statements.delete_expired(expired), {}).count


def _stop(stopping: threading.Event, thread: threading.Thread) -> None:
    stopping.set()
    if thread is not threading.current_thread():
        thread.join(LONGEST_STOP)
