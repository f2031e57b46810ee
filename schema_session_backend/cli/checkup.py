"""What `check` looks at, one thing after the other."""

from __future__ import annotations

import datetime as dt
import heapq
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from ..errors import SessionStoreError
from .stores import require_file
from .terminal import number, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._table.reports import CorruptRow
    from ..store import SessionStore

CLOCKS_DIFFER: Final = 5.0
"""Seconds by which the database's clock may differ from this machine's."""
SAMPLE: Final = 10_000
AT_ONCE: Final = 1_000
"""Rows that are read by one statement."""
LARGEST: Final = 3
NAMED: Final = 10
"""Corrupt rows that are named."""
NEARLY: Final = 0.8
"""The part of `max_size` from which a session is large."""
DAY: Final = 24 * 60 * 60


class Status(IntEnum):
    """How well something is; the largest one is the exit code."""

    OK = 0
    WARNING = 1
    FAILURE = 2


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: what was looked at.
        status: how well it is.
        text: in words.
        details: the same for programs.
    """

    check: str
    status: Status
    text: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkup:
    """All checks of a store.

    Args:
        store: which changes no table.
        backlog: how many rows may have expired long ago.
        whole: whether every session is read, and not only a sample.
        progress: is called with the number of rows that were read, and how many there are to read.
    """

    store: SessionStore
    backlog: int
    whole: bool
    progress: Callable[[int, int], object]

    def __iter__(self) -> Iterator[Finding]:
        """Each check in turn; those that cannot run after a failure are left out."""
        try:
            require_file(self.store)
            answer = self.store.ping()
        except SessionStoreError as error:
            yield Finding("connection", Status.FAILURE, str(error))
            return
        text = f"{answer.server} answered in {answer.seconds * 1000:.1f} ms"
        yield Finding("connection", Status.OK, text, {"server": answer.server, "seconds": answer.seconds})
        yield self._clock((answer.now - dt.datetime.now(dt.UTC)).total_seconds())
        table = list(self._table())
        yield from table
        if max(finding.status for finding in table) < Status.FAILURE:
            yield self._expired()
            yield from self._rows()

    def _clock(self, ahead: float) -> Finding:
        status = Status.OK if abs(ahead) <= CLOCKS_DIFFER else Status.WARNING
        text = f"the database's clock, which decides, differs from this machine's by {abs(ahead):.1f} s"
        return Finding("clock", status, text, {"seconds_ahead": ahead})

    def _table(self) -> Iterator[Finding]:
        try:
            differences = self.store.differences()
        except SessionStoreError as error:
            yield Finding("table", Status.FAILURE, str(error))
            return
        name = self.store.repo().fullname
        if not differences:
            yield Finding("table", Status.OK, f"{name} is as declared, with its indexes and collations")
        for each in differences:
            notes = [each.task, "`init` adds it" if each.is_added else "", *(f"{sql};" for sql in each.ddl)]
            text = "\n".join([f"{name}: {each.problem}", *(f"    {note}" for note in notes if note)])
            details = {"problem": each.problem, "task": each.task, "ddl": list(each.ddl)}
            yield Finding("table", Status.WARNING if each.works else Status.FAILURE, text, details)

    def _expired(self) -> Finding:
        # A collection comes after a write only, so let one pass.
        age = min(2 * self.store.gc_interval, DAY)
        count = self.store.count_expired(older_than=age)
        status = Status.OK if count <= self.backlog else Status.WARNING
        text = f"{number(count)} rows expired more than {age / 3600:g} hours ago and are still there"
        if status is not Status.OK:
            text += "; `gc` removes them, and the application's log tells why it did not"
        return Finding("expired", status, text, {"rows": count, "older_than_seconds": age})

    def _rows(self) -> Iterator[Finding]:
        total = self.store.count() if self.whole else SAMPLE
        rows, after = 0, None
        bad: list[CorruptRow] = []
        largest: list[tuple[str, int]] = []
        while True:
            part = self.store.inspect(after=after, limit=AT_ONCE)
            rows, after = rows + part.rows, part.after
            bad += part.corrupt
            largest = heapq.nlargest(LARGEST, [*largest, *part.sizes], key=lambda one: one[1])
            self.progress(rows, rows if after is None else total)
            if after is None or (not self.whole and rows >= SAMPLE):
                break
        read = f"all {number(rows)}" if after is None else f"a sample of {number(rows)}"
        yield self._largest([(self.store.name_of(handle), bytes_) for handle, bytes_ in largest], read)
        named = [f"    {one.name}: {one.problem}" for one in bad[:NAMED]]
        more = [f"    and {number(len(bad) - NAMED)} more"] if len(bad) > NAMED else []
        advice = ["    each costs only its own session, which `revoke` ends"] if bad else []
        text = "\n".join([f"{number(len(bad))} corrupt of {read} sessions", *named, *more, *advice])
        details = {"rows": rows, "corrupt": [{"name": one.name, "problem": one.problem} for one in bad]}
        yield Finding("corrupt", Status.WARNING if bad else Status.OK, text, details)

    def _largest(self, largest: list[tuple[str, int]], read: str) -> Finding:
        limit = self.store.max_size
        biggest = largest[0][1] if largest else 0
        status = Status.WARNING if biggest > NEARLY * limit else Status.OK
        text = f"the largest of {read} sessions takes {size(biggest)} beside its columns, of {size(limit)}"
        lines = [f"    {name}: {size(taken)}" for name, taken in largest] if status else []
        details = {"max_size": limit, "sessions": [{"name": name, "bytes": taken} for name, taken in largest]}
        return Finding("largest", status, "\n".join([text, *lines]), details)
