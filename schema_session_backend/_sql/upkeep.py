"""What a table needs around its statements: a check before the first, and now and then a gc after a write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .connections import Result
    from .database import Runner
    from .janitor import Janitor
    from .query import Query
    from .sync import Synchronizer

T = TypeVar("T")


class Upkeep:
    """Runs a store's statements.

    Args:
        runner: runs them in transactions of the store's own, or in a caller's.
        synchronizer: checks the table.
        janitor: removes expired sessions.
    """

    def __init__(self, runner: Runner, synchronizer: Synchronizer, janitor: Janitor) -> None:
        self._runner = runner
        self._synchronizer = synchronizer
        self._janitor = janitor
        self.is_unsure = False
        self.unknown = runner.unknown

    def run(self, query: Query, values: Mapping[str, Any]) -> Result:
        """See `Runner.run`."""
        self._synchronizer.ensure()
        result = self._runner.run(query, values)
        if not query.selects:
            self._janitor.wake()
        return result

    def transact(self, work: Callable[[Runner], T], handle: str | None = None, *, many: bool = False) -> T:
        """See `Runner.transact`."""
        self._synchronizer.ensure()
        result = self._runner.transact(work, handle, many=many)
        self._janitor.wake()
        return result

    def checked_by(self, synchronizer: Synchronizer) -> Upkeep:
        """The same with another check of the table."""
        return Upkeep(self._runner, synchronizer, self._janitor)

    def within(self, runner: Runner) -> Upkeep:
        """The same for another runner."""
        return Upkeep(runner, self._synchronizer, self._janitor)
