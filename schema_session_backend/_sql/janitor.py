"""Garbage collection: expired sessions are removed in the background, in small batches."""

from __future__ import annotations

import logging
import random
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..errors import ConstraintViolated, SessionStoreError, StatementFailed
from .query import Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Executable

    from .database import Database, Runner
    from .statements import Statements

BATCH: Final = 200
LONGEST_STOP: Final = 5.0
"""Seconds to wait for the end of a batch."""

_log = logging.getLogger("schema_session_backend")


class _Batch(NamedTuple):
    """What became of some expired rows."""

    found: int
    removed: int
    left: list[object]
    """The primary keys of those that are still to be removed, one by one."""


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
        self.interval: Final = interval
        self._due = time.monotonic() + random.uniform(0, 1) * interval  # noqa: S311 - jitter is no secret
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._finalizer: weakref.finalize[[threading.Event, threading.Thread], Janitor] | None = None

    def collect(self, progress: Callable[[int], object] | None = None) -> int:
        """Remove expired sessions.

        A row that another transaction has locked is left for the next collection. Nothing is removed while
        another process is collecting.

        Args:
            progress: is called after each batch with the number of sessions that were removed so far.

        Returns:
            the number of sessions that were removed.
        """
        removed = kept = 0
        while not self._stopping.is_set():
            start = time.monotonic()
            batch = self._batch(kept)
            removed += batch.removed
            kept += batch.found - batch.removed
            if progress is not None:
                progress(removed)
            if batch.found < BATCH:
                break
            # Pause for as long as the batch took, so that other writers get at least half of the time.
            self._stopping.wait(time.monotonic() - start)
        return removed

    def wake(self) -> None:
        """Start a collection in a background thread, if it is due; a store calls this after a write."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self.interval
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
                "expired sessions were not removed, the next attempt is in %d s: %s", self.interval, error
            )

    def _batch(self, kept: int) -> _Batch:
        """Remove a batch of expired sessions, beside so many that cannot be removed."""
        try:
            batch = self._database.transact(lambda own: self._collect_batch(own, kept))
        except (ConstraintViolated, StatementFailed):
            # A row of the application may hold one of them.
            rows = self._database.run(self._statements.expired(BATCH, skipped=kept), {}).rows
            batch = _Batch(len(rows), 0, [key for (key,) in rows])
        return batch._replace(removed=batch.removed + sum(map(self._remove, batch.left)))

    def _remove(self, key: object) -> int:
        """Remove an expired row alone; returns 1, or 0 for a row that cannot be removed."""
        statements = self._statements
        try:
            return self._database.run(statements.delete_expired_row(key), {}).count
        except (ConstraintViolated, StatementFailed) as error:
            _log.warning(
                "table %r: the expired session %s was not removed: %s",
                statements.table.name,
                statements.rows.named_in_log(key),
                error,
            )
        return 0

    def _collect_batch(self, transaction: Runner, kept: int) -> _Batch:
        """Remove a batch of expired sessions, except for rows whose primary keys are no handles."""
        statements = self._statements

        def scalar(statement: Executable) -> Any:
            return transaction.run(Query(statement), {}).rows[0][0]

        with statements.vendor.alone(scalar, f"gc {statements.table.name}", wait=0) as alone:
            if not alone:
                return _Batch(0, 0, [])
            keys = [key for (key,) in transaction.run(statements.expired(BATCH, skipped=kept), {}).rows]
            handles = [key for key in keys if type(key) is str]
            removed = transaction.run(statements.delete_expired(handles), {}).count if handles else 0
            return _Batch(len(keys), removed, [key for key in keys if type(key) is not str])


def _stop(stopping: threading.Event, thread: threading.Thread) -> None:
    stopping.set()
    if thread is not threading.current_thread():
        thread.join(LONGEST_STOP)
