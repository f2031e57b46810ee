"""At a real terminal: questions, tables that fit, a progress bar, and an end by Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from clocks import MINUTE
from processes import HEEDING_CTRL_C

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
TOO_LONG = 60
PROGRAM = "from schema_session_backend.cli import main; main()"


class Terminal:
    """A program at a terminal of its own.

    Args:
        arguments: of `schema-session`.
        environ: what is set in its environment.
    """

    def __init__(self, *arguments: str, environ: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        self._process = subprocess.Popen(
            [*HEEDING_CTRL_C, sys.executable, "-c", PROGRAM, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            close_fds=True,
            start_new_session=True,
            env={**os.environ, "COLUMNS": "", "TERM": "xterm-256color", **environ},
        )
        os.close(slave)
        self.output = b""

    def wait_for(self, text: str) -> str:
        """All that it has shown, once a text is in it."""
        deadline = time.monotonic() + TOO_LONG
        while text.encode() not in self.plain and time.monotonic() < deadline and self._read():
            pass
        assert text.encode() in self.plain, self.plain.decode()
        return self.plain.decode()

    @property
    def plain(self) -> bytes:
        """What it has shown, without colors and movements of the cursor."""
        return ESCAPES.sub(b"", self.output)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Its exit code, when all that it shows was read."""
        deadline = time.monotonic() + TOO_LONG
        while time.monotonic() < deadline and self._read():
            pass
        os.close(self._master)
        return self._process.wait(TOO_LONG)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], TOO_LONG)[0]:
            return False
        try:
            read = os.read(self._master, 65536)
        except OSError:  # Linux says EIO at the end
            return False
        self.output += read
        return bool(read)


@pytest.fixture
def at_terminal(url, table_name):
    """Runs `schema-session` on the test's table at a terminal."""
    schemas = "user_id Integer index; device String(50); ip String(45)"
    environ = {
        "SCHEMA_SESSION_URL": url,
        "SCHEMA_SESSION_SCHEMAS": schemas,
        "SCHEMA_SESSION_TIMESTAMPS": "true",
        "SCHEMA_SESSION_TABLE_NAME": table_name,
    }
    return lambda *arguments: Terminal(*arguments, environ=environ)


def test_a_question_tells_the_number_of_rows_and_no_is_no(store, at_terminal):
    store.set_many({"a": {"user_id": 42}, "b": {"user_id": 42}, "c": {"user_id": 7}})

    terminal = at_terminal("revoke", "--user", "42")
    terminal.wait_for("2 sessions of the user will be ended. Go on? [y/N]")
    terminal.type("n\n")

    assert terminal.end() == 1
    assert store.count() == 3


def test_yes_is_yes(store, at_terminal):
    store.set_many({"a": {"user_id": 42}, "b": {"user_id": 42}, "c": {"user_id": 7}})

    terminal = at_terminal("erase", "--user", "42")
    terminal.wait_for("2 rows of the user will be removed. Go on?")
    terminal.type("y\n")

    assert terminal.end() == 0
    assert b"2 rows removed" in terminal.plain
    assert store.count() == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_table_fits_the_terminal_and_has_short_handles(store, at_terminal):
    store.set("a", {"user_id": 42, "device": "[red]\x1b[2J"})

    terminal = at_terminal("ls")

    assert terminal.end() == 0
    lines = terminal.plain.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert store.handle("a")[:12] in lines[1]
    assert store.handle("a")[:13] not in terminal.plain.decode()
    assert "[red]\\x1b[2J" in terminal.plain.decode()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_watch_follows_and_ends_by_ctrl_c(store, at_terminal):
    store.set("a", {"user_id": 42, "device": "phone"})

    terminal = at_terminal("watch", "--interval", "0.1")
    terminal.wait_for("1 live sessions at")
    store.set("b", {"user_id": 7, "device": "laptop"})
    terminal.wait_for("laptop")
    terminal.interrupt()

    assert terminal.end() == 0
    assert b"Stopped." in terminal.plain


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_gc_shows_a_bar(store, at_terminal):
    store.set_many({f"s{number}": {} for number in range(450)}, max_age=MINUTE)
    with store.engine.begin() as connection:
        connection.execute(store.repo().update().values(expire_at=1))

    terminal = at_terminal("gc")

    assert terminal.end() == 0
    assert b"Removing expired rows" in terminal.plain
    assert b"450 rows removed" in terminal.plain
