"""`schema-session`: the commands, with the options that say which store they work on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from .._options import Option, declared
from ..errors import ConfigurationError
from ..store import SessionStore
from .command import Source
from .moving_commands import demote, promote, reseal
from .session_commands import erase, export, ls, revoke, show
from .stores import flag, store_named, store_of_ini, store_of_options
from .table_commands import check, gc, init, stats
from .watching import watch

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS: Final = (init, check, ls, show, revoke, export, erase, gc, promote, demote, reseal, stats, watch)
# The command decides whether the table is changed, and a fallen MetaData has no table that is not in `table`.
LEFT_OUT: Final = frozenset({"sync", "metadata"})
ENVIRONMENT: Final = "SCHEMA_SESSION_"
_DESCRIPTION: Final = re.compile(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each of the store's options, as `_options` finds them in its signature."""
    described = {
        name: " ".join(text.split()) for name, text in _DESCRIPTION.findall(SessionStore.__doc__ or "")
    }
    for name, option in reversed(list(declared(SessionStore).items())):
        if name not in LEFT_OUT:
            command = _click_option(name, option, described.get(name, ""))(command)
    return command


def _click_option(name: str, option: Option, description: str) -> Callable[..., Any]:
    text = (
        f"{description[:1].upper()}{description[1:]}".rstrip(".").replace("`", "").replace("math.inf", "inf")
    )
    settings: dict[str, Any] = {"default": None, "envvar": f"{ENVIRONMENT}{name.upper()}"}
    if option.default_text:
        text = f"{text}  [default: {option.default_text}]"
    if option.type is bool:
        return click.option(f"{flag(name)}/{flag(f'no_{name}')}", name, help=text, **settings)
    metavar = (
        (option.form.unit or option.form.takes.removeprefix("the ").removeprefix("a "))
        .replace(" ", "-")
        .upper()
    )
    return click.option(flag(name), name, metavar=metavar, help=text, **settings)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="schema_session_backend")
@click.option(
    "--store",
    metavar="MODULE:NAME",
    envvar=f"{ENVIRONMENT}STORE",
    help="The store of an application, such as myapp.sessions:store; or an object that has it as `store`, or"
    " a function that returns one.",
)
@click.option(
    "--ini",
    metavar="FILE[#SECTION]",
    envvar=f"{ENVIRONMENT}INI",
    help="The ini file of an application on Pyramid or Beaker.",
)
@click.option("--url", envvar=f"{ENVIRONMENT}URL", help="The database's URL; the options below go with it.")
@store_options
@click.pass_context
def program(
    ctx: click.Context, /, *, store: str | None, ini: str | None, url: str | None, **options: Any
) -> None:
    """Look after a table of sessions: create it, check it, list sessions and end them.

    Say which store it is before the command: with --store, --ini or --url. Each option can be set in the
    environment too, such as SCHEMA_SESSION_URL, which keeps a password out of the list of processes.
    """
    given = {name: value for name, value in options.items() if value is not None}
    ctx.obj = Source(lambda: _opened(store, ini, url, given))


for each in COMMANDS:
    program.add_command(each)


def _opened(store: str | None, ini: str | None, url: str | None, given: dict[str, Any]) -> SessionStore:
    """The store that the options say.

    Raises:
        ConfigurationError: if they say none, or several.
    """
    chosen = [
        name for name, value in (("--store", store), ("--ini", ini), ("--url", url)) if value is not None
    ]
    if len(chosen) != 1:
        which = f"{' and '.join(chosen)} were given" if chosen else "none was given"
        msg = f"which store? Give one of --store, --ini and --url, before the command; {which}"
        raise ConfigurationError(msg)
    if url is not None:
        return store_of_options({"url": url, **given})
    if given:
        msg = f"{chosen[0]} brings its own options: leave out {flag(next(iter(given)))}"
        raise ConfigurationError(msg)
    return store_named(store) if store is not None else store_of_ini(str(ini))
