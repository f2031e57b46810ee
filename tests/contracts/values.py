"""Values that a session may hold, what makes two of them identical, and what stands in a store's table."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy
from hypothesis import strategies as st
from sqlalchemy import event, make_url, select

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from schema_session_backend import SessionStore

# -- what a session may hold

INTEGERS = st.integers() | st.sampled_from([
    2**53 + 1, 2**63 - 1, 2**63, 2**64, 2**70, -(2**63), -(2**63) - 1, -(2**70)
])  # fmt: skip
TEXTS = st.text() | st.sampled_from(["\0", "a\0b", "😀", "\U0010ffff", "$tuple", '"', "\\u0000", " ", "é"])
ZONES = st.sampled_from([
    ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
])  # fmt: skip
NAMES = st.text() | st.sampled_from(["CET", "", "]", "[fold=1]", "=", "x][fold=1"])
OFFSETS = st.builds(
    lambda seconds, name: dt.timezone(dt.timedelta(seconds=seconds), *name),
    st.integers(-86_399, 86_399),
    st.just(()) | st.tuples(NAMES),
)
FOLDS = st.sampled_from([0, 1])
# Clocks are set back or forward at these times, so that a local time occurs twice or not at all.
TURNS = st.sampled_from([
    dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    dt.datetime(2024, 3, 31, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    dt.datetime(2024, 4, 7, 1, 45, tzinfo=ZoneInfo("Australia/Lord_Howe")),
    dt.datetime(1890, 1, 1, tzinfo=ZoneInfo("America/New_York")),
])  # fmt: skip
DATETIMES = st.builds(
    lambda moment, fold: moment.replace(fold=fold),
    st.datetimes() | st.datetimes(timezones=OFFSETS | ZONES) | TURNS,
    FOLDS,
)
TIMES = st.builds(lambda time, fold: time.replace(fold=fold), st.times() | st.times(timezones=OFFSETS), FOLDS)
DECIMALS = st.decimals(allow_nan=False) | st.sampled_from([
    Decimal("1E+3"), Decimal("1.10"), Decimal("-0"), Decimal("1E-400"), Decimal("-Infinity")
])  # fmt: skip
# Not in sets and keys, where a NaN is found only as the same object.
NO_NUMBERS = st.sampled_from([math.nan, -math.nan, Decimal("NaN"), Decimal("-sNaN7")])

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.floats(allow_nan=False),
    TEXTS,
    st.binary(),
    DATETIMES,
    st.dates(),
    TIMES,
    st.timedeltas(),
    DECIMALS,
    st.uuids(),
)

HASHABLES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)

TAGS = st.sampled_from([
    "$dict", "$int", "$tuple", "$set", "$frozenset", "$bytes", "$bytearray", "$datetime", "$date", "$time",
    "$timedelta", "$decimal", "$uuid", "$float", "$markup", "$", "$other",
])  # fmt: skip

VALUES = st.recursive(
    HASHABLES | NO_NUMBERS | st.binary().map(bytearray) | st.sets(HASHABLES, max_size=3),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(TEXTS, inner, max_size=4),
        st.dictionaries(HASHABLES, inner, max_size=3),
        st.dictionaries(TAGS, inner, min_size=1, max_size=1),
    ),
    max_leaves=12,
)

ANY_SESSION = st.dictionaries(TEXTS | TAGS | HASHABLES, VALUES, max_size=6)

BASE_COLUMNS = frozenset({"sid", "additional", "expire_at", "revision", "created_at", "updated_at"})
COLUMN_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=45)
DECLARED = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.none() | st.integers(-(2**31), 2**31 - 1),
        "device": st.none() | COLUMN_TEXTS,
        "ip": st.none() | COLUMN_TEXTS,
    },
)

# Whole sessions for a store with the columns `user_id`, `device` and `ip`.
SESSIONS = st.builds(
    lambda rest, declared: {key: value for key, value in rest.items() if key not in BASE_COLUMNS} | declared,
    ANY_SESSION,
    DECLARED,
)


# -- what identical means


def identical(one: Any, other: Any) -> bool:
    """Whether two values are equal and of equal types at every depth, in sets and dict keys too."""
    return _shape(one) == _shape(other)


def _shape(value: Any) -> Hashable:
    return type(value), _SHAPES.get(type(value), lambda leaf: leaf)(value)


def _moment(value: dt.datetime | dt.time) -> Hashable:
    # Equal local times in one zone are equal whatever their offset, which the fold decides.
    return value.replace(tzinfo=None), value.fold, _zone(value.tzinfo), value.utcoffset()


def _zone(zone: dt.tzinfo | None) -> Any:
    if isinstance(zone, dt.timezone):
        return zone.tzname(None)
    return zone.key if isinstance(zone, ZoneInfo) else type(zone)


# For types whose `==` ignores a part of the value.
_SHAPES: dict[type, Callable[[Any], Hashable]] = {
    dict: lambda value: frozenset((_shape(key), _shape(item)) for key, item in value.items()),
    list: lambda value: tuple(map(_shape, value)),
    tuple: lambda value: tuple(map(_shape, value)),
    set: lambda value: frozenset(map(_shape, value)),
    frozenset: lambda value: frozenset(map(_shape, value)),
    bytearray: bytes,
    float: float.hex,
    Decimal: str,
    dt.datetime: _moment,
    dt.time: _moment,
}


# -- which types there are

# The types that SQLAlchemy reflects as they are only since a version, as docs/explanation/versions.md tells.
SINCE = {
    ("postgresql", "BIT"): (2, 1),
    ("postgresql", "DOMAIN"): (2, 0, 29),
    ("mariadb", r"Enum('a\\b'"): (2, 1),
}


def sqlalchemy_knows(database: str, kind: str) -> bool:
    """Whether this version of SQLAlchemy is new enough for a type, given its name or repr."""
    version = tuple(int(part) for part in sqlalchemy.__version__.split(".") if part.isdecimal())
    return all(
        version >= since
        for (name, start), since in SINCE.items()
        if name == database and kind.startswith(start)
    )


# -- what stands in the table


def database_of(url: str) -> str:
    """`sqlite`, `postgresql` or `mariadb`."""
    backend = make_url(url).get_backend_name()
    return "mariadb" if backend == "mysql" else backend


def stored_rows(store: SessionStore) -> list[tuple[Any, ...]]:
    """All rows of a store's table, whole."""
    with store.engine.begin() as connection:
        return [tuple(row) for row in connection.execute(select(store.repo()).order_by(store.repo().c.sid))]


def stored_columns(store: SessionStore, *names: str) -> list[tuple[Any, ...]]:
    """The values of those columns in all rows."""
    query = select(*(store.repo().c[name] for name in names))
    with store.engine.begin() as connection:
        return [tuple(row) for row in connection.execute(query)]


def write_row(store: SessionStore, sid: str, **columns: Any) -> None:
    """Change the stored row of a session by SQL, as whoever can write to the table can."""
    with store.engine.begin() as connection:
        connection.execute(
            store.repo().update().where(store.repo().c.sid == store.handle(sid)).values(columns)
        )


@contextmanager
def no_sql(store: SessionStore) -> Iterator[None]:
    """Fails if the store runs a statement in between."""
    statements: list[str] = []

    def executed(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    engine = store.engine
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", executed)
    assert statements == []


def expiry(store: SessionStore, sid: str = "a") -> int | None:
    """When a live session expires, in milliseconds."""
    loaded = store.load(sid)
    assert loaded is not None
    assert loaded.version is not None
    return loaded.version.expiry


def save_merged(store: SessionStore) -> None:
    mine, theirs = store.load("a"), store.load("a")
    assert mine is not None
    assert theirs is not None
    store.save(theirs, {"theirs": 1}, 1)
    store.save(mine, {"mine": 1})
