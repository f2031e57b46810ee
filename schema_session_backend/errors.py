"""The errors of this package: one small tree under `SessionStoreError`.

A message says what was wrong, where (table, column or key) and what to do. It never holds a session's
values or ids, and no driver exception is chained to it, because drivers quote both.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    """Root of every error that this package raises."""


class ConfigurationError(SessionStoreError, ValueError):
    """An option, a declared column or a URL that cannot work; raised before anything is stored."""


class MissingDependency(SessionStoreError, ImportError):
    """A package that the chosen database or host needs is not installed.

    Attributes:
        extra: the extra of this distribution that installs it, such as `"postgresql"`.
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
    """An argument of the wrong kind, such as a session id where a handle is meant."""


class InvalidSessionId(SessionStoreError, ValueError):
    """Something was to be stored under an id that no session can have."""

    def __init__(self) -> None:
        super().__init__(
            "a session id or cache key must be 1 to 255 ASCII characters without NUL; use new_session_id()"
        )


class InvalidField(SessionStoreError, ValueError):
    """A value does not fit its declared column, or a name is not one of a declared column.

    Attributes:
        field: the key of the session, which is the column's name.
        table: the table's name.
    """

    def __init__(self, table: str, field: str, problem: str) -> None:
        super().__init__(f"column {field!r} of table {table!r}: {problem}")
        self.table = table
        self.field = field


class UnserializableValue(SessionStoreError, TypeError):
    """A value of the session that could not be read back as it went in, so it was not stored.

    Attributes:
        key: the session's top-level key.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"session key {key!r}: {problem}")
        self.key = key


class SessionTooLarge(SessionStoreError, ValueError):
    """A session that is bigger than a limit allows; the stored one was left as it was.

    Attributes:
        size: what it would take, in the unit that the message names (bytes or keys).
        limit: what is allowed.
    """

    def __init__(self, problem: str, *, size: int, limit: int) -> None:
        super().__init__(problem)
        self.size = size
        self.limit = limit


class NoSuchSession(SessionStoreError, LookupError):
    """The session that was to be kept while others are ended is not there, so none of them was ended."""


class NotAnInteger(SessionStoreError, TypeError):
    """A cached value was to be counted up or down and is no int; it was left as it was."""


class StoreUnavailable(SessionStoreError):
    """The database did not answer, or stayed locked, until the deadline; trying again later may work.

    Attributes:
        connection_lost: whether the connection ended while a statement ran.
    """

    def __init__(self, message: str, *, connection_lost: bool = False) -> None:
        super().__init__(message)
        self.connection_lost = connection_lost


class AccessDenied(SessionStoreError):
    """The database does not know the user, the password or the database's name, or a right is missing.

    Attributes:
        code: the database's own code, as in `StatementFailed`; None if its driver tells none.
    """

    def __init__(self, message: str, *, code: str | None) -> None:
        super().__init__(message)
        self.code = code


class StatementFailed(SessionStoreError):
    """The database refused a statement that a retry cannot mend.

    Attributes:
        code: the database's own code: an SQLSTATE, a MariaDB error number or an SQLite error name.
    """

    def __init__(self, message: str, *, code: str | None) -> None:
        super().__init__(message)
        self.code = code


class ConstraintViolated(StatementFailed):
    """A constraint that was declared on the table (unique, foreign key, check) refused the session.

    Attributes:
        constraint: the constraint's name; None if the database does not tell it.
        columns: the names of its columns; empty if the database does not tell them.
    """

    def __init__(
        self, message: str, *, code: str | None, constraint: str | None = None, columns: Sequence[str] = ()
    ) -> None:
        super().__init__(message, code=code)
        self.constraint = constraint
        self.columns = tuple(columns)


class SessionExists(ConstraintViolated):
    """Another session has the id already."""


def did_you_mean(
    name: str, known: Iterable[str], *, also: Mapping[str, str] | None = None, otherwise: str = ""
) -> str:
    """A half-sentence for an error message, naming what was meant.

    Args:
        name: what was written.
        known: what there is.
        also: what is written elsewhere, `folded`, and what it is here.
        otherwise: what to say if nothing is near; all that are known, if it is empty.
    """
    names = sorted(known)
    ours = {folded(one): one for one in names}
    # There are so many words elsewhere that a distant resemblance to one of them means nothing.
    for words, cutoff in (({**(also or {}), **ours}, 0.8), (ours, 0.6)):
        near = get_close_matches(folded(name), words, n=1, cutoff=cutoff)
        if near:
            return f"did you mean {words[near[0]]!r}?"
    return otherwise or (f"known: {', '.join(names)}" if names else "there are none")


def folded(name: str) -> str:
    """A name without what people write differently: case, underscores, hyphens, blanks."""
    return "".join(filter(str.isalnum, name.casefold()))
