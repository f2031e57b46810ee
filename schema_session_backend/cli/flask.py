"""`flask sessions …`: the same commands on the store of a Flask application.

Flask imports this module with each of its commands, so it imports the commands only when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from flask.cli import ScriptInfo

from ..errors import ConfigurationError
from ..store import SessionStore

if TYPE_CHECKING:
    from flask import Flask

SETTING: Final = "SESSION_CACHELIB"


class LazyGroup(click.Group):
    """The commands of `schema-session`, imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the commands."""
        return list(self._commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """A command by its name."""
        return self._commands().get(cmd_name)

    @staticmethod
    def _commands() -> dict[str, click.Command]:
        try:
            from .program import COMMANDS  # noqa: PLC0415 - see above
        except ImportError as error:
            if error.name is None or error.name.partition(".")[0] != "rich":
                raise
            msg = "this needs rich: pip install 'schema_session_backend[cli]'"
            raise click.ClickException(msg) from None
        return {str(command.name): command for command in COMMANDS}


@click.group(cls=LazyGroup)
@click.pass_context
def sessions(ctx: click.Context) -> None:
    """Look after the table of sessions."""
    from .command import Source  # noqa: PLC0415 - it needs rich

    script = ctx.ensure_object(ScriptInfo)
    app = script.load_app()
    ctx.with_resource(app.app_context())
    ctx.obj = Source(lambda: store_of(app))


def store_of(app: Flask) -> SessionStore:
    """The store of an application's sessions.

    Args:
        app: whose `SESSION_CACHELIB` is a `SchemaCache`.

    Raises:
        ConfigurationError: with what was tried.
    """
    interface: Any = app.session_interface
    places = {
        f"app.config[{SETTING!r}]": app.config.get(SETTING),
        "app.session_interface.cache": getattr(interface, "cache", None),
        "app.session_interface": interface,
    }
    for found in places.values():
        store = getattr(found, "store", None)
        if isinstance(store, SessionStore):
            return store
    tried = "; ".join(f"{place} is {type(found).__name__}" for place, found in places.items())
    msg = f"the application has no SchemaCache for its sessions: {tried}. Set {SETTING} before Session(app)"
    raise ConfigurationError(msg)
