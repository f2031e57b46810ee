"""The command `watch`: sign-ins as they happen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from .._column_texts import typed
from ..errors import StoreUnavailable
from . import terminal
from .command import SessionCommand, conditions, with_store
from .session_commands import SHORT, user_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._session.model import Record
    from ..store import SessionStore


@click.command(cls=SessionCommand)
@click.argument("where", nargs=-1, metavar="[COLUMN=VALUE]...")
@user_option
@click.option(
    "--interval", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between looks."
)
@click.option("--rows", type=click.IntRange(1), default=20, show_default=True, help="Sessions to show.")
@click.option("--times", type=click.IntRange(1), help="End after so many looks.")
@with_store
def watch(
    store: SessionStore,
    *,
    where: tuple[str, ...],
    user: str | None,
    interval: float,
    rows: int,
    times: int | None,
) -> None:
    """Show the newest sessions as they begin, until Ctrl-C.

    On a terminal a table is kept up to date; elsewhere each new session is a line. Each look sorts the live
    sessions by their creation, so take a longer interval for a very large table.
    """
    wanted = conditions(store, where, user)
    looks = Looks(store, wanted, rows)
    try:
        if terminal.is_terminal():
            with Live(console=terminal.console(), auto_refresh=False, screen=False) as live:
                _repeat(lambda: live.update(looks.table(), refresh=True), interval, times)
        else:
            click.echo("\t".join(looks.headings))
            _repeat(looks.print_new, interval, times)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


class Looks:
    """The newest sessions, looked at again and again.

    Args:
        store: the sessions' store.
        wanted: conditions that they meet.
        rows: how many to show.
    """

    def __init__(self, store: SessionStore, wanted: dict[str, Any], rows: int) -> None:
        self._store = store
        self._wanted = wanted
        self._rows = rows
        self._seen: set[str] | None = None
        self.headings = ["began" if store.has_timestamps else "expires", *store.fields, "handle"]

    def table(self) -> Any:
        """The newest sessions as a table, with those that are new in bold."""
        try:
            found = self._store.find(self._wanted, limit=self._rows)
            count = self._store.count(self._wanted)
        except StoreUnavailable as error:
            return Text(f"{error}; looking again", style="red")
        new = self._new(found)
        now = time.strftime("%H:%M:%S", time.gmtime())
        head = Text(f"{terminal.number(count)} live sessions at {now} UTC; Ctrl-C ends", style="dim")
        table = terminal.rendered(
            self.headings, (self._line(record, SHORT) for record in found), foldable=self._store.fields
        )
        for row, record in zip(table.rows, found, strict=True):
            row.style = "bold" if record.handle in new else ""
        return Group(head, table)

    def print_new(self) -> None:
        """Print the sessions that have begun since the look before, the oldest first."""
        try:
            found = self._store.find(self._wanted, limit=self._rows)
        except StoreUnavailable as error:
            click.echo(f"{error}; looking again", err=True)
            return
        new = self._new(found)
        for record in reversed(found):
            if record.handle in new:
                click.echo("\t".join(map(terminal.printable, self._line(record, None))))

    def _new(self, found: list[Record]) -> set[str]:
        """The handles that the look before did not see; at the first look, all of them."""
        handles = {record.handle for record in found}
        new = handles - (self._seen or set())
        self._seen = handles
        return new

    def _line(self, record: Record, width: int | None) -> list[Any]:
        began = record.created_at if self._store.has_timestamps else record.expires_at
        values = map(typed, self._store.fields_of(record.data).values())
        return [terminal.moment(began), *values, self._store.name_of(record)[:width]]


def _repeat(look: Callable[[], object], interval: float, times: int | None) -> None:
    done = 0
    while True:
        look()
        done += 1
        if done == times:
            return
        time.sleep(interval)
