"""Moves a key of all sessions to its column, or back, while the sessions are used.

Each row is written by a statement of its own that matches only if nobody else has saved the session
meanwhile, so nobody waits, and no value is replaced by an older one. A session that is in use is read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._table.reports import Moved
from ..errors import SessionStoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._session.model import Content, LoadedSession
    from .._table.rows import Rows
    from .database import Runner
    from .statements import Statements
    from .survey import Survey

    Change = Callable[[Content], Content]

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
        for session in sessions:
            outcome = self._moved(runner, session, change)
            moved += outcome is True
            left += outcome is None
        return Moved(rows, moved, left, end)

    def _moved(self, runner: Runner, session: LoadedSession | None, change: Change) -> bool | None:
        """Whether a session was written; None if it has to stay as it is."""
        for _ in range(TRIES):
            if session is None or session.version is None:
                return False  # it has ended
            version = session.version
            try:
                content = change(version.content)
            except SessionStoreError:
                return None
            if content == version.content:
                return False
            values = self._rows.values(session.handle, content, None, version.revision)
            changed = self._rows.changed(content, version.content)
            if runner.run(self._statements.save(changed, renew=False), values).count:
                return True
            result = runner.run(self._statements.load_many([session.handle]), {})
            session = next(self._rows.listed(result.rows, result.convert), None)
        return None
