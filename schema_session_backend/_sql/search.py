"""The SQL statements on sessions that are found by their columns: list them, count them, end them.

A search for values is compiled once for each shape: these columns, each with a value or NULL, with a limit or
without. A search by SQLAlchemy conditions is compiled each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Integer,
    String,
    TextClause,
    bindparam,
    case,
    delete,
    func,
    not_,
    select,
)
from sqlalchemy.sql import literal_column, operators

from .._spelling import did_you_mean
from .._table.rows import PREFIX
from ..errors import ConfigurationError, InvalidField, WrongArgument
from .query import Query

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from sqlalchemy import Select
    from sqlalchemy.sql.dml import Delete

    from .._table.columns import Field
    from .statements import Statements

    Condition = ColumnElement[bool]
    Where = Condition | Mapping[str, Any]

MOST_SHAPES: Final = 256
"""Compiled searches that are kept."""
LIMIT: Final = f"{PREFIX}limit"
KEPT: Final = f"{PREFIX}kept"
KEPT_TOO: Final = f"{PREFIX}kept_too"


class Null:
    """The type of `NULL`."""

    def __repr__(self) -> str:
        return "NULL"


NULL: Final = Null()
"""Stands for "without a value" in a search, as in `find(user_id=NULL)`.

A plain None is refused: it is how a forgotten login ends, `session.get("user_id")`.
"""


class Found(NamedTuple):
    """The sessions that a search is about."""

    conditions: Sequence[Condition]
    values: dict[str, Any]
    shape: tuple[Any, ...] | None
    """Two searches of one shape differ in their values only; None for conditions of SQLAlchemy's."""
    is_restricted: bool
    """Whether anything was asked for."""
    has_index: bool
    """Whether an index finds the sessions."""


class Prepared(NamedTuple):
    """A statement and the values to run it with."""

    query: Query
    values: dict[str, Any]


class Search:
    """Searches of one table.

    Args:
        statements: those on the table.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._table = statements.table
        self._fields = {field.name: (index, field) for index, field in enumerate(self._table.fields)}
        self._queries: dict[tuple[Any, ...], Query] = {}

    def found(self, where: Sequence[Where], fields: Mapping[str, Any], *, mark: str) -> Found:
        """The sessions that a call of the store's asks for.

        Args:
            where: conditions of SQLAlchemy's, and mappings of declared columns to values.
            fields: declared columns with their values.
            mark: what the handles of the store's sessions begin with.

        Raises:
            ConfigurationError: naming a column that is not declared.
            InvalidField: naming a column that a value does not fit.
            WrongArgument: for a value of None, and for a condition that is none.
        """
        asked: list[Condition] = []
        values: dict[str, Any] = {}
        shape: list[Any] | None = [mark]
        for part in (*where, fields):
            if not isinstance(part, Mapping):
                asked.append(_condition(part))
                shape = None
                continue
            for name, value in part.items():
                index, field = self._declared(name)
                asked.append(self._equals(field, f"{PREFIX}equals_{index}_{len(asked)}", value, values))
                if shape is not None:
                    shape.append((name, value is NULL))
        return Found(
            [*asked, *self._own(mark)],
            values,
            None if shape is None else tuple(shape),
            is_restricted=bool(asked),
            has_index=any(map(self._is_found_by_index, asked)),
        )

    def is_json(self, name: str) -> bool:
        """Whether a declared column is JSON."""
        return isinstance(self._declared(name)[1].column.type, JSON)

    @property
    def has_stamps(self) -> bool:
        """Whether the table tells when a session was created."""
        return self._table.created_at is not None

    # -- looking

    def find(self, found: Found, limit: int | None) -> Prepared:
        """Read live sessions, the newest first; the handle comes last in a row."""

        def build() -> Select[Any]:
            listed = self._statements.listed.where(*found.conditions).order_by(*self._newest)
            return listed if limit is None else listed.limit(bindparam(LIMIT, type_=Integer))

        query = self._query(("find", limit is None), found, build)
        return Prepared(query, {**found.values, LIMIT: limit})

    def count(self, found: Found) -> Prepared:
        """Count live sessions."""

        def build() -> Select[Any]:
            return self._counted.where(self._statements.live, *found.conditions)

        return Prepared(self._query(("count",), found, build), found.values)

    def count_rows(self, mark: str, share: Sequence[Condition]) -> Query:
        """Count sessions, live or not."""
        return Query(self._counted.where(*self._own(mark), *share))

    @cached_property
    def now(self) -> Query:
        """Read the database's clock, in milliseconds since 1970 UTC."""
        return Query(select(self._statements.vendor.now_ms))

    def per_day(self, mark: str, share: Sequence[Condition], since: dt.datetime) -> Query:
        """Count live sessions by the day of their creation, in UTC."""
        created_at = self._table.created_at
        assert created_at is not None
        day = self._statements.vendor.day(created_at)
        recent = (self._statements.live, created_at >= since, *self._own(mark), *share)
        return Query(select(day, func.count()).where(*recent).group_by(day))

    def per_value(self, name: str, mark: str, share: Sequence[Condition], limit: int) -> Query:
        """Count live sessions by their values in a column, the most frequent ones first."""
        column = self._declared(name)[1].column
        counted = func.count()
        counts = select(column, counted).where(self._statements.live, *self._own(mark), *share)
        return Query(counts.group_by(column).order_by(counted.desc()).limit(limit))

    def stored(self, found: Found) -> Prepared:
        """Count rows, live or not."""
        query = self._query(("stored",), found, lambda: self._counted.where(*found.conditions))
        return Prepared(query, found.values)

    def expired(self, found: Found, *, before_ms: int) -> Prepared:
        """Count rows that expired so many milliseconds ago or earlier, of which gc has removed none."""
        expire_at, now = self._table.expire_at, self._statements.vendor.now_ms
        # The expiry of a trace is negative, and gc removes it at another time.
        is_due = (expire_at <= now - literal_column(str(before_ms)), expire_at >= literal_column("0"))
        return Prepared(Query(self._counted.where(*is_due, *found.conditions)), found.values)

    def starting(self, mark: str, start: str, limit: int) -> Query:
        """Handles of live sessions that begin with a text, where handles are hashes."""
        begin = self._statements.begins_with(start)
        return Query(
            select(self._table.sid).where(self._statements.live, *self._own(mark), *begin).limit(limit)
        )

    def handles(self, mark: str, *, after: str, limit: int) -> Query:
        """The next handles of live sessions, in their order."""
        sid = self._table.sid
        below = select(sid).where(self._statements.live, sid > after, *self._own(mark))
        return Query(below.order_by(sid).limit(limit))

    def page(self, found: Found, *, after: str, end: str | None, limit: int) -> Prepared:
        """Read live sessions in the order of their handles, up to `end`; the handle comes last in a row."""
        sid = self._table.sid
        span = [sid > after] if end is None else [sid > after, sid <= end]
        listed = self._statements.listed.where(*found.conditions, *span).order_by(sid).limit(limit)
        return Prepared(Query(listed), found.values)

    def end_of(self, mark: str, *, after: str, rows: int) -> Query:
        """The handle that comes so many rows after another one, of sessions live or not."""
        sid = self._table.sid
        below = select(sid).where(sid > after, *self._own(mark))
        return Query(below.order_by(sid).offset(rows - 1).limit(1))

    def between(self, start: str, end: str) -> list[Condition]:
        """That a handle is from `start` on, and before `end`."""
        return [self._table.sid >= start, self._table.sid < end]

    # -- ending

    def revoke(self, handle: str, found: Found) -> Prepared:
        """Remove the live session with that handle, if it is one of those."""

        def build() -> Delete:
            this = self._statements.is_(bindparam(KEPT, type_=String))
            return self._deletion(this, *found.conditions)

        return Prepared(self._query(("revoke",), found, build), {**found.values, KEPT: handle})

    def revoke_all(self, found: Found) -> Prepared:
        """Remove live sessions."""
        query = self._query(("revoke all",), found, lambda: self._deletion(*found.conditions))
        return Prepared(query, found.values)

    def revoke_others(self, found: Found, kept: Sequence[str], *, mark: str) -> Prepared:
        """Remove live sessions but one, and none if that one is not there.

        Args:
            found: the sessions.
            kept: one or two handles that the spared session may have.
            mark: what the handles of the store's sessions begin with.
        """

        def build() -> Delete:
            # MySQL takes the table that is deleted from in a derived table only.
            spared = self._spared(mark).subquery("spared")
            there = select(literal_column("1")).select_from(spared).exists()
            return self._deletion(*found.conditions, not_(self._statements.among(_kept())), there)

        return Prepared(
            self._query(("revoke others",), found, build), {**found.values, KEPT: kept[0], KEPT_TOO: kept[-1]}
        )

    def spared(self, kept: Sequence[str], *, mark: str) -> Prepared:
        """Look for the session that `revoke_others` spares."""
        return Prepared(Query(self._spared(mark)), {KEPT: kept[0], KEPT_TOO: kept[-1]})

    def revoke_older(self, found: Found, newest: int) -> Prepared:
        """Remove live sessions, all but the newest ones."""

        def build() -> Delete:
            newer = select(self._table.sid).where(self._statements.live, *found.conditions)
            newer = newer.order_by(*self._newest).limit(bindparam(LIMIT, type_=Integer))
            # MariaDB takes a LIMIT, and MySQL the table that is deleted from, in a derived table only.
            derived = newer.subquery("kept")
            kept = select(derived.c[self._table.sid.name])
            return self._deletion(*found.conditions, self._table.sid.not_in(kept))

        return Prepared(self._query(("revoke older",), found, build), {**found.values, LIMIT: newest})

    def erase(self, found: Found) -> Prepared:
        """Remove rows, live or not."""
        query = self._query(("erase",), found, lambda: delete(self._table.table).where(*found.conditions))
        return Prepared(query, found.values)

    def clear(self, mark: str) -> Query:
        """Remove every session, live or not."""
        return Query(delete(self._table.table).where(*self._own(mark)))

    # -- their parts

    def _query(self, name: tuple[Any, ...], found: Found, build: Callable[[], Any]) -> Query:
        if found.shape is None:
            return Query(build())
        key = (*name, found.shape)
        query = self._queries.get(key)
        if query is None:
            if len(self._queries) >= MOST_SHAPES:
                # An application may have a prefix for each of its tenants.
                self._queries.clear()
            query = self._queries[key] = Query(build())
        return query

    def _own(self, mark: str) -> list[Condition]:
        return self._statements.begins_with(mark) if mark else []

    def _declared(self, name: str) -> tuple[int, Field]:
        if name in self._fields:
            return self._fields[name]
        hint = did_you_mean(name, self._fields)
        msg = f"table {self._table.name!r} has no declared column {name!r}: {hint}"
        raise ConfigurationError(msg)

    def _equals(self, field: Field, parameter: str, value: Any, values: dict[str, Any]) -> Condition:
        if value is NULL:
            return field.column.is_(None)
        if value is None:
            msg = (
                f"column {field.name!r} of table {self._table.name!r} was searched for None, as if nobody was"
                f" signed in; to find the sessions without a value, write {field.name}=NULL"
            )
            raise WrongArgument(msg)
        if isinstance(field.column.type, JSON):
            problem = (
                f"is JSON, in which a keyword cannot search; write a condition such as"
                f" store.repo().c.{field.name}['key'].as_string() == 'value'"
            )
            raise InvalidField(self._table.name, field.name, problem)
        value, misfit = field.fit(value)
        if misfit is not None:
            raise InvalidField(self._table.name, field.name, misfit)
        values[parameter] = field.bound(value)
        return field.column == bindparam(parameter, type_=field.column.type)

    def _is_found_by_index(self, condition: Condition) -> bool:
        column, how = getattr(condition, "left", None), getattr(condition, "operator", None)
        if how not in {operators.eq, operators.is_, operators.in_op} or not isinstance(column, Column):
            return False
        first = [next(iter(index.columns), None) for index in self._table.table.indexes]
        return bool(column.unique) or any(leading is column for leading in first)

    def _deletion(self, *where: Condition) -> Delete:
        return delete(self._table.table).where(self._statements.live, *where)

    def _spared(self, mark: str) -> Select[Any]:
        kept = self._statements.among(_kept())
        # Correlated, it would look at the row that is to be deleted.
        return select(self._table.sid).where(kept, self._statements.live, *self._own(mark)).correlate(None)

    @property
    def _counted(self) -> Select[Any]:
        return select(func.count()).select_from(self._table.table)

    @property
    def _newest(self) -> list[ColumnElement[Any]]:
        created_at, expire_at = self._table.created_at, self._table.expire_at
        insertion = self._statements.vendor.insertion_sql
        last = [self._table.sid] if insertion is None else [literal_column(insertion).desc(), self._table.sid]
        if created_at is not None:
            return [created_at.desc(), *last]
        # A session that never expires has NULL there, which the databases sort differently.
        never_first = case((expire_at.is_(None), literal_column("0")), else_=literal_column("1"))
        return [never_first, expire_at.desc(), *last]


def _condition(given: object) -> Any:
    element = given.__clause_element__() if hasattr(given, "__clause_element__") else given
    if isinstance(element, (ColumnElement, TextClause)):
        return element
    msg = (
        f"a search takes conditions on the columns of repo(), mappings of columns to values, and values by"
        f" keyword, not {type(given).__name__}"
    )
    raise WrongArgument(msg)


def _kept() -> list[ColumnElement[str]]:
    return [bindparam(KEPT, type_=String), bindparam(KEPT_TOO, type_=String)]
