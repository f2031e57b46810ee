"""The errors of this package.

    SessionStoreError
    ├── ConfigurationError      (ValueError)
    ├── MissingDependency       (ImportError)
    ├── SchemaMismatch
    ├── WrongArgument           (TypeError)
    ├── InvalidSessionId        (ValueError)
    ├── InvalidField            (ValueError)
    ├── UnserializableValue     (TypeError)
    ├── SessionTooLarge         (ValueError)
    ├── NoSuchSession           (LookupError)
    ├── NotAnInteger            (TypeError)
    ├── StoreUnavailable
    ├── AccessDenied
    └── StatementFailed
        └── ConstraintViolated
            └── SessionExists

A message says what was wrong, where (table, column or key) and what to do. It never contains a session's
values or ids. Drivers quote both in their exceptions, so no driver exception is chained to an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AccessDenied",
    "ConfigurationError",
    "ConstraintViolated",
    "InvalidField",
    "InvalidSessionId",
    "MissingDependency",
    "NoSuchSession",
    "NotAnInteger",
    "SchemaMismatch",
    "SessionExists",
    "SessionStoreError",
    "SessionTooLarge",
    "StatementFailed",
    "StoreUnavailable",
    "UnserializableValue",
    "WrongArgument",
]


class SessionStoreError(Exception):
    """The root of all errors of this package."""


class ConfigurationError(SessionStoreError, ValueError):
    """An option, a declared column, a URL or a search that cannot work; raised before any SQL runs.

    Also raised at the first use of a table of which `encryption_keys` open no session, and in a child process
    that was forked while a connection to its SQLite file was in use.
    """


class MissingDependency(SessionStoreError, ImportError):
    """A package that the chosen database or host needs is not installed.

    Attributes:
        extra: the extra of this distribution that installs the package, such as `"postgresql"`.
    """

    def __init__(self, message: str, *, extra: str) -> None:
        super().__init__(f"{message}; install it with: pip install 'schema_session_backend[{extra}]'")
        self.extra = extra


class SchemaMismatch(SessionStoreError):
    """The table in the database is not the one that was declared; the message says what to do.

    Attributes:
        table: the table's name.
        differences: a sentence for each difference.
        ddl: statements, in order; running them is enough and loses nothing. Empty if any difference needs a
            decision first.
    """

    def __init__(self, message: str, *, table: str, differences: Sequence[str], ddl: Sequence[str]) -> None:
        super().__init__(message)
        self.table = table
        self.differences = tuple(differences)
        self.ddl = tuple(ddl)


class WrongArgument(SessionStoreError, TypeError):
    """An argument of the wrong kind, such as a session id where a handle is expected."""


class InvalidSessionId(SessionStoreError, ValueError):
    """An id that no session can have, in a call that would store a session under it."""

    def __init__(self) -> None:
        super().__init__(
            "a session id or cache key must be 1 to 255 ASCII characters without NUL; use new_session_id()"
        )


class InvalidField(SessionStoreError, ValueError):
    """A value that its column cannot hold or cannot be searched for, or a key that names a base column.

    Attributes:
        field: the session's key, which is also the column's name.
        table: the table's name.
    """

    def __init__(self, table: str, field: str, problem: str) -> None:
        super().__init__(f"column {field!r} of table {table!r}: {problem}")
        self.table = table
        self.field = field


class UnserializableValue(SessionStoreError, TypeError):
    """A value that would not come back equal from the table; nothing was stored.

    Attributes:
        key: the session's top-level key that holds the value.
        problem: what is wrong with the value.
    """

    def __init__(self, key: str, problem: str, *, place: str | None = None) -> None:
        super().__init__(f"{place or f'session key {key!r}'}: {problem}")
        self.key = key
        self.problem = problem


class SessionTooLarge(SessionStoreError, ValueError):
    """A session that is larger than a limit allows; the stored session is unchanged.

    Attributes:
        size: the session's size, in the unit that the message names (bytes or keys).
        limit: the largest size that is allowed, in the same unit.
    """

    def __init__(self, problem: str, *, size: int, limit: int) -> None:
        super().__init__(problem)
        self.size = size
        self.limit = limit


class NoSuchSession(SessionStoreError, LookupError):
    """`keep=` names no live session, so no session was ended."""


class NotAnInteger(SessionStoreError, TypeError):
    """A cached value that is not an int cannot be incremented or decremented; it is unchanged."""


class StoreUnavailable(SessionStoreError):
    """The database did not answer, or stayed locked, until the deadline; trying again later may work.

    Attributes:
        connection_lost: whether the connection broke while a statement was running.
        outcome_unknown: whether what was asked for may have been done all the same, because its answer was
            lost; look before you ask again.
    """

    def __init__(self, message: str, *, connection_lost: bool = False, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.connection_lost = connection_lost
        self.outcome_unknown = outcome_unknown


class AccessDenied(SessionStoreError):
    """The database refused the user, the password or the database's name, or the user lacks a right.

    Attributes:
        code: the database's own code, as in `StatementFailed`; None if the driver reports no code.
    """

    def __init__(self, message: str, *, code: str | None) -> None:
        super().__init__(message)
        self.code = code


class StatementFailed(SessionStoreError):
    """The database refused a statement, and would refuse it again.

    Attributes:
        code: the database's own code: an SQLSTATE, a MariaDB error number or an SQLite error name; None if
            the driver reports no code.
    """

    def __init__(self, message: str, *, code: str | None) -> None:
        super().__init__(message)
        self.code = code


class ConstraintViolated(StatementFailed):
    """A constraint of the table (unique, foreign key, check) refused the session.

    Attributes:
        constraint: the constraint's name; None if the database does not report it.
        columns: the names of the constraint's columns; empty if the database does not report them.
    """

    def __init__(
        self, message: str, *, code: str | None, constraint: str | None = None, columns: Sequence[str] = ()
    ) -> None:
        super().__init__(message, code=code)
        self.constraint = constraint
        self.columns = tuple(columns)


class SessionExists(ConstraintViolated):
    """Another session already has this id."""

    _is_unsure = False
