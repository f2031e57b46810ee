"""Where faults happen: a database in its surroundings, made for the trials and gone after them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine

from servers import ServerMissing

from .galera import Cluster
from .servers import MariaDB, PostgreSQL
from .standby import Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

DISK: Final = 160
"""Megabytes of a small disk."""


class File:
    """An SQLite database."""

    def __init__(self, folder: Path | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="schema-session-faults-", dir=folder))
        self.url = f"sqlite:///{self.directory}/sessions.db"

    def create(self) -> None:
        """Nothing: the first client does it."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody write."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
            connection.exec_driver_sql("ROLLBACK")
        engine.dispose()

    def start_again(self) -> None:
        """Nothing: it has no process."""

    def remove(self) -> None:
        """Remove the file."""
        shutil.rmtree(self.directory, ignore_errors=True)


class SmallDisk:
    """A database on a disk that can be filled.

    Args:
        make: makes the database in a folder.

    Raises:
        ServerMissing: where we may not mount one.
    """

    def __init__(self, make: Callable[[Path], Any]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="schema-session-faults-disk-"))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m,mode=755", "tmpfs", str(self._folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            self._folder.rmdir()
            raise ServerMissing("we may not mount a disk of our own")
        self._ballast = self._folder / "ballast"
        try:
            self.database = make(self._folder)
        except ServerMissing:
            self._unmount()
            raise

    @property
    def url(self) -> str:
        """The database's."""
        return str(self.database.url)

    def create(self) -> None:
        """Start the database."""
        self.database.create()

    def fill(self) -> None:
        """Leave no byte."""
        with self._ballast.open("wb", buffering=0) as ballast:
            size = 1 << 20
            while size:
                try:
                    ballast.write(b"\0" * size)
                except OSError:
                    size //= 2

    def make_room(self) -> None:
        """Take what filled it away."""
        self._ballast.unlink()

    def remove(self) -> None:
        """End the database, and give the disk back."""
        self.database.remove()
        self._unmount()

    def _unmount(self) -> None:
        subprocess.run(["umount", str(self._folder)], check=True)
        self._folder.rmdir()


PLACES: Final[dict[str, Callable[[], Any]]] = {
    "PostgreSQL": PostgreSQL,
    "MariaDB": MariaDB,
    "SQLite": File,
    "PostgreSQL with a synchronous standby": Pair,
    "PostgreSQL on a small disk": lambda: SmallDisk(PostgreSQL),
    "MariaDB on a small disk": lambda: SmallDisk(MariaDB),
    "SQLite on a small disk": lambda: SmallDisk(File),
    "Galera, 3 nodes": Cluster,
    "Galera, 3 nodes, wsrep_sync_wait=15": lambda: Cluster("--wsrep-sync-wait=15"),
}
"""All of them, by the names that the table of results has."""


def opened(name: str) -> AbstractContextManager[Any]:
    """A place for the trials in the block.

    Raises:
        ServerMissing: if this machine cannot have it.
    """
    return _opened(PLACES[name])


@contextmanager
def _opened(make: Callable[[], Any]) -> Iterator[Any]:
    place = make()
    try:
        place.create()
        yield place
    finally:
        place.remove()
