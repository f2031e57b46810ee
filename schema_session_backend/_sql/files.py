"""The file of an SQLite database: whether it was inherited through a fork, and whether it was replaced."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import QueuePool

from ..errors import ConfigurationError
from .forks import after_fork, file_id, is_inherited

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from .forks import FileId
    from .vendors.base import Vendor

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the path, because a look takes a tenth of the time of a read."""

_log = logging.getLogger("schema_session_backend")


class DatabaseFile:
    """The file that an engine's connections have open.

    The locks on a file belong to a process. A child inherits SQLite's notes about its parent's locks, but not
    the locks. So if a connection was open at the fork, another process can remove the write-ahead log while
    the child writes to it.

    Args:
        engine: makes the connections.
        vendor: the hooks of its database.
    """

    def __init__(self, engine: Engine, vendor: Vendor) -> None:
        self._engine = engine
        self._vendor = vendor
        self._path: str | None = None
        self._is_known = False
        self._id: FileId | None = None
        self._next_look = 0.0
        self._is_inherited = False
        after_fork(self._look_after_fork)

    @property
    def is_on_disk(self) -> bool:
        """Whether there is a file, unlike for a database in memory."""
        if self._is_known:
            return self._path is not None
        dialect: Any = self._engine.dialect
        return dialect.get_pool_class(self._engine.url) is QueuePool

    def opened(self, connection: Connection) -> None:
        """Learn the path from the first connection.

        Raises:
            ConfigurationError: see `require_usable`.
        """
        if self._is_known:
            return
        self._path = self._vendor.path_of(connection)
        self._id = None if self._path is None else file_id(self._path)
        self._is_known = True
        self._look_after_fork()
        self.require_usable()

    def require_usable(self) -> None:
        """Refuse to work with the file in a child that has inherited it open.

        Raises:
            ConfigurationError: telling what to do.
        """
        if self._is_inherited:
            msg = (
                f"this process was forked while a connection to {self._path!r} was open, so SQLite would lose"
                " what is written here: end what uses the connection and close it before the fork, or open"
                " the first connection after the fork"
            )
            raise ConfigurationError(msg)

    def was_replaced(self) -> bool:
        """Whether the file was deleted, or replaced by another one, since the last look."""
        now = time.monotonic()
        if now < self._next_look or self._path is None:
            return False
        self._next_look = now + LOOK_EVERY
        before, self._id = self._id, file_id(self._path)
        if before is None or self._id == before:
            return False
        _log.warning(
            "the SQLite file %r was deleted or replaced while it was in use; it is opened anew", self._path
        )
        return True

    def _look_after_fork(self) -> None:
        self._is_inherited = self._path is not None and is_inherited(file_id(self._path))
