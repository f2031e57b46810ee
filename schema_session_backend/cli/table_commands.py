"""Commands about the table: `init`, `check`, `stats`, `gc`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from . import terminal
from .checkup import SAMPLE, Checkup, Status
from .command import INTERRUPTED, Failed, SessionCommand, opened_store, with_store

if TYPE_CHECKING:
    from .._table.reports import TableDifference
    from ..store import SessionStore

DATABASES: Final = ("sqlite", "postgresql", "mariadb", "mysql")
OWN: Final = "own"
WIDEST_BAR: Final = 40
_MARKS: Final = {
    Status.OK: ("ok", "green"),
    Status.WARNING: ("warning", "yellow"),
    Status.FAILURE: ("failure", "red"),
}


@click.command(cls=SessionCommand)
@click.option(
    "--sql",
    "database",
    type=click.Choice([OWN, *DATABASES]),
    is_flag=False,
    flag_value=OWN,
    metavar="[DATABASE]",
    help="Print the statements for a new table, and run none: for the store's own database, or for"
    f" {', '.join(DATABASES)}.",
)
def init(database: str | None) -> None:
    """Create the table, or add the columns and indexes that it lacks.

    Nothing that is there is changed or dropped. Indexes are built while the table is used. What cannot be
    added is reported, with statements where running them is enough.
    """
    store = opened_store()
    if database is not None:
        for statement in store.ddl(None if database == OWN else database):
            click.echo(f"{statement};")
        return
    name = store.repo().fullname
    before = [each for each in store.differences() if each.is_added]
    store.wait_for_sync()
    store.build_indexes()
    after = store.differences()
    left = {each.problem for each in after}
    for each in before:
        if each.problem not in left:
            click.echo(f"{name}: {each.problem}, so it was added")
    for each in after:
        click.echo(f"{name} {_with_advice(each)}", err=True)
    if not before and not after:
        click.echo(f"{name} is as declared; nothing to do")


class CannotCheck(Failed):
    """An error that monitoring must not take for a warning."""

    exit_code = int(Status.FAILURE)


class CheckCommand(SessionCommand):
    """A command whose exit code tells monitoring how well it is."""

    failure = CannotCheck


@click.command(cls=CheckCommand)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--all", "whole", is_flag=True, help=f"Read every session, not a sample of {SAMPLE:,}.")
@click.option(
    "--max-backlog",
    type=click.IntRange(0),
    default=10_000,
    show_default=True,
    help="Rows that may have expired two gc intervals ago.",
)
def check(*, as_json: bool, whole: bool, max_backlog: int) -> None:
    """Look whether all is well, and tell it by the exit code.

    Looks at the connection, the database's clock, the table and its indexes and collations, the rows that
    gc has left, the largest sessions and corrupt rows. Nothing is changed.

    The exit code is 0 if all is well, 1 for a warning, and 2 if sessions cannot be stored.
    """
    store = opened_store().without_sync()
    with terminal.progress("Reading sessions") as progress:
        findings = list(Checkup(store, max_backlog, whole, progress))
    if not as_json:
        for finding in findings:
            mark, color = _MARKS[finding.status]
            start = f"{click.style(f'{mark:<7}', fg=color)}  {finding.check:<10}  "
            click.echo(start + terminal.indented(finding.text, 21))
    worst = max(finding.status for finding in findings)
    if as_json:
        checks = [
            {"check": each.check, "status": _MARKS[each.status][0], "text": each.text, **each.details}
            for each in findings
        ]
        terminal.show_json({"status": _MARKS[worst][0], "checks": checks})
    sys.exit(int(worst))


@click.command(cls=SessionCommand)
@click.option("--days", type=click.IntRange(1, 1000), default=14, show_default=True, help="Days to count.")
@click.option(
    "--values", "most", type=click.IntRange(1), default=5, show_default=True, help="Values of each column."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_store
def stats(store: SessionStore, *, days: int, most: int, as_json: bool) -> None:
    """Count the live sessions: all, by day, and by the values of columns; and tell how large the table is.

    Of a large table, about 10,000 rows are counted by day and by value; such numbers have a ~.
    """
    facts = _facts(store, days, most)
    if as_json:
        terminal.show_json(facts)
        return
    sizes = facts["bytes"]
    click.echo(f"live sessions   {terminal.number(facts['live'])}")
    click.echo(f"expired rows    {terminal.number(facts['expired'])}")
    for what in ("table", "indexes", "free"):
        if sizes[what] is not None:
            click.echo(f"{what:<14}  {terminal.size(sizes[what])}")
    if facts["dead_rows"] is not None:
        click.echo(f"dead rows       {terminal.number(facts['dead_rows'])}")
    highest = max((each["count"] for each in facts["days"]), default=0)
    if facts["days"]:
        click.echo("\nlive sessions by the day of their creation, in UTC")
    for each in facts["days"]:
        bar = "█" * round(WIDEST_BAR * each["count"] / highest) if highest else ""
        click.echo(f"  {each['day']}  {_count(each):>10}  {bar}".rstrip())
    for column, values in facts["columns"].items():
        click.echo(f"\n{column}")
        for each in values:
            value = "no value" if each["value"] is None else terminal.printable(each["value"])
            click.echo(f"  {_count(each):>10}  {value}")


@click.command(cls=SessionCommand)
@with_store
def gc(store: SessionStore) -> None:
    """Remove the rows of expired sessions, in small batches.

    The store does this by itself; see the option gc_interval. It can be interrupted: what was removed stays
    removed, and the next call goes on.
    """
    total, removed = store.count_expired(), 0
    try:
        with terminal.progress("Removing expired rows") as progress:

            def told(count: int) -> None:
                nonlocal removed
                removed = count
                progress(count, total)

            removed = store.gc(told)
    except KeyboardInterrupt:
        click.echo(
            f"Interrupted: {terminal.number(removed)} rows were removed; run it again to go on.", err=True
        )
        sys.exit(INTERRUPTED)
    click.echo(f"{terminal.number(removed)} rows removed")
    if not removed and total:
        click.echo("another process is removing them, or other transactions hold them", err=True)


def _facts(store: SessionStore, days: int, most: int) -> dict[str, Any]:
    sizes = store.sizes()
    columns = [name for name in store.fields if store.can_count_values(name)]
    return {
        "live": store.count(),
        "expired": store.count_expired(),
        "bytes": {"table": sizes.table, "indexes": sizes.indexes, "free": sizes.free},
        "dead_rows": sizes.dead_rows,
        "days": [
            {"day": str(each.day), "count": each.count, "is_exact": each.is_exact}
            for each in store.count_per_day(days)
        ],
        "columns": {
            name: [
                {"value": each.value, "count": each.count, "is_exact": each.is_exact}
                for each in store.count_values(name, most)
            ]
            for name in columns
        },
    }


def _count(counted: dict[str, Any]) -> str:
    return f"{'' if counted['is_exact'] else '~'}{terminal.number(counted['count'])}"


def _with_advice(difference: TableDifference) -> str:
    lines = [f"{difference.problem}{f': {difference.task}' if difference.task else ''}"]
    return "\n".join([*lines, *(f"    {statement};" for statement in difference.ddl)])
