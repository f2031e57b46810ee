"""Commands about sessions: `ls`, `show`, `revoke`, `export`, `erase`."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from .._column_texts import typed
from .._session.serializer import JsonSerializer
from ..errors import SessionStoreError
from . import terminal
from .command import Failed, SessionCommand, conditions, handle_of, user_field, with_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .._session.model import Record
    from ..store import SessionStore

PER_PAGE: Final = 500
SHORT: Final = 12
"""The digits of a handle that a terminal has room for."""
HANDLE: Final = "handle"
MOMENTS: Final = ("created_at", "updated_at", "expires_at")
_SERIALIZER: Final = JsonSerializer()

user_option = click.option(
    "--user", metavar="VALUE", help="The sessions of the user with this value in user_field."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command("ls", cls=SessionCommand)
@click.argument("where", nargs=-1, metavar="[COLUMN=VALUE]...")
@user_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Sessions at most.")
@click.option("--all", "every", is_flag=True, help="All sessions, in the order of their handles.")
@click.option("--json", "form", flag_value="json", help="Print a JSON array.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a line of names.")
@with_store
def ls(
    store: SessionStore,
    *,
    where: tuple[str, ...],
    user: str | None,
    limit: int,
    every: bool,
    form: str | None,
) -> None:
    """List live sessions with their declared columns, the newest first.

    A condition is COLUMN=VALUE; COLUMN= asks for sessions without a value. All conditions have to hold. A
    session is named by its handle, which is safe to show; with hash_sid off, by a hash of it.
    """
    wanted = conditions(store, where, user)
    records = _every(store, wanted) if every else iter(store.find(wanted, limit=limit + 1))
    shown = records if every else itertools.islice(records, limit)
    if form == "json":
        _print_json(_facts(store, record) for record in shown)
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow([HANDLE, *store.fields, *MOMENTS])
        writer.writerows(_row(store, record) for record in shown)
    else:
        # A terminal of 80 columns has no room for more.
        moments = MOMENTS[:2] if store.has_timestamps else MOMENTS[2:]
        headings = [HANDLE, *store.fields, *moments]
        width = SHORT if terminal.is_terminal() else None
        lines = (_line(store, record, width) for record in shown)
        terminal.show_table(headings, lines, foldable=store.fields)
    if next(records, None) is not None:
        click.echo(f"there are more than these {limit}: narrow it, or use --limit or --all", err=True)


@click.command(cls=SessionCommand)
@click.argument("handle")
@click.option("--values", is_flag=True, help="Show the values too, which may be private.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_store
def show(store: SessionStore, *, handle: str, values: bool, as_json: bool) -> None:
    """Show one session: its times, its keys, their types and sizes; its values only if asked for.

    HANDLE is the handle that `ls` shows, or at least its first six digits.
    """
    record = store.record(handle_of(store, handle))
    if record is None:
        msg = "the row is corrupt: `check --all` tells how, and `revoke` ends the session"
        raise Failed(msg)
    keys = [
        {
            "key": str(key),
            "place": "column" if key in store.home_fields else "additional",
            "type": type(value).__name__,
            "bytes": len(_text_of(value).encode(errors="surrogatepass")),
            **({"value": _plain(value)} if values else {}),
        }
        for key, value in record.data.items()
    ]
    if as_json:
        terminal.show_json({**_times(store, record), "keys": keys})
        return
    for name, told in _times(store, record).items():
        click.echo(f"{name:<11}  {told or ''}")
    click.echo()
    headings = ["key", "place", "type", "bytes", *(["value"] if values else [])]
    lines = [
        [
            each["key"],
            each["place"],
            each["type"],
            each["bytes"],
            *([_text_of(record.data[name])] if values else []),
        ]
        for name, each in zip(record.data, keys, strict=True)
    ]
    terminal.show_table(headings, lines, foldable=["key", "value"])


@click.command(cls=SessionCommand)
@click.argument("handles", nargs=-1, metavar="[HANDLE]...")
@user_option
@click.option("--except", "kept", metavar="HANDLE", help="With --user: a session to keep.")
@yes_option
@with_store
def revoke(
    store: SessionStore, *, handles: tuple[str, ...], user: str | None, kept: str | None, yes: bool
) -> None:
    """End sessions: those that are named, or all of a user's.

    Requests of these sessions that are running now cannot bring them back.
    """
    if bool(handles) == (user is not None):
        raise click.UsageError("name sessions by their handles, or a user by --user")
    if kept is not None and user is None:
        raise click.UsageError("--except goes with --user")
    if user is None:
        named = list(dict.fromkeys(handle_of(store, handle) for handle in handles))
        terminal.confirm(f"{_sessions(len(named))} will be ended.", yes=yes)
        ended = store.revoke_many(named)
    else:
        wanted = conditions(store, (), user)
        spared = None if kept is None else handle_of(store, kept)
        count = store.count(wanted)
        if spared is not None:
            record = store.record(spared)
            is_theirs = (
                record is not None
                and store.fields_of(record.data)[user_field(store)] == wanted[user_field(store)]
            )
            count -= 1 if is_theirs else 0
        if count:
            terminal.confirm(f"{_sessions(count)} of the user will be ended.", yes=yes)
        ended = store.revoke_where(wanted, keep=spared)
    click.echo(f"{_sessions(ended)} ended")


@click.command(cls=SessionCommand)
@click.option("--user", required=True, metavar="VALUE", help="Whose sessions, by the value in user_field.")
@click.option("--output", type=click.Path(dir_okay=False), help="A new file, which only you may read.")
@with_store
def export(store: SessionStore, *, user: str, output: str | None) -> None:
    """Print all that is stored in a user's live sessions, as JSON, for people who ask for their data.

    Values of types that JSON lacks are objects such as {"$datetime": "2026-11-25T22:13:00"}.
    """
    wanted = conditions(store, (), user)
    records = store.find(wanted)
    document = {
        "table": store.repo().fullname,
        "exported_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "user": {name: _plain(value) for name, value in wanted.items()},
        "sessions": [
            {**_times(store, record), "data": {str(key): _plain(value) for key, value in record.data.items()}}
            for record in records
        ],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    if output is None:
        click.echo(text.encode(errors="backslashreplace").decode())
    else:
        _write_new(output, text)
    click.echo(f"{_sessions(len(records))} exported", err=True)
    hidden = store.count_rows(wanted) - len(records)
    if hidden > 0:
        rows = "row has" if hidden == 1 else "rows have"
        click.echo(
            f"{terminal.number(hidden)} more {rows} expired or are corrupt: gc or erase removes them",
            err=True,
        )


@click.command(cls=SessionCommand)
@click.option("--user", required=True, metavar="VALUE", help="Whose sessions, by the value in user_field.")
@yes_option
@with_store
def erase(store: SessionStore, *, user: str, yes: bool) -> None:
    """Remove every row of a user, also what has expired and is still there.

    For people who ask that their data be erased. The user is signed out everywhere.
    """
    wanted = conditions(store, (), user)
    count = store.count_rows(wanted)
    if count:
        terminal.confirm(f"{_rows(count)} of the user will be removed.", yes=yes)
    click.echo(f"{_rows(store.erase(wanted))} removed")


# -- their parts


def _every(store: SessionStore, wanted: dict[str, Any]) -> Iterator[Record]:
    after = None
    while True:
        page = store.browse(wanted, after=after, limit=PER_PAGE)
        yield from page.records
        after = page.after
        if after is None:
            return


def _moments(record: Record) -> tuple[dt.datetime | None, ...]:
    return record.created_at, record.updated_at, record.expires_at


def _times(store: SessionStore, record: Record) -> dict[str, Any]:
    moments = zip(MOMENTS, _moments(record), strict=True)
    return {HANDLE: store.name_of(record)} | {
        name: each and each.isoformat(timespec="seconds") for name, each in moments
    }


def _facts(store: SessionStore, record: Record) -> dict[str, Any]:
    fields = {name: _plain(value) for name, value in store.fields_of(record.data).items()}
    return {HANDLE: store.name_of(record), "fields": fields} | dict(list(_times(store, record).items())[1:])


def _row(store: SessionStore, record: Record) -> list[Any]:
    moments = ["" if each is None else each.isoformat() for each in _moments(record)]
    return [store.name_of(record), *map(typed, store.fields_of(record.data).values()), *moments]


def _line(store: SessionStore, record: Record, width: int | None) -> list[Any]:
    moments = [terminal.moment(each) for each in _moments(record)]
    values = map(typed, store.fields_of(record.data).values())
    return [store.name_of(record)[:width], *values, *(moments[:2] if store.has_timestamps else moments[2:])]


def _print_json(facts: Iterable[dict[str, Any]]) -> None:
    """Print an array without keeping it, because a table may be larger than the memory."""
    separator = "["
    for each in facts:
        click.echo(f"{separator}\n  {json.dumps(each, default=str)}", nl=False)
        separator = ","
    click.echo("[]" if separator == "[" else "\n]")


def _text_of(value: Any) -> str:
    """A value as readable JSON, with tags for what JSON lacks."""
    try:
        return _SERIALIZER.dumps({"": value})[len('{"":') : -1]
    except SessionStoreError:
        # Of a type of the application's, for which only its store has a converter.
        return json.dumps(str(value))


def _plain(value: Any) -> Any:
    return json.loads(_text_of(value))


def _write_new(path: str, text: str) -> None:
    """Write a file that is not there yet, for the user's own eyes."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    try:
        with open(path, "x", encoding="utf-8", errors="backslashreplace", opener=opener) as file:
            file.write(text + "\n")
    except OSError as error:
        msg = f"--output: {path} cannot be written: {error.strerror}"
        raise Failed(msg) from None


def _counted(one: str, many: str) -> Callable[[int], str]:
    return lambda count: f"{terminal.number(count)} {one if count == 1 else many}"


_sessions = _counted("session", "sessions")
_rows = _counted("row", "rows")
