"""Commands that write all sessions anew: `promote` and `demote` move a key, `reseal` seals."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from . import terminal
from .command import INTERRUPTED, SessionCommand, with_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._table.reports import Moved
    from ..store import SessionStore

after_option = click.option(
    "--after", metavar="HANDLE", help="Begin after this session, as an interrupted command tells."
)


@click.command(cls=SessionCommand)
@click.argument("column")
@after_option
@with_store
def promote(store: SessionStore, *, column: str, after: str | None) -> None:
    """Move a key of all sessions to its column, or fill a searchable copy, while the site runs.

    COLUMN is declared, and the sessions still have the key among the rest. Saves move the keys of those that
    are in use; this moves the others. No session waits, and none gets an older value.
    """
    _move(store, "promote", column, after)


@click.command(cls=SessionCommand)
@click.argument("column")
@after_option
@with_store
def demote(store: SessionStore, *, column: str, after: str | None) -> None:
    """Move a key of all sessions out of its column, before the column is no longer declared.

    Run it once more when no process that declares the column runs any more, because their saves move the key
    of a session back.
    """
    _move(store, "demote", column, after)


@click.command(cls=SessionCommand)
@with_store
def reseal(store: SessionStore) -> None:
    """Seal all sessions with the first of the encryption_keys, or open them with unsealed=write.

    No session waits, and none gets an older value. After an interruption it goes on where it was.
    """
    total, done = store.count(), 0
    with terminal.progress("Sealing") as progress:

        def tell(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        try:
            result = store.reseal(progress=tell)
        except KeyboardInterrupt:
            click.echo("Interrupted: `reseal` goes on where it was.", err=True)
            sys.exit(INTERRUPTED)
    click.echo(f"{terminal.number(result.resealed)} sessions written anew")
    if result.left:
        click.echo(f"{terminal.number(result.left)} could not be: no key opens them", err=True)
        sys.exit(1)


def _move(store: SessionStore, name: str, column: str, after: str | None) -> None:
    move: Callable[..., Moved] = getattr(store, name)
    total = store.count()
    rows = moved = left = 0
    begin = time.monotonic()
    try:
        with terminal.progress("Moving keys") as progress:
            while True:
                part = move(column, after=after)
                rows, moved, left = rows + part.rows, moved + part.moved, left + part.left
                after = part.after
                progress(rows, total)
                if after is None:
                    break
    except KeyboardInterrupt:
        how = f" --after {store.name_of(after)}" if after is not None and store.hash_sid else ""
        click.echo(
            f"Interrupted: {terminal.number(moved)} sessions were moved; `{name} {column}{how}` goes on.",
            err=True,
        )
        sys.exit(INTERRUPTED)
    seconds = time.monotonic() - begin
    click.echo(f"{terminal.number(moved)} of {terminal.number(rows)} sessions moved in {seconds:.1f} s")
    if left:
        click.echo(
            f"{terminal.number(left)} could not be: the value does not fit the column, or the session is"
            " saved all the time",
            err=True,
        )
        sys.exit(1)
