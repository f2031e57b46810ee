"""docs/commands.md has each command and each option, as click knows them.

After a change on purpose: `python tests/cli/test_cli_docs.py --write`.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import click

from schema_session_backend.cli.program import COMMANDS, program

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEADER = "<!-- From here on written by: python tests/cli/test_cli_docs.py --write -->"


def generated() -> str:
    """The part of the page that click tells."""
    parts = [HEADER, _of(program, "## Which store", "schema-session [OPTIONS] COMMAND …")]
    for command in COMMANDS:
        usage = " ".join([command.name or "", *command.collect_usage_pieces(click.Context(command))])
        parts.append(_of(command, f"## {command.name}", f"schema-session … {usage}"))
    return "\n\n".join(parts) + "\n"


def _of(command: click.Command, heading: str, usage: str) -> str:
    told = inspect.cleandoc(command.help or "")
    lines = [heading, "", f"```sh\n{usage}\n```", "", told, "", "| option | |", "| --- | --- |"]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and (
            record := parameter.get_help_record(click.Context(command))
        ):
            name, text = record
            lines.append(f"| `{name}` | {text.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def test_the_page_of_commands_is_what_click_tells():
    text = PAGE.read_text(encoding="utf-8")

    assert HEADER + text.partition(HEADER)[2] == generated(), "python tests/cli/test_cli_docs.py --write"


def test_each_command_and_each_of_its_options_says_what_it_does():
    for command in COMMANDS:
        assert command.help, command.name
        told = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        assert [parameter.name for parameter in told if not parameter.help] == [], command.name


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: {sys.argv[0]} --write")
    kept = PAGE.read_text(encoding="utf-8").partition(HEADER)[0]
    PAGE.write_text(kept + generated(), encoding="utf-8")
