"""What the tests of the command line can ask for: a table on each database, and the program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine

from schema_session_backend.cli.program import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result
    from sqlalchemy import Engine

    Run = Callable[..., Result]


# The columns of the fixture `store`.
OPTIONS = ("--schemas", "user_id Integer index; device String(50); ip String(45)", "--timestamps")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """What looks into the database beside the store."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def run(url: str, table_name: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `schema-session` on the test's table; what it prints is `output`, apart `stdout` and `stderr`."""
    # The URL of a server may have a password.
    monkeypatch.setenv("SCHEMA_SESSION_URL", url)

    def run(*arguments: str, options: tuple[str, ...] = OPTIONS) -> Result:
        return CliRunner().invoke(program, ["--table-name", table_name, *options, *arguments])

    return run


@pytest.fixture
def done(run: Run) -> Callable[..., str]:
    """Runs a command that succeeds, and returns what it prints."""

    def done(*arguments: str, **options: Any) -> str:
        result = run(*arguments, **options)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return done


@pytest.fixture
def as_json(run: Run) -> Callable[..., Any]:
    """Runs a command with `--json`, whatever its exit code, and returns what it prints."""

    def as_json(*arguments: str, **options: Any) -> Any:
        return json.loads(run(*arguments, "--json", **options).stdout)

    return as_json
