"""The PostgreSQL and the MariaDB server that the tests run on: found, started or installed.

PgBouncer in front of that PostgreSQL is always a private one. For each of the two, in this order:

1. the URL in TEST_POSTGRESQL_URL or TEST_MARIADB_URL; a server that does not answer there is an error
2. local: a server that already runs here, at its usual address
3. private: a server of our own from installed programs, in a temporary directory, gone when the tests end
4. install: the Debian package, if we are root, and then a private server

TEST_SERVERS restricts the search to steps 2 to 4 that it names: "private", or "local,private".
Run this file to see what is found.
"""

from __future__ import annotations

import atexit
import gc
import getpass
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from clocks import SEARCH_PATH
from packages import NotInstalled, install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

STARTING_TAKES = 60.0
"""Seconds after which a server that does not answer is given up."""

HOST = "127.0.0.1"  # "localhost" may mean ::1, or, to MariaDB's clients, a socket.


class ServerMissing(Exception):
    """There is no such server; the message says in one line what to do."""


def postgresql_url() -> str:
    """A PostgreSQL database to run tests in; raises ServerMissing."""
    return _url_of(_PostgreSQL())


def mariadb_url() -> str:
    """A MariaDB database to run tests in; raises ServerMissing."""
    return _url_of(_MariaDB())


def pgbouncer_url() -> str:
    """The database of `postgresql_url` through a PgBouncer in transaction mode; raises ServerMissing."""
    return _url_of(_PgBouncer(make_url(postgresql_url())))


def private_postgresql_url() -> str:
    """A PostgreSQL server of this process alone, whose settings a test may change; raises ServerMissing."""
    try:
        return _private(_PostgreSQL()).render_as_string(hide_password=False)
    except _StepFailed as failure:
        raise ServerMissing(*failure.args) from None


def private_pgbouncer_url(behind: str) -> str:
    """The same database through a PgBouncer of this process alone; raises ServerMissing."""
    try:
        return _private(_PgBouncer(make_url(behind))).render_as_string(hide_password=False)
    except _StepFailed as failure:
        raise ServerMissing(*failure.args) from None


SERVERS: dict[str, Callable[[], str]] = {"postgresql": postgresql_url, "mariadb": mariadb_url}


class _StepFailed(Exception):
    """A step gave no server; the message is one line."""


class _Server(ABC):
    """What differs between them."""

    name: str
    variable: str
    package: str
    programs: tuple[str, ...]
    account: str
    databases: tuple[str, ...]
    is_usable: str
    ends_by = "QUIT"
    """The signal that ends it fastest: its data is worth nothing."""

    @property
    def missing_variable(self) -> str:
        """Where a process that looked in vain tells those that it starts why."""
        return f"{self.variable}_MISSING"

    @abstractmethod
    def usual_addresses(self) -> Iterator[URL]:
        """Where it listens on most machines, each with the database to connect to for creating ours."""

    @abstractmethod
    def commands(self, data: Path, port: int) -> tuple[list[str], list[str]]:
        """How to make its data directory, and how to run it."""

    @abstractmethod
    def private_address(self, port: int) -> URL:
        """Where the server that `commands` describe listens."""


class _PostgreSQL(_Server):
    name = "PostgreSQL"
    variable = "TEST_POSTGRESQL_URL"
    package = "postgresql"
    programs = ("initdb", "postgres")
    account = "postgres"
    databases = ("test", "schema_session_tests")
    is_usable = "SELECT has_schema_privilege(current_schema(), 'CREATE')"

    def usual_addresses(self) -> Iterator[URL]:
        for user in dict.fromkeys(("postgres", getpass.getuser())):
            address = URL.create("postgresql+psycopg", user, database="postgres")
            yield address.set(host=HOST, port=5432)
            yield address.set(query={"host": "/var/run/postgresql"})

    def commands(self, data: Path, port: int) -> tuple[list[str], list[str]]:
        make = ["initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        settings = {
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "off",
        }
        run = ["postgres", "-D", str(data), *(f"--{key}={value}" for key, value in settings.items())]
        return [*make, f"--pgdata={data}"], run

    def private_address(self, port: int) -> URL:
        return URL.create("postgresql+psycopg", "postgres", host=HOST, port=port, database="postgres")


# PyMySQL reads all certificates of the machine for each connection, 20 ms, even if the server has no TLS.
_WITHOUT_TLS = {"ssl_disabled": "true"}


class _MariaDB(_Server):
    name = "MariaDB"
    variable = "TEST_MARIADB_URL"
    package = "mariadb-server"
    programs = ("mariadb-install-db", "mariadbd")
    account = "mysql"
    databases = ("test",)
    is_usable = "SELECT 1"

    def usual_addresses(self) -> Iterator[URL]:
        address = URL.create("mariadb+pymysql", "root", query=_WITHOUT_TLS)
        yield address.set(host=HOST, port=3306)
        for path in ("/run/mysqld/mysqld.sock", "/tmp/mysql.sock"):
            yield address.set(host="localhost", query={**_WITHOUT_TLS, "unix_socket": path})

    def commands(self, data: Path, port: int) -> tuple[list[str], list[str]]:
        # --no-defaults: the machine's own settings name the machine's own directories.
        make = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        run = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--bind-address={HOST}", f"--port={port}"]
        run += [f"--socket={data / 'socket'}", f"--pid-file={data / 'pid'}", "--max-connections=200"]
        return [*make, "--auth-root-authentication-method=normal"], run

    def private_address(self, port: int) -> URL:
        return URL.create("mariadb+pymysql", "root", host=HOST, port=port, query=_WITHOUT_TLS)


class _PgBouncer(_Server):
    """In front of a PostgreSQL server, to which it lets in whomever that server lets in."""

    name = "PgBouncer"
    variable = "TEST_PGBOUNCER_URL"
    package = "pgbouncer"
    programs = ("pgbouncer",)
    account = "postgres"
    is_usable = "SELECT 1"
    ends_by = "TERM"

    def __init__(self, behind: URL) -> None:
        assert behind.database
        self.databases = (behind.database,)
        self._behind = behind

    def usual_addresses(self) -> Iterator[URL]:
        return iter(())  # one that runs here leads elsewhere

    def commands(self, data: Path, port: int) -> tuple[list[str], list[str]]:
        behind, users = self._behind, data.with_name("users")
        settings = {
            "listen_addr": HOST,
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "trust" if behind.password is None else "scram-sha-256",
            "auth_file": users,
            # Other users are looked up in PostgreSQL.
            "auth_user": behind.username,
            "pool_mode": "transaction",
            # The seconds for which it refuses everybody after PostgreSQL was down.
            "server_login_retry": 0.1,
            # All processes of pytest-xdist share it.
            "max_client_conn": 1000,
            "default_pool_size": 40,
            # Each client has a name of its own on whatever connection it is given: see clocks.py.
            "application_name_add_host": 1,
        }
        there = {"host": behind.host or behind.query["host"], "port": behind.port or 5432}
        # What each new connection to the server is told first.
        there["connect_query"] = f"'{SEARCH_PATH}'"
        ini = ["[databases]", "* = " + " ".join(f"{key}={value}" for key, value in there.items())]
        ini += ["[pgbouncer]", *(f"{key} = {value}" for key, value in settings.items())]
        user = f'"{behind.username}" "{behind.password or ""}"'
        make = 'umask 077; printf "%s\\n" "$2" >users; shift 2; printf "%s\\n" "$@" >"$0"'
        return ["sh", "-c", make, str(data), "", user, *ini], ["pgbouncer", "--quiet", str(data)]

    def private_address(self, port: int) -> URL:
        return self._behind.set(host=HOST, port=port).difference_update_query(["host"])


def find_for_workers(databases: Iterable[str]) -> None:
    """Find their servers now, so that processes that start later use them, or know that one is missing."""
    for name in databases:
        # A test that needs the server gets the same error.
        with suppress(ServerMissing, RuntimeError, SQLAlchemyError, subprocess.SubprocessError, OSError):
            if name in SERVERS:
                SERVERS[name]()
            if name == "postgresql":
                pgbouncer_url()


_answers: dict[str, str | Exception] = {}


def _url_of(server: _Server) -> str:
    if server.name not in _answers:
        # Processes that we start find the answer in the environment, instead of a server of their own.
        try:
            with _abandoned_sockets_ignored():
                _answers[server.name] = os.environ[server.variable] = _find(server)
        except ServerMissing as error:
            _answers[server.name] = error
            os.environ[server.missing_variable] = str(error)
        except Exception as error:  # noqa: BLE001 - asked again, it is the same answer
            _answers[server.name] = error
    answer = _answers[server.name]
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextmanager
def _abandoned_sockets_ignored() -> Iterator[None]:
    """PyMySQL leaves the Unix socket of an attempt that failed unclosed; pytest fails by such a warning."""
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        try:
            yield
        finally:
            gc.collect()


def _find(server: _Server) -> str:
    if missing := os.environ.get(server.missing_variable):
        raise ServerMissing(missing)
    if given := os.environ.get(server.variable):
        try:
            _query(make_url(given), "SELECT 1")
        except SQLAlchemyError as error:
            msg = f"{server.variable} names a server that cannot be used: {_one_line(error)}"
            raise RuntimeError(msg) from None
        return given
    failures = []
    for step in _steps():
        try:
            return step(server).render_as_string(hide_password=False)
        except _StepFailed as failure:
            failures.append(str(failure))
    msg = (
        f"no {server.name} server: start one, or name one in {server.variable}, or install the package"
        f" {server.package} ({'; '.join(failures)})"
    )
    raise ServerMissing(msg)


def _steps() -> list[Callable[[_Server], URL]]:
    steps = {"local": _local, "private": _private, "install": _install}
    return [steps[name] for name in os.environ.get("TEST_SERVERS", "local,private,install").split(",")]


def _local(server: _Server) -> URL:
    for address in server.usual_addresses():
        with suppress(SQLAlchemyError):
            return _database(server, address)
    msg = "none runs at the usual address that lets us in"
    raise _StepFailed(msg)


def _private(server: _Server) -> URL:
    path = os.pathsep.join([os.environ.get("PATH", ""), *_program_directories()])
    for program in server.programs:
        if shutil.which(program, path=path) is None:
            msg = f"{program} is not installed"
            raise _StepFailed(msg)
    owner = _owner(server)
    directory = Path(tempfile.mkdtemp(prefix="schema-session-tests-"))
    os.chown(directory, owner.pw_uid, owner.pw_gid)
    port = free_port()
    make, run = server.commands(directory / "data", port)
    with tempfile.TemporaryFile() as log:
        keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER.format(make=shlex.join(make), run=shlex.join(run), signal=server.ends_by)],
            cwd=directory,
            env={**os.environ, "PATH": path},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            # Ctrl-C is for the tests; the server must last until they have cleaned up.
            start_new_session=True,
            **_identity(owner),
        )
        atexit.register(_end, keeper, os.getpid())
        address = server.private_address(port)
        deadline = time.monotonic() + STARTING_TAKES
        while keeper.poll() is None and time.monotonic() < deadline:
            with suppress(SQLAlchemyError):
                return _database(server, address)
            time.sleep(0.1)
        _end(keeper, os.getpid())
        log.seek(0)
        last_words = log.read().decode(errors="replace").splitlines()[-1:]
    msg = f"a private one did not start: {''.join(last_words)}"
    raise _StepFailed(msg)


# Whatever ends our process, kill -9 too, closes the pipe that the shell reads from, and the server goes as
# well: told again and again, for a server that has only just started ignores it.
_KEEPER = """
trap 'rm -rf "$PWD"' EXIT
exec 3<&0
{make} || exit
{run} 3<&- &
server=$!
{{ read -r _; while kill -{signal} $server; do sleep 0.1; done; }} <&3 2>/dev/null &
wait $server
kill $! 2>/dev/null
"""


def _end(keeper: subprocess.Popen[bytes], owner: int) -> None:
    ended = keeper.stdin is None or keeper.stdin.closed
    if os.getpid() == owner and not ended:
        # A line, not only the end of file: for that every fork of us would have to end first.
        keeper.communicate(b"\n", timeout=30)


def _owner(server: _Server) -> pwd.struct_passwd:
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(server.account)  # PostgreSQL refuses to run as root.
    except KeyError:
        msg = f"we are root, and there is no user {server.account} to run it as"
        raise _StepFailed(msg) from None


def _identity(owner: pwd.struct_passwd) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _install(server: _Server) -> URL:
    try:
        install(server.package)
    except NotInstalled as failure:
        raise _StepFailed(*failure.args) from None
    return _private(server)


def _database(server: _Server, address: URL) -> URL:
    """The first of the server's test databases that we may use, the last one created if there is none."""
    for attempt in ("look", "create"):
        for name in server.databases:
            with suppress(DBAPIError):
                if _query(address.set(database=name), server.is_usable):
                    return address.set(database=name)
        if attempt == "look":
            _query(address, f"CREATE DATABASE {server.databases[-1]}")
    raise AssertionError


def _query(address: URL, statement: str) -> Any:
    engine = create_engine(
        address,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 5},
    )
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


def _program_directories() -> list[str]:
    """Where Debian keeps servers' programs that are not on everyone's PATH, newest version first."""
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    return [*map(str, newest), "/usr/local/sbin", "/usr/sbin"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _one_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(cause).split())


if __name__ == "__main__":
    for find in (*SERVERS.values(), pgbouncer_url):
        try:
            print(find())
        except (ServerMissing, RuntimeError) as problem:
            print(problem)
