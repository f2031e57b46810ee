"""Saving a loaded session.

What other requests saved meanwhile stays, what was revoked stays revoked, and what did not change is not
written. A change of the id leaves a trace under the old id, by which a request that has the old id finds its
session.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .._session.merge import merged
from .._session.model import LoadedSession, Outcome, Saved, Version
from .._table.rows import HANDLE, LAST_REVISION, NEW_HANDLE, NONE, REVISION, TRACE
from ..errors import SessionExists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._session.model import Content
    from .._session.timeouts import Timeouts
    from .._table.rows import NewRow, Rows, Values
    from .clock import Clock
    from .database import Runner
    from .query import Query
    from .statements import Statements

    Change = Callable[[dict[str, Any]], Mapping[str, Any]]

# How often a session may get a new id while a request runs that is then still saved.
MOST_ROTATIONS: Final = 10
GRACE_MS: Final = 10_000
"""Milliseconds for which a visitor who comes with the old id of a session gets no session of its own."""
# A session is never saved so often, and two random revisions are hardly ever so near to each other.
MOST_SAVES: Final = 2**32
LONGEST_STEP: Final = 2**16
"""How far the revision moves at most when a session is updated while it is locked."""


class Wanted(NamedTuple):
    """What a save shall make of a session."""

    data: dict[str, Any]
    """The whole session."""
    span: int | None
    """The idle timeout in milliseconds, None for none."""
    sid: str
    """The id that the session has after the save."""
    handle: str
    """The handle of that id."""
    renew: bool
    """Whether the idle timeout starts anew."""
    more: Callable[[], dict[str, str]] | None = None
    """Returns what is stored too, if the session was changed."""

    @property
    def filled(self) -> Wanted:
        """With what is stored too."""
        return self if self.more is None else self._replace(data=self.data | self.more(), more=None)


class Trace(NamedTuple):
    """What a change of the id leaves under the old id."""

    handle: str
    """The handle of the new id."""
    age: int
    """Milliseconds since the change."""


class Saving:
    """Saves sessions with one statement, or with a short transaction when another request was faster.

    Args:
        statements: on the sessions' table.
        rows: makes the statements' values.
        timeouts: tell when a session expires, and when an unchanged session is touched.
        clock: tells the database's time.
    """

    def __init__(self, statements: Statements, rows: Rows, timeouts: Timeouts, clock: Clock) -> None:
        self._statements = statements
        self._rows = rows
        self._timeouts = timeouts
        self._clock = clock

    def save(self, runner: Runner, session: LoadedSession, wanted: Wanted) -> Saved:
        """See `SessionStore.save`."""
        version = session.version
        if version is None:
            if session.unknown is not None and self._was_just_rotated(runner, session.unknown):
                return Saved(Outcome.GONE, session)
            blank = replace(session, sid=wanted.sid, handle=wanted.handle)
            return self._insert(runner, blank, wanted.filled._replace(renew=True))
        content = self._rows.content(wanted.data, version.content)
        if wanted.more is not None and not self._rows.has_same(content, version.content):
            wanted = wanted.filled
            content = self._rows.content(wanted.data, version.content)
        if self._rows.has_same(content, version.content):
            return self._touch(runner, session, version, wanted)
        if self._rows.is_whole(content) and self._write(runner, session.handle, content, version, wanted):
            return self._saved(session, wanted, content, version.revision + 1)
        return runner.transact(lambda own: self._merge(own, session, wanted), session.handle)

    def add(self, runner: Runner, handle: str, data: Mapping[str, Any], span: int | None) -> bool:
        """See `SessionStore.add`."""
        row = self._rows.new(handle, data, span)
        if self._is_inserted(runner, row):
            return True
        expired = runner.run(self._statements.delete_expired([handle]), {})
        return (expired.count > 0 or expired.is_unsure) and self._is_inserted(runner, row)

    def update(self, runner: Runner, sid: str, handle: str, change: Change) -> dict[str, Any] | None:
        """See `SessionStore.update`."""
        before = after = 0
        data: dict[str, Any] = {}

        def amend(transaction: Runner) -> dict[str, Any] | None:
            nonlocal before, after, data
            current = self._locked(transaction, sid, handle)
            if current is None or current.version is None:
                return None
            revision = current.version.revision
            if transaction.is_unsure and revision != before:
                if revision == after:
                    return data
                raise transaction.unknown()
            data = dict(change(current.data))
            content = self._rows.content(data, current.version.content)
            # Another request's update of the same revision has another successor.
            before, after = revision, revision + random.randint(1, LONGEST_STEP)  # noqa: S311 - no secret
            values = self._rows.values(handle, content, None, after)
            transaction.run(self._statements.amend, values)
            return data

        return runner.transact(amend, handle)

    def rotate(self, runner: Runner, handle: str, new_handle: str) -> bool:
        """See `SessionStore.rotate`."""
        if self._rows.is_bound:
            return runner.transact(lambda own: self._rotate_bound(own, handle, new_handle), handle)
        return self._rename(runner, self._statements.rotate, {HANDLE: handle}, new_handle)

    def _rotate_bound(self, transaction: Runner, handle: str, new_handle: str) -> bool:
        """Give a session a new id, and its text a new binding."""
        current = self._locked(transaction, "", handle)
        if current is None or current.version is None:
            return transaction.is_unsure and self._was_renamed(transaction, handle, new_handle)
        version = current.version
        values = self._rows.values(handle, version.content, None, version.revision, new_handle=new_handle)
        statement = self._statements.save_renamed(NONE, renew=False)
        return self._rename(transaction, statement, values, new_handle)

    def destroy(self, runner: Runner, handle: str) -> bool:
        """See `SessionStore.destroy`."""
        for _ in range(MOST_ROTATIONS):
            destroyed = runner.run(self._statements.destroy, {HANDLE: handle})
            if destroyed.count:
                return True
            trace = self._trace(runner, handle)
            if trace is None:
                if destroyed.is_unsure:
                    raise runner.unknown()
                break
            handle = trace.handle
        return False

    def _write(self, runner: Runner, handle: str, content: Content, version: Version, wanted: Wanted) -> bool:
        values = self._rows.values(handle, content, wanted.span, version.revision, new_handle=wanted.handle)
        changed = self._rows.changed(content, version.content)
        if wanted.handle == handle:
            return runner.run(self._statements.save(changed, renew=wanted.renew), values).count > 0
        statement = self._statements.save_renamed(changed, renew=wanted.renew)
        return self._rename(runner, statement, values, wanted.handle)

    def _rename(self, runner: Runner, statement: Query, values: Values, new_handle: str) -> bool:
        """Give a session a new id, and leave a trace under the old one; returns whether it was there."""
        values[NEW_HANDLE] = new_handle
        trace = {
            HANDLE: values[HANDLE],
            NEW_HANDLE: new_handle,
            TRACE: self._rows.trace_to(new_handle, values[HANDLE]),
        }

        def rename(transaction: Runner) -> bool:
            if not transaction.run(statement, values).count:
                return transaction.is_unsure and self._was_renamed(transaction, trace[HANDLE], new_handle)
            if self._statements.can_leave_trace:
                transaction.run(self._statements.leave_trace, trace)
            return True

        return runner.transact(rename, trace[HANDLE])

    def _was_renamed(self, transaction: Runner, handle: str, new_handle: str) -> bool:
        """Whether a session got its new id by a try whose answer was lost."""
        if not self._statements.can_leave_trace:
            raise transaction.unknown()
        left = self._trace(transaction, handle)
        return left is not None and left.handle == new_handle

    def _trace(self, runner: Runner, handle: str) -> Trace | None:
        """Where the session went that had this handle."""
        rows = runner.run(self._statements.trace, {HANDLE: handle}).rows
        new_handle = self._rows.traced(rows[0][0], handle) if rows else None
        return None if new_handle is None else Trace(new_handle, rows[0][1])

    def _was_just_rotated(self, runner: Runner, handle: str) -> bool:
        trace = self._trace(runner, handle)
        return trace is not None and abs(trace.age) < GRACE_MS

    def _touch(self, runner: Runner, session: LoadedSession, version: Version, wanted: Wanted) -> Saved:
        is_renamed = wanted.handle != session.handle
        if not is_renamed and not (wanted.renew and self._is_touch_due(session, version, wanted)):
            return Saved(Outcome.UNCHANGED, _with_data(session, wanted))
        if is_renamed and self._rows.is_bound:
            content = version.content
            if self._rows.is_whole(content) and self._write(runner, session.handle, content, version, wanted):
                return self._saved(session, wanted, content, version.revision + 1, Outcome.TOUCHED)
            return runner.transact(lambda own: self._merge(own, session, wanted), session.handle)
        values = self._rows.touched(session.handle, wanted.span)
        values[REVISION] = version.revision
        values[LAST_REVISION] = version.revision + MOST_SAVES
        if is_renamed:
            statement = self._statements.renew_renamed if wanted.renew else self._statements.rename
            is_touched = self._rename(runner, statement, values, wanted.handle)
        else:
            is_touched = runner.run(self._statements.renew, values).count > 0
        if is_touched:
            return self._saved(session, wanted, version.content, version.revision, Outcome.TOUCHED)
        return runner.transact(lambda own: self._merge(own, session, wanted), session.handle)

    def _is_touch_due(self, session: LoadedSession, version: Version, wanted: Wanted) -> bool:
        span = self._rows.span(version.content, wanted.span)
        return self._timeouts.is_touch_due(
            version.expiry, now=version.now, created_at=session.created_at, span=span
        )

    def _insert(self, runner: Runner, blank: LoadedSession, wanted: Wanted) -> Saved:
        row = self._rows.new(blank.handle, wanted.data, wanted.span)
        if self._is_inserted(runner, row):
            return self._stored(blank, wanted, row)
        return runner.transact(lambda own: self._merge(own, blank, wanted), blank.handle)

    def _is_inserted(self, runner: Runner, row: NewRow) -> bool:
        try:
            inserted = runner.run(self._statements.insert(row.omitted), row.values)
        except SessionExists as error:
            is_unsure = error._is_unsure  # noqa: SLF001 - of `Database`
        else:
            if inserted.count:
                return True
            is_unsure = inserted.is_unsure
        return is_unsure and self._is_mine(runner, row)

    def _is_mine(self, runner: Runner, row: NewRow) -> bool:
        """Whether a row that is there was inserted by a try whose answer was lost: its revision is random."""
        first = row.values[REVISION]
        known = {HANDLE: row.values[HANDLE], REVISION: first, LAST_REVISION: first + MOST_SAVES}
        return bool(runner.run(self._statements.descends, known).rows)

    def _merge(self, transaction: Runner, session: LoadedSession, wanted: Wanted) -> Saved:
        current = self._locked(transaction, session.sid, session.handle)
        if current is not None:
            return self._merge_into(transaction, current, session, wanted)
        if session.version is not None:
            return self._follow(transaction, session, wanted)
        if self._was_just_rotated(transaction, session.handle):
            return Saved(Outcome.GONE, session)
        # The row that kept the insert from succeeding has expired, or is corrupt.
        row = self._rows.new(session.handle, wanted.data, wanted.span)
        transaction.run(self._statements.upsert(row.omitted), row.values)
        return self._stored(session, wanted, row)

    def _follow(self, transaction: Runner, session: LoadedSession, wanted: Wanted) -> Saved:
        """Save a session under the id that another request has given it meanwhile."""
        handle = session.handle
        for _ in range(MOST_ROTATIONS):
            trace = self._trace(transaction, handle)
            if trace is None:
                break
            handle = trace.handle
            current = self._locked(transaction, session.sid, handle)
            if current is None:
                continue
            there, still = replace(session, handle=handle), wanted._replace(handle=handle)
            saved = self._merge_into(transaction, current, there, still)
            if saved.is_gone:
                break
            if handle == wanted.handle:
                # This save itself has changed the id, and the answer was lost.
                return saved._replace(sends_cookie=True)
            # The next save of this request has to follow the trace as well, so it starts from the old id.
            known = replace(saved.session, sid=session.sid, handle=session.handle)
            return Saved(Outcome.ROTATED, known)
        return Saved(Outcome.GONE, session)

    def _merge_into(
        self, transaction: Runner, current: LoadedSession, session: LoadedSession, wanted: Wanted
    ) -> Saved:
        """Apply this request's changes to the session as it is now, whose row is locked."""
        assert current.version is not None
        version, revision = session.version, current.version.revision
        if version is not None and not 0 <= revision - version.revision < MOST_SAVES:
            return Saved(Outcome.GONE, session)
        theirs = current.version.content
        base = {} if version is None else self._rows.join(version.content)
        merge = self._rows.content(merged(base, wanted.data, current.data, self._rows.same), theirs)
        if not self._write(transaction, session.handle, merge, current.version, wanted):
            # The session expired between the two statements.
            return Saved(Outcome.GONE, session)
        # This request has not seen the others' changes, so its next save has to merge again: base that save
        # on what this request has saved, and on a revision that is no longer the row's.
        mine = self._rows.content(wanted.data, theirs if version is None else version.content)
        return self._saved(session, wanted, mine, revision, row=merge)

    def _locked(self, transaction: Runner, sid: str, handle: str) -> LoadedSession | None:
        result = transaction.run(self._statements.lock, {HANDLE: handle})
        return self._rows.first(sid, handle, result.rows, result.convert)

    def _stored(self, session: LoadedSession, wanted: Wanted, row: NewRow) -> Saved:
        """What became of a session whose row is new."""
        data = self._rows.with_defaults(wanted.data, row.content)
        return self._saved(session, wanted._replace(data=data), row.content, row.values[REVISION])

    def _saved(  # noqa: PLR0913 - each is a part of its own
        self,
        session: LoadedSession,
        wanted: Wanted,
        content: Content,
        revision: int,
        outcome: Outcome = Outcome.SAVED,
        *,
        row: Content | None = None,
    ) -> Saved:
        """The result of a save; `row` is what the row holds, if that is more than `content`."""
        now, before = self._clock.now, session.version
        span = self._rows.span(row or content, wanted.span)
        if before is None or wanted.renew:
            expiry = self._timeouts.expiry(now, session.created_at, span)
            is_cookie_due = (
                outcome is Outcome.TOUCHED
                or before is None
                or self._timeouts.is_cookie_due(before.expiry, now=now, span=span)
            )
        else:
            expiry, is_cookie_due = before.expiry, False
        version = Version(revision, content, expiry, now)
        # Every request that writes makes this object, and `replace` would take three times as long.
        return Saved(
            outcome,
            LoadedSession(
                wanted.sid, wanted.handle, wanted.data, session.created_at, session.updated_at, version
            ),
            is_cookie_due or wanted.handle != session.handle,
        )


def _with_data(session: LoadedSession, wanted: Wanted) -> LoadedSession:
    return session if session.data is wanted.data else replace(session, data=wanted.data)
