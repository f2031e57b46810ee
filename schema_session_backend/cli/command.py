"""What all commands share: their store, their errors, and the conditions on columns."""

from __future__ import annotations

import functools
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Final, ParamSpec

import click

from .._column_texts import parser_of
from .._spelling import did_you_mean
from .._sql.search import NULL
from ..errors import ConfigurationError, InvalidField, SchemaMismatch, SessionStoreError
from .stores import require_file
from .terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._session.model import Record
    from ..store import SessionStore

P = ParamSpec("P")

INTERRUPTED: Final = 130
"""The exit code of a program that was interrupted, as shells have it."""


@dataclass(frozen=True)
class Source:
    """Opens the store that a command works on, when the command runs.

    Attributes:
        open: makes or finds the store.
    """

    open: Callable[[], SessionStore]


class Failed(click.ClickException):
    """An error with its message, which may have several lines."""

    def show(self, file: Any = None) -> None:
        """Print the message to the standard error."""
        click.echo(f"Error: {self.message}", err=True, file=file)


class SessionCommand(click.Command):
    """A command whose errors are told in words, without a traceback."""

    failure: ClassVar[type[Failed]] = Failed
    """What ends the command where the store cannot do what it is asked."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Say of an option of the program itself where it has to stand."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            group = ctx.parent.command.params if ctx.parent is not None else []
            if any(error.option_name in parameter.opts for parameter in group):
                msg = f"{error.option_name} says which store: write it before {ctx.info_name!r}"
                raise click.UsageError(msg, ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        handler = _Warnings()
        logger = logging.getLogger("schema_session_backend")
        logger.addHandler(handler)
        try:
            return super().invoke(ctx)
        except SchemaMismatch as error:
            hint = f"\n`{ctx.parent.command_path if ctx.parent else ''} init` does what can be done by itself"
            raise self.failure(f"{error}{hint}") from None
        except SessionStoreError as error:
            raise self.failure(str(error)) from None
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(INTERRUPTED)
        finally:
            logger.removeHandler(handler)


class _Warnings(logging.Handler):
    """Tells on the standard error what the store warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"{record.levelname.capitalize()}: {printable(record.getMessage())}", err=True)


def with_store(
    command: Callable[Concatenate[SessionStore, P], Any],
) -> Callable[P, Any]:
    """Give a command its store, which changes no table, and close it at the end."""

    @functools.wraps(command)
    def with_guest(*arguments: P.args, **options: P.kwargs) -> Any:
        store = opened_store()
        require_file(store)
        return command(store.without_sync(), *arguments, **options)

    return with_guest


def opened_store() -> SessionStore:
    """The store of the command that is running, closed at the command's end."""
    context = click.get_current_context()
    source = context.find_object(Source)
    assert source is not None
    store = source.open()
    context.call_on_close(store.close)
    return store


# -- conditions


def conditions(store: SessionStore, texts: tuple[str, ...], user: str | None = None) -> dict[str, Any]:
    """The conditions of a search, for `SessionStore.find`.

    Args:
        store: that is searched.
        texts: each `column=value`, or `column=` for sessions without a value.
        user: the text of a user's value in the store's `user_field`.

    Raises:
        ConfigurationError: naming a column that is not declared, and the near ones.
        InvalidField: naming a column that cannot have such a value.
        UsageError: for a text of another form.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            msg = f"{text!r} is no condition; write column=value, or column= for sessions without a value"
            raise click.UsageError(msg)
        found[name] = _value(store, name, value)
    if user is not None:
        found[user_field(store)] = _value(store, user_field(store), user)
    return found


def user_field(store: SessionStore) -> str:
    """The column that tells whose a session is.

    Raises:
        ConfigurationError: if the store has none.
    """
    if store.user_field is None:
        msg = "--user: no column tells whose a session is; declare user_id, or name yours in user_field"
        raise ConfigurationError(msg)
    return store.user_field


def _value(store: SessionStore, name: str, text: str) -> Any:
    if name not in store.fields:
        hint = did_you_mean(name, store.fields)
        msg = f"table {store.repo().fullname!r} has no declared column {name!r}: {hint}"
        raise ConfigurationError(msg)
    if not text:
        return NULL
    kind = store.repo().c[name].type
    parse = parser_of(kind)
    if parse is None:
        raise InvalidField(store.repo().fullname, name, f"is {kind}, and no text stands for its values")
    try:
        return parse(text)
    except (ValueError, KeyError, ArithmeticError):
        pass
    raise InvalidField(store.repo().fullname, name, f"is {kind}, and {printable(text)!r} is no value of it")


# -- sessions


def handle_of(store: SessionStore, name: str) -> str:
    """The handle of the one live session whose name begins with a text.

    Raises:
        WrongArgument: for a text that is no name.
        Failed: if no session has it, or several.
    """
    handles = store.handles(name)
    if len(handles) == 1:
        return handles[0]
    if handles:
        msg = f"several sessions begin with {name}: write more digits, as `ls --json` shows them"
        raise Failed(msg)
    msg = f"no live session begins with {name}: it was ended, it expired, or it is another store's"
    raise Failed(msg)


def shown_fields(store: SessionStore, record: Record) -> dict[str, Any]:
    """What the declared columns hold for a session."""
    return store.fields_of(record.data)
