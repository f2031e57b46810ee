"""What commands show: on a terminal for people, elsewhere as plain lines for programs.

Values come from visitors, so whatever is no printable character is shown as an escape: it could otherwise
command the terminal.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

BETWEEN_LINES: Final = 5.0
"""Seconds between two plain lines of progress."""
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024


def is_terminal() -> bool:
    """Whether people are looking at what is printed."""
    return sys.stdout.isatty()


def console() -> Console:
    """Where tables go."""
    return Console(file=sys.stdout, highlight=False)


def printable(value: object) -> str:
    """A text in one line, in which every other character is an escape, such as that of ESC."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(value)
    )


def number(value: int) -> str:
    """A whole number with commas."""
    return f"{value:,}"


def size(value: int | None) -> str:
    """Bytes in the largest fitting unit."""
    if value is None:
        return "unknown"
    amount, unit = float(value), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{value} B"


def moment(value: dt.datetime | None) -> str:
    """A time in UTC, to the minute."""
    return "" if value is None else value.strftime("%Y-%m-%d %H:%M")


def rendered(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, foldable: Collection[str] = ()
) -> Any:
    """A table for a terminal.

    Args:
        headings: of the columns.
        rows: values for each column.
        foldable: the headings of the columns that get several lines where the terminal is too narrow.
    """
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading not in foldable)
    for row in rows:
        table.add_row(*(Text(printable(value)) for value in row))
    return table


def show_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, foldable: Collection[str] = ()
) -> None:
    """Print a table: fitted to a terminal; elsewhere with a tab between two values."""
    if is_terminal():
        console().print(rendered(headings, rows, foldable=foldable))
        return
    click.echo("\t".join(headings))
    for row in rows:
        click.echo("\t".join(map(printable, row)))


def indented(text: str, indent: int) -> str:
    """A text of several lines, which on a terminal begin below each other, however narrow it is.

    Args:
        text: whose lines that begin with a blank are statements, and are left as they are.
        indent: the number of characters before its first line.
    """
    first, *more = map(printable, text.splitlines())
    if is_terminal():
        width = max(shutil.get_terminal_size().columns, 2 * indent)
        first = textwrap.fill(" " * indent + first, width, subsequent_indent=" " * indent).lstrip()
    return "\n".join([first, *more])


def show_json(value: Any) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2, default=str))


def confirm(about: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone.

    Args:
        about: what will happen, with the number of rows.
        yes: whether the answer was given with the command.

    Raises:
        UsageError: if there is no terminal to ask at.
        Abort: if the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        msg = f"{about} There is no terminal to ask at: add --yes if that is meant."
        raise click.UsageError(msg)
    click.confirm(f"{about} Go on?", abort=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far long work is: a bar on a terminal, elsewhere a line now and then.

    Args:
        what: the work.

    Returns:
        a context manager, whose value is to be called with how much is done, and of how much.
    """
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
        task = bar.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            # What is done at once needs no bar.
            if done < total:
                bar.start()
            bar.update(task, completed=done, total=max(total, done))

        try:
            yield show
        finally:
            bar.stop()
        return
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= BETWEEN_LINES:
            told = time.monotonic()
            click.echo(f"{what}: {number(done)} of {number(max(total, done))}", err=True)

    yield tell
