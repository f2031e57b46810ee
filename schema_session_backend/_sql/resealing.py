"""The sealed texts of a whole table: whether the keys are the right ones, and the same texts sealed anew."""

from __future__ import annotations

import time
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from .._session.model import Resealed
from .._session.sealing import START_LENGTH, is_sealed
from .._table.rows import ADDITIONAL, HANDLE, REVISION
from ..errors import ConfigurationError
from .bulk import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._session.sealing import Sealing
    from .._session.serializer import Serializer
    from .._table.rows import Rows, Values
    from .database import Runner
    from .statements import Statements

SAMPLED: Final = 20
"""The sessions that are looked at before the first statement."""
READ_AT_ONCE: Final = 5_000
"""The rows of which one statement reads how their texts begin."""
TRIES: Final = 5
"""How often a session is resealed that requests keep saving."""
PAGE: Final = 'docs/howto/encryption.md ("Encrypt the sessions")'


class Resealing:
    """Looks through the texts of one table.

    Args:
        statements: on the table.
        rows: make the texts anew.
        sealing: the table's; None without `encryption_keys`.
        serializer: makes the texts that are not sealed.
    """

    def __init__(
        self, statements: Statements, rows: Rows, sealing: Sealing | None, serializer: Serializer
    ) -> None:
        self._statements = statements
        self._rows = rows
        self._sealing = sealing
        self._serializer = serializer

    def require_keys(self, runner: Runner) -> None:
        """Refuse to work where every visitor would seem to be signed out, because the keys are wrong.

        Handles are hashes, so the sessions after any of them are a random sample of the table. After one that
        nobody can foresee, they are not those that an attacker has put there. A corrupt text tells nothing.

        Raises:
            ConfigurationError: if none of them can be opened with the keys.
        """
        starts: list[Any] = []
        for after in (token_hex(32), ""):
            sample = self._statements.starts(START_LENGTH, mark="", after=after, limit=SAMPLED)
            starts += [start for _, start in runner.run(sample, {}).rows]
            if len(starts) >= SAMPLED:
                break
        sealing, name = self._sealing, self._statements.table.name
        if any(not is_sealed(start) if sealing is None else sealing.knows(start) for start in starts):
            return
        if any(map(is_sealed, starts)):
            msg = (
                f"table {name!r}: its sessions are sealed, but with none of this store's encryption_keys;"
                f" add the key that has sealed them, see {PAGE}"
            )
            raise ConfigurationError(msg)
        like_ours = self._serializer.dumps({})[:1]
        if any(isinstance(start, str) and start.startswith(like_ours) for start in starts):
            msg = (
                f"table {name!r}: its sessions are not sealed, so with encryption_keys they would count as"
                f" corrupt; set unsealed='read' until they are sealed, see {PAGE}"
            )
            raise ConfigurationError(msg)

    def reseal(
        self, runner: Runner, *, mark: str, batch_size: int, progress: Callable[[int], object] | None
    ) -> Resealed:
        """See `SessionStore.reseal`.

        Args:
            runner: runs the statements.
            mark: what the handles of the store's sessions begin with.
            batch_size: how many sessions a transaction writes.
            progress: is told how many sessions a batch has dealt with.
        """
        sealing, after, done = self._sealing, "", Resealed(0, 0)
        if sealing is None:
            msg = "reseal needs the option encryption_keys"
            raise ConfigurationError(msg)
        tell = progress or (lambda _: None)
        while True:
            found = self._statements.starts(START_LENGTH, mark=mark, after=after, limit=READ_AT_ONCE)
            rows = runner.run(found, {}).rows
            # On SQLite a corrupt row may have anything as its primary key.
            named = [(handle, start) for handle, start in rows if type(handle) is str]
            stale = [handle for handle, start in named if not sealing.is_current(start)]
            tell(len(named) - len(stale))
            for handles in batches(stale, batch_size):
                begin = time.monotonic()
                batch = self._reseal(runner, handles)
                done = Resealed(done.resealed + batch.resealed, done.left + batch.left)
                tell(len(handles))
                # Pause for as long as the batch took, so that other writers get at least half of the time.
                time.sleep(time.monotonic() - begin)
            if len(rows) < READ_AT_ONCE or not named:
                return done
            after = named[-1][0]

    def _reseal(self, runner: Runner, handles: Sequence[str]) -> Resealed:
        """Seal the texts of some sessions anew, again where a request has saved one meanwhile."""
        resealed = unreadable = 0
        for _ in range(TRIES):
            rows = runner.run(self._statements.texts(handles), {}).rows
            changes = [change for row in rows if (change := self._change(*row)) is not None]
            unreadable += len(rows) - len(changes)
            handles = self._written(runner, changes) if changes else []
            resealed += len(changes) - len(handles)
            if not handles:
                break
        return Resealed(resealed, unreadable + len(handles))

    def _change(self, handle: str, text: Any, revision: Any) -> Values | None:
        """The values for the statement that stores a text anew; None if it cannot be opened."""
        try:
            additional = self._rows.resealed(handle, text)
        except Exception:  # noqa: BLE001 - a hostile row may cause any error
            return None
        return {HANDLE: handle, REVISION: revision, ADDITIONAL: additional} if type(revision) is int else None

    def _written(self, runner: Runner, changes: Sequence[Values]) -> list[str]:
        """Store the texts, in one transaction; returns the handles of sessions that were saved meanwhile."""
        return runner.transact(
            lambda own: [
                change[HANDLE] for change in changes if not own.run(self._statements.reseal, change).count
            ],
            many=True,
        )
