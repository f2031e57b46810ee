"""Garbage collection: expired sessions are removed in the background, in small batches."""

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
"""Seconds to wait for the end of a batch."""

_log = logging.getLogger("schema_session_backend")


class Janitor:
    """Removes expired sessions; of several processes, one at a time does so.

    Args:
        database: runs the statements.
        statements: the statements on the table.
        interval: seconds between two collections. The first collection is due after a random part of it, so
            that workers that start together do not collect together.
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
        """Remove expired sessions.

        A row that another transaction has locked is left for the next collection. Nothing is removed while
        another process is collecting.

        Returns:
            the number of sessions that were removed.
        """
        removed = 0
        while not self._stopping.is_set():
            start = time.monotonic()
            batch = self._database.transact(self._collect_batch)
            removed += batch
            if batch < BATCH:
                break
            # Pause for as long as the batch took, so that other writers get at least half of the time.
            self._stopping.wait(time.monotonic() - start)
        return removed

    def wake(self) -> None:
        """Start a collection in a background thread, if it is due; a store calls this after a write."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._interval
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._run, name="schema-session-gc", daemon=True)
        if self._finalizer is not None:
            self._finalizer.detach()
        # Without it, the interpreter's exit would stop the daemon thread in the middle of a driver's call.
        self._finalizer = weakref.finalize(self, _stop, self._stopping, self._thread)
        self._thread.start()

    def stop(self) -> None:
        """Stop a running collection after its current batch, and wait for that."""
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
        """Remove a batch of expired sessions; returns how many."""
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
