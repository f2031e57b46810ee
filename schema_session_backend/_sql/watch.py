"""A watch over connections in use: a statement that has no answer at its deadline is cancelled or cut off.

The limits that a database sets itself end neither a server that is silent nor a commit that waits for a
standby, and PgBouncer passes none of them on.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from .forks import after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .vendors.base import Vendor

TICK: Final = 0.05
"""Seconds between two looks."""
GRACE: Final = 0.5
"""Seconds that a database has to end a statement itself; after them the connection is cut off."""
MOST_TO_CANCEL: Final = 100
"""Statements that wait to be cancelled. Beyond these, cutting the connections off has to suffice."""
IDLE: Final = 5.0
"""Seconds without any statement after which the thread ends."""


class Watched(Protocol):
    """A connection in use."""

    until: float
    """When to end what it runs."""
    is_cut: bool
    """Whether that was cancelled or cut off."""
    driver_connection: Any
    wire: Wire | None


class NewConnection:
    """A driver's connection that SQLAlchemy sets up, which takes statements; see `Watched`."""

    def __init__(self, driver_connection: Any) -> None:
        self.until = math.inf
        self.is_cut = False
        self.driver_connection = driver_connection
        self.wire = Wire.of(driver_connection)


_connected: ContextVar[Callable[[Any], object] | None] = ContextVar("_connected", default=None)


def on_connect(connection: Any, _record: object) -> None:
    """An engine's listener: tells `Watch.connecting` of a new driver connection."""
    connected = _connected.get()
    if connected is not None:
        connected(connection)


class Watch:
    """Cuts statements short that run beyond their deadlines, in a thread of its own.

    Args:
        vendor: cancels statements.
        now: a clock, in seconds.
    """

    def __init__(self, vendor: Vendor, now: Callable[[], float]) -> None:
        self._vendor = vendor
        self.now = now
        self._slots: set[Watched] = set()
        self._renew()
        after_fork(self._renew)

    def add(self, slot: Watched) -> None:
        """Look after a connection that was opened."""
        self._slots.add(slot)

    def remove(self, slot: Watched) -> None:
        """Look no more after a connection that is to be closed."""
        self._slots.discard(slot)

    def start(self, slot: Watched, until: float) -> None:
        """Look after a slot until `stop`; at `until`, end what it runs."""
        # Set before `is_asleep` is read: the thread does it the other way round.
        slot.until = until
        if self.is_asleep and until < math.inf:
            self._wake()

    def stop(self, slot: Watched) -> None:
        """Look away, when the slot's statements have ended."""
        slot.until = math.inf
        if self.is_cutting:
            # The thread may hold this connection for one that is still waiting.
            with self._lock:
                pass

    @contextmanager
    def connecting(self, until: float) -> Iterator[list[NewConnection]]:
        """Look after the connections that are made in between, while SQLAlchemy sets them up.

        They are closed if that fails.
        """
        new: list[NewConnection] = []

        def connected(driver_connection: Any) -> None:
            new.append(NewConnection(driver_connection))
            self.add(new[-1])
            self.start(new[-1], until)

        token = _connected.set(connected)
        try:
            yield new
        except BaseException:
            for one in new:
                self.stop(one)
                with suppress(Exception):  # it may have ended
                    one.driver_connection.close()
            raise
        finally:
            _connected.reset(token)
            for one in new:
                self.stop(one)
                self.remove(one)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self.is_asleep = True
        self.is_cutting = False
        self._is_cancelling = False
        self._to_cancel: deque[Callable[[], object]] = deque(maxlen=MOST_TO_CANCEL)
        self._slots = set()

    def _wake(self) -> None:
        with self._lock:
            if self.is_asleep:
                self.is_asleep = False
                thread = threading.Thread(
                    target=_keep_looking, args=[weakref.ref(self)], name="schema-session-watch", daemon=True
                )
                thread.start()

    def look(self) -> bool:
        """Cut short what is beyond its deadline; returns whether any statement is running."""
        is_used = False
        for slot in self._slots.copy():
            if slot.until < math.inf:
                is_used = True
                if slot.until < self.now():
                    self._cut(slot)
        return is_used

    def falls_asleep(self) -> bool:
        """End the thread, unless a statement has begun meanwhile; returns whether it ends."""
        with self._lock:
            self.is_asleep = True
            if any(slot.until < math.inf for slot in self._slots.copy()):
                self.is_asleep = False
            return self.is_asleep

    def _cut(self, slot: Watched) -> None:
        with self._lock:
            self.is_cutting = True
            try:
                if slot.until < self.now():
                    slot.until += GRACE
                    if slot.is_cut and slot.wire is not None:
                        slot.wire.shut_down()
                    elif not slot.is_cut:
                        slot.is_cut = True
                        self._cancel(slot.driver_connection)
            finally:
                self.is_cutting = False

    def _cancel(self, connection: Any) -> None:
        cancel = self._vendor.cancellation(connection)
        if cancel is None:
            return
        self._to_cancel.append(cancel)
        # In a thread of its own, because a server that is silent may hold it.
        if not self._is_cancelling:
            self._is_cancelling = True
            threading.Thread(target=self._cancel_all, name="schema-session-cancel", daemon=True).start()

    def _cancel_all(self) -> None:
        while True:
            with self._lock:
                if not self._to_cancel:
                    self._is_cancelling = False
                    return
                cancel = self._to_cancel.popleft()
            with suppress(Exception):  # the connection may have ended meanwhile
                cancel()


class SelfWatch:
    """The same for an embedded database, which asks while it works; so there is no thread.

    Args:
        vendor: has the database ask.
        now: a clock, in seconds.
    """

    def __init__(self, vendor: Vendor, now: Callable[[], float]) -> None:
        self._vendor = vendor
        self.now = now

    def add(self, slot: Watched) -> None:
        """See `Watch.add`."""
        now = self.now
        # The driver would keep the slot alive for as long as the connection, and the slot the connection.
        reference = weakref.ref(slot)

        def is_over() -> bool:
            asking = reference()
            if asking is None or asking.until > now():
                return False
            asking.is_cut = True
            return True

        self._vendor.have_asked(slot.driver_connection, is_over)

    def remove(self, slot: Watched) -> None:
        """See `Watch.remove`."""

    @contextmanager
    def connecting(self, _until: float) -> Iterator[list[NewConnection]]:
        """See `Watch.connecting`; opening a file takes no statement that could last."""
        yield []

    def start(self, slot: Watched, until: float) -> None:
        """See `Watch.start`."""
        slot.until = until

    def stop(self, slot: Watched) -> None:
        """See `Watch.stop`."""
        slot.until = math.inf


def _keep_looking(reference: weakref.ref[Watch]) -> None:
    """What the thread of a watch does; it does not keep the watch of a store that is gone."""
    # Real seconds, also where a test moves the clock.
    last = time.monotonic()
    while True:
        time.sleep(TICK)
        watch = reference()
        if watch is None:
            return
        if watch.look():
            last = time.monotonic()
        elif time.monotonic() - last > IDLE and watch.falls_asleep():
            return
        del watch


class Wire(NamedTuple):
    """The socket of a driver's connection, as it was before the connection was in use.

    mysqlclient tells no other thread its socket while a statement runs.
    """

    number: int
    """Of its file descriptor. Once the driver has closed it, this may be another file's."""
    inode: int
    """Which file that is."""

    @classmethod
    def of(cls, connection: Any) -> Wire | None:
        """The socket of a connection; None if it has none, or is closed."""
        owners: list[Any] = [connection, *(getattr(connection, name, None) for name in ("_sock", "_usock"))]
        for owner in owners:
            with suppress(Exception):
                number: int = owner.fileno()
                return cls(number, os.fstat(number).st_ino)
        return None

    def shut_down(self) -> None:
        """End the connection, so that the thread that waits for its answer stops waiting."""
        with suppress(OSError), socket.socket(fileno=os.dup(self.number)) as shared:
            if os.fstat(shared.fileno()).st_ino == self.inode:
                shared.shutdown(socket.SHUT_RDWR)
