"""Servers that are killed, frozen and restarted, each with data and a port of 127.0.0.1 of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from servers import (
    ServerMissing,
    _identity,
    _MariaDB,
    _owner,
    _PostgreSQL,
    _program_directories,
    _StepFailed,
    free_port,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

STARTING_TAKES: Final = 60.0
"""Seconds after which a server that does not answer is given up."""
APP: Final = "app"
"""The database of the sessions, and its user, who is no administrator."""


class ServerBroken(Exception):
    """A server did not do what it has to; the message is for people."""


class Server(ABC):
    """A database server with a directory of its own.

    Args:
        folder: for its directory; None for the machine's temporary one.
    """

    kind: ClassVar[_PostgreSQL | _MariaDB]
    fast: ClassVar[signal.Signals]
    """Ends the server, and with it all transactions that are running."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = os.pathsep.join([os.environ.get("PATH", ""), *_program_directories()])
        packages = dict.fromkeys(self.kind.programs, self.kind.package) | {"setpriv": "util-linux"}
        for program, package in packages.items():
            if shutil.which(program, path=self._path) is None:
                raise ServerMissing(f"{program} is not installed: see the package {package}")
        try:
            self._owner = _owner(self.kind)
        except _StepFailed as failure:
            raise ServerMissing(*failure.args) from None
        self.directory = Path(tempfile.mkdtemp(prefix="schema-session-faults-", dir=folder))
        os.chown(self.directory, self._owner.pw_uid, self._owner.pw_gid)
        self.data = self.directory / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    # -- where it is

    @property
    def url(self) -> str:
        """Where the application connects to."""
        return self._address(APP, APP).render_as_string(hide_password=False)

    @contextmanager
    def connected(self, database: str = APP) -> Iterator[Connection]:
        """An administrator's connection, each statement a transaction of its own."""
        engine = create_engine(
            self._administrators(database), poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            yield connection
        engine.dispose()

    def run(self, statement: str, database: str = APP) -> Any:
        """Run an administrator's statement; returns its first value, if it has one."""
        with self.connected(database) as connection:
            result = connection.exec_driver_sql(statement)
            return result.scalar() if result.returns_rows else None

    # -- its life

    def create(self) -> None:
        """Make its data, start it, and make the application's database."""
        make, _ = self.kind.commands(self.data, self.port)
        self.call(*make)
        self.start()
        self.create_database()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.launch()
        self.wait_until_up()

    def launch(self) -> None:
        """Start it, without waiting; it ends when we do, however that is."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig=QUIT", *self._command()],
                cwd=self.directory,
                env={**os.environ, "PATH": self._path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for us.
                start_new_session=True,
                **_identity(self._owner),
            )

    def wait_until_up(self) -> None:
        """Wait until it takes connections."""
        assert self._process is not None
        deadline = time.monotonic() + STARTING_TAKES
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(SQLAlchemyError):
                self.run("SELECT 1", self._maintenance)
                return
            time.sleep(0.02)
        raise ServerBroken(f"a {self.kind.name} server did not start: {self.last_words()}")

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self, how: signal.Signals | None = None) -> None:
        """End it by a signal, `fast` if none is given, and wait until it has ended."""
        if self.is_running:
            assert self._process is not None
            self._process.send_signal(self.fast if how is None else how)
            self._process.wait(STARTING_TAKES)

    def start_again(self) -> None:
        """Start it if it has ended, and wait until it answers."""
        if not self.is_running:
            self.launch()
        self.wait_until_up()

    def kill(self) -> None:
        """Kill -9 all of its processes."""
        processes = self._processes()
        for pid in processes:
            _signal(pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        # Those that it had started end on their own.
        while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in processes):
            time.sleep(0.005)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of its processes as they are, and let them go on afterwards."""
        processes = self._processes()
        for pid in processes:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(processes):
                _signal(pid, signal.SIGCONT)

    def remove(self) -> None:
        """End it, and remove what it had."""
        if self.is_running:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def last_words(self) -> str:
        """The end of its log."""
        log = self.directory / "log"
        return " / ".join(log.read_text(errors="replace").splitlines()[-3:]) if log.exists() else "no log"

    def call(self, *command: str) -> None:
        """Run one of its programs to its end."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={**os.environ, "PATH": self._path},
            capture_output=True,
            check=False,
            **_identity(self._owner),
        )
        if done.returncode:
            raise ServerBroken(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()}")

    # -- what differs

    _maintenance: ClassVar[str]
    """A database that is always there."""

    @abstractmethod
    def create_database(self) -> None:
        """Make the application's database and user."""

    @abstractmethod
    def end_connections(self) -> None:
        """End all connections of the application's user."""

    @contextmanager
    @abstractmethod
    def read_only(self) -> Iterator[None]:
        """Let nobody write, as on a primary that became a standby."""

    @contextmanager
    def locked_row(self, table_name: str, handle: str) -> Iterator[None]:
        """Hold a lock on a session."""
        with self.connected() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(f"SELECT 1 FROM {table_name} WHERE sid = '{handle}' FOR UPDATE").one()
            yield
            connection.exec_driver_sql("ROLLBACK")

    @contextmanager
    @abstractmethod
    def locked_table(self, table_name: str) -> Iterator[None]:
        """Hold a lock on a table that keeps everybody out, as ALTER TABLE does."""

    def _command(self) -> list[str]:
        return self.kind.commands(self.data, self.port)[1]

    def _address(self, user: str, database: str) -> URL:
        return self.kind.private_address(self.port).set(username=user, database=database)

    def _administrators(self, database: str) -> URL:
        return self.kind.private_address(self.port).set(database=database)

    def _processes(self) -> list[int]:
        """Its own process, and all that this one has started."""
        assert self._process is not None
        parent = self._process.pid
        return [parent, *(pid for pid, its_parent in _parents() if its_parent == parent)]


class PostgreSQL(Server):
    """PostgreSQL."""

    kind = _PostgreSQL()
    fast = signal.SIGINT
    immediate = signal.SIGQUIT
    _maintenance = "postgres"

    def create_database(self) -> None:
        """See `Server.create_database`."""
        self.run(f"CREATE ROLE {APP} LOGIN", self._maintenance)
        self.run(f"CREATE DATABASE {APP} OWNER {APP}", self._maintenance)

    def end_connections(self) -> None:
        """See `Server.end_connections`."""
        self.run(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{APP}'")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """See `Server.read_only`."""
        self._set("default_transaction_read_only", "on")
        try:
            yield
        finally:
            self._set("default_transaction_read_only", "off")

    @contextmanager
    def locked_table(self, table_name: str) -> Iterator[None]:
        """See `Server.locked_table`."""
        with self.connected() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(f"LOCK TABLE {table_name} IN ACCESS EXCLUSIVE MODE")
            yield
            connection.exec_driver_sql("ROLLBACK")

    def _set(self, name: str, value: str) -> None:
        self.run(f"ALTER SYSTEM SET {name} = '{value}'")
        self.run("SELECT pg_reload_conf()")


class MariaDB(Server):
    """MariaDB."""

    kind = _MariaDB()
    fast = signal.SIGTERM
    _maintenance = "mysql"

    def create_database(self) -> None:
        """See `Server.create_database`."""
        self.run(f"CREATE DATABASE {APP}", self._maintenance)
        self.run(f"CREATE USER {APP}@localhost", self._maintenance)
        self.run(f"GRANT ALL ON {APP}.* TO {APP}@localhost", self._maintenance)

    def end_connections(self) -> None:
        """See `Server.end_connections`."""
        with self.connected() as connection:
            numbers = connection.exec_driver_sql(
                f"SELECT id FROM information_schema.PROCESSLIST WHERE user = '{APP}'"
            ).scalars()
            for number in numbers.all():
                with suppress(SQLAlchemyError):  # it may be gone already
                    connection.exec_driver_sql(f"KILL {number}")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """See `Server.read_only`."""
        self.run("SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            self.run("SET GLOBAL read_only = 0")

    @contextmanager
    def locked_table(self, table_name: str) -> Iterator[None]:
        """See `Server.locked_table`."""
        with self.connected() as connection:
            connection.exec_driver_sql(f"LOCK TABLES {table_name} WRITE")
            yield
            connection.exec_driver_sql("UNLOCK TABLES")


def _signal(pid: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, which)


def _parents() -> Iterator[tuple[int, int]]:
    """All processes of the machine, each with its parent."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name before it may have blanks.
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
            yield int(status.parent.name), int(fields[1])


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
