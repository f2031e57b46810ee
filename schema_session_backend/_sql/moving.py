"""Moves a key of all sessions to its column, or back, while the sessions are used.

A row is written only if nobody else has saved its session meanwhile, so no value is replaced by an older one;
a session that is in use is read again. A transaction writes a few rows, so others wait for milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._table.reports import Moved
from ..errors import SessionStoreError
from .bulk import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._session.model import Content, LoadedSession
    from .._table.rows import Rows
    from .database import Runner
    from .statements import Statements
    from .survey import Survey

    Change = Callable[[Content], Content]

AT_ONCE: Final = 20
"""The rows that one transaction writes."""
TRIES: Final = 5
"""How often a session is read again that others save at the same time."""


class Moving:
    """Moves keys of one table.

    Args:
        survey: reads the rows.
        statements: write them.
        rows: translates between sessions and rows.
    """

    def __init__(self, survey: Survey, statements: Statements, rows: Rows) -> None:
        self._survey = survey
        self._statements = statements
        self._rows = rows

    def move(self, runner: Runner, change: Change, *, mark: str, after: str, limit: int) -> Moved:
        """Move keys of the next sessions.

        Args:
            runner: runs the statements.
            change: makes the new content of a row; the same content where nothing is to be moved. An error
                that it raises leaves the row as it is.
            mark: the start of the store's handles.
            after: the handle after which the rows begin.
            limit: the largest number of rows.
        """
        sessions, rows, end = self._survey.sessions(runner, mark=mark, after=after, limit=limit)
        moved = left = 0
        wanted: list[tuple[LoadedSession, Content]] = []
        for session in sessions:
            content = _changed(session, change)
            if content is None:
                left += 1
            elif session.version is not None and content != session.version.content:
                wanted.append((session, content))
        for batch in batches(wanted, AT_ONCE):
            missed = self._write_all(runner, batch)
            moved += len(batch) - len(missed)
            for handle in missed:
                outcome = self._move_one(runner, handle, change)
                moved += outcome is True
                left += outcome is None
        return Moved(rows, moved, left, end)

    def _write_all(self, runner: Runner, batch: Sequence[tuple[LoadedSession, Content]]) -> list[str]:
        """Write some sessions in one transaction; returns the handles of those that others have saved."""
        return runner.transact(
            lambda own: [
                session.handle for session, content in batch if not self._write(own, session, content)
            ],
            many=True,
        )

    def _move_one(self, runner: Runner, handle: str, change: Change) -> bool | None:
        """Whether a session that others save was written; None if it has to stay as it is."""
        for _ in range(TRIES):
            result = runner.run(self._statements.load_many([handle]), {})
            session = next(self._rows.listed(result.rows, result.convert), None)
            if session is None or session.version is None:
                return False  # it has ended
            content = _changed(session, change)
            if content is None:
                return None
            if content == session.version.content:
                return False
            if self._write(runner, session, content):
                return True
        return None

    def _write(self, runner: Runner, session: LoadedSession, content: Content) -> bool:
        version = session.version
        assert version is not None
        values = self._rows.values(session.handle, content, None, version.revision)
        changed = self._rows.changed(content, version.content)
        return runner.run(self._statements.save(changed, renew=False), values).count > 0


def _changed(session: LoadedSession, change: Change) -> Content | None:
    """The new content of a session; None where a value does not fit."""
    assert session.version is not None
    try:
        return change(session.version.content)
    except SessionStoreError:
        return None
