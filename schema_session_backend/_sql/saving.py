"""Saving a loaded session.

What others saved meanwhile stays, what was revoked stays revoked, and what did not change is not written.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .._session.merge import merged
from .._table.codec import Split
from ..errors import SessionExists
from .._table.columns import OMITTED
from .._session.model import LoadedSession, Outcome, Saved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .._table.codec import Codec
    from .database import Database, Joined
    from .._table.rows import Rows
    from .statements import Statements

LONGEST_TOUCH_INTERVAL: Final = 60
# More saves than a session ever sees, and hardly a chance for two random revisions to be that near.
MOST_SAVES: Final = 2**32


class Wanted(NamedTuple):
    """What a save shall make of a session."""

    data: Mapping[str, Any]
    """The whole session."""
    span: int | None
    """The idle timeout in milliseconds, None for none."""
    new_handle: str | None = None
    """The handle of the session's new id, if it gets one."""


class Saving:
    """Saves sessions with one statement, or with a short transaction when another request was faster.

    Args:
        database: runs the statements.
        statements: on the sessions' table.
        rows: makes the statements' values.
        codec: splits the sessions.
        touch_interval: seconds that the expiry of an unchanged session may lag behind, or None for a
            twentieth of its idle timeout, at most 60.
        absolute: seconds after its creation that no session passes, or infinity.
    """

    def __init__(  # noqa: PLR0913
        self,
        database: Database,
        statements: Statements,
        rows: Rows,
        codec: Codec,
        *,
        touch_interval: float | None,
        absolute: float,
    ) -> None:
        self._database = database
        self._statements = statements
        self._rows = rows
        self._codec = codec
        self._touch_interval = touch_interval
        self._absolute = absolute

    def save(self, loaded: LoadedSession, wanted: Wanted, connection: Joined | None) -> Saved:
        """See `SessionStore.save`."""
        if loaded.revision is None:
            return self._insert(loaded, wanted, connection)
        split = self._codec.split_known(wanted.data)
        if self._codec.unchanged(split, loaded.base):
            return self._touch(loaded, wanted, connection)
        if self._write(loaded.handle, split, loaded.revision, wanted, connection):
            return Saved(Outcome.SAVED, _after(loaded, split, wanted, revision=loaded.revision + 1))
        return self._merge(loaded, wanted, connection)

    def save_renamed(
        self, loaded: LoadedSession, renamed: LoadedSession, wanted: Wanted, connection: Joined | None
    ) -> Saved:
        """`save`, and give the session its new id, with which it is `renamed`."""
        if loaded.is_blank:
            return self.save(renamed, wanted, connection)
        saved = self.save(loaded, wanted._replace(new_handle=renamed.handle), connection)
        if saved.is_gone:
            return saved
        return Saved(saved.outcome, saved.session.renamed(renamed.sid, renamed.handle))

    def _write(
        self, handle: str, split: Split, revision: int, wanted: Wanted, connection: Joined | None
    ) -> bool:
        values = self._rows.known(handle, split, wanted.span, revision=revision)
        statement = self._statements.save
        if wanted.new_handle is not None:
            values["ssb_new_handle"] = wanted.new_handle
            statement = self._statements.save_renamed
        return self._database.run(statement, values, connection).count > 0

    def _touch(self, loaded: LoadedSession, wanted: Wanted, connection: Joined | None) -> Saved:
        if wanted.new_handle is None and not self._touch_is_due(loaded, wanted.span):
            return Saved(Outcome.UNCHANGED, loaded)
        assert loaded.revision is not None
        values = {
            "ssb_handle": loaded.handle,
            "ssb_max_age": wanted.span,
            "ssb_revision": loaded.revision,
            "ssb_last_revision": loaded.revision + MOST_SAVES,
        }
        statement = self._statements.renew
        if wanted.new_handle is not None:
            values["ssb_new_handle"] = wanted.new_handle
            statement = self._statements.renew_renamed
        if not self._database.run(statement, values, connection).count:
            return Saved(Outcome.GONE, loaded)
        return Saved(Outcome.TOUCHED, replace(loaded, expire_at=_expiry(loaded, wanted.span)))

    def _touch_is_due(self, loaded: LoadedSession, span: int | None) -> bool:
        if span is None or loaded.expire_at is None:
            return loaded.expire_at != span
        interval = self._touch_interval
        if interval is None:
            interval = min(span / 1000 / 20, LONGEST_TOUCH_INTERVAL)
        target = loaded.now + span
        if loaded.created_at is not None and not math.isinf(self._absolute):
            target = min(target, int((loaded.created_at.timestamp() + self._absolute) * 1000))
        return abs(target - loaded.expire_at) >= interval * 1000

    def add(self, handle: str, wanted: Wanted, connection: Joined | None) -> bool:
        """See `SessionStore.add`."""
        values, omitted = self._rows.new(handle, self._codec.split(wanted.data), wanted.span)
        if self._is_inserted(values, omitted, connection):
            return True
        expired = self._database.run(self._statements.delete_expired([handle]), {}, connection).count
        return expired > 0 and self._is_inserted(values, omitted, connection)

    def update(
        self, sid: str, handle: str, change: Callable[[dict[str, Any]], Mapping[str, Any]], connection: Joined
    ) -> dict[str, Any] | None:
        """See `SessionStore.update`; the connection is in a transaction."""
        run = self._database.run
        locked = run(self._statements.lock, {"ssb_handle": handle}, connection)
        current = self._rows.first(sid, handle, locked)
        if current is None or current.revision is None:
            return None
        data = dict(change(current.data))
        split = self._codec.split_known(data)
        values = self._rows.known(handle, split, None, revision=current.revision)
        run(self._statements.amend, values, connection)
        return data

    def _insert(self, blank: LoadedSession, wanted: Wanted, connection: Joined | None) -> Saved:
        split = self._codec.split(wanted.data)
        values, omitted = self._rows.new(blank.handle, split, wanted.span)
        if self._is_inserted(values, omitted, connection):
            return Saved(Outcome.SAVED, _after(blank, split, wanted, revision=values["ssb_revision"]))
        return self._merge(blank, wanted, connection)

    def _is_inserted(
        self, values: dict[str, Any], omitted: frozenset[str], connection: Joined | None
    ) -> bool:
        try:
            return self._database.run(self._statements.insert(omitted), values, connection).count > 0
        except SessionExists:
            return False

    def _merge(self, loaded: LoadedSession, wanted: Wanted, connection: Joined | None) -> Saved:
        if connection is not None:
            return self._merge_locked(loaded, wanted, connection)
        return self._database.transact(lambda own: self._merge_locked(loaded, wanted, own))

    def _merge_locked(self, loaded: LoadedSession, wanted: Wanted, connection: Joined) -> Saved:
        statements, run = self._statements, self._database.run
        locked = run(statements.lock, {"ssb_handle": loaded.handle}, connection)
        current = self._rows.first(loaded.sid, loaded.handle, locked)
        if current is None or current.revision is None:
            if loaded.revision is not None:
                return Saved(Outcome.GONE, loaded)
            # What stood in the way has expired, or nobody can read it.
            split = self._codec.split(wanted.data)
            values, omitted = self._rows.new(loaded.handle, split, wanted.span)
            run(statements.upsert(omitted), values, connection)
            return Saved(Outcome.SAVED, replace(loaded, base=split))
        if loaded.revision is not None and not 0 <= current.revision - loaded.revision < MOST_SAVES:
            return Saved(Outcome.GONE, loaded)
        base = self._codec.merge(loaded.base)
        merge = self._codec.split_known(merged(base, wanted.data, current.data, self._codec.same))
        self._write(loaded.handle, merge, current.revision, wanted, connection)
        # This request has not seen the others' changes, so its next save has to merge again: it is based
        # on what it saved itself and on a revision that the row has left behind.
        mine = self._codec.split_known(wanted.data)
        return Saved(Outcome.SAVED, _after(loaded, mine, wanted, revision=current.revision))


def _after(loaded: LoadedSession, split: Split, wanted: Wanted, *, revision: int) -> LoadedSession:
    # A default that the database filled in is in no base; the next load brings it.
    columns = tuple(None if value is OMITTED else value for value in split.columns)
    base = Split(columns, split.additional)
    return loaded.saved(base, revision=revision, expire_at=_expiry(loaded, wanted.span))


def _expiry(loaded: LoadedSession, span: int | None) -> int | None:
    return None if span is None else loaded.now + span
