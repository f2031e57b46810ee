"""Rows as an attacker, another program or a broken disk may leave them: changed at random."""

from __future__ import annotations

import base64
import gc
import json
import os
import pickle
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from random import Random

    from sqlalchemy import Connection, Table

    from schema_session_backend import SessionStore

ROWS = int(os.environ.get("MUTATIONS", "200"))
SEED = int(os.environ.get("MUTATIONS_SEED", "15"))

SCHEMAS = (
    "user_id Integer index; note Text; at DateTime; lunch Time; f Double; d Numeric(12, 2); doc JSON;"
    " device String(50); ip String(45); user_agent String(255)"
)
GOOD = json.dumps(
    {"cart": [1, 2], "when": {"$datetime": "2026-01-01T00:00:00"}, "pair": {"$tuple": [1, "a"]}}
)
TAGS = (
    "dict", "int", "tuple", "set", "frozenset", "bytes", "bytearray", "datetime", "date", "time", "timedelta",
    "decimal", "uuid", "float", "markup", "pickle", "other",
)  # fmt: skip
# Keys of the session that have a meaning for the table, a host or the page of devices.
KEYS = (
    "user_id", "note", "at", "doc", "sid", "revision", "device", "ip", "user_agent", "place", "_max_age",
    "_creation_time", "_accessed_time", "_domain", "_path", "_permanent", "_schema_session_created",
    "_csrft_", "_f_", "<value>", "$rotated",
)  # fmt: skip


class Bomb:
    """Unpickling this object creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


class Stopwatch:
    """Calls the methods of an object, and keeps which call took longest.

    Attributes:
        about: what the next calls are about, for the report.
        calls: how many there were.
        longest: seconds of this thread's CPU time that the longest call took.
        which: which call that was.
    """

    def __init__(self) -> None:
        self.about, self.calls, self.longest, self.which = "", 0, 0.0, "none"
        # What the tests have imported and made so far is a large heap to look through.
        gc.collect()
        gc.freeze()

    def forget(self) -> None:
        """Forget what was measured, because first calls import and compile."""
        self.longest, self.which = 0.0, "none"

    def run(self, name: str, call: Callable[[], Any]) -> Any:
        """Call a function without arguments."""
        gc.disable()
        start = time.thread_time()
        try:
            return call()
        except BaseException as error:
            error.add_note(f"{name}, {self.about}")
            raise
        finally:
            taken = time.thread_time() - start
            gc.enable()
            self.calls += 1
            if taken > self.longest:
                self.longest, self.which = taken, f"{name}, {self.about}"

    def on(self, subject: Any) -> Timed:
        """The same object, of which each call is measured."""
        return Timed(self, subject)

    def report(self, rows: int) -> str:
        """What was done."""
        slowest = f"{self.longest * 1000:.0f} ms of CPU: {self.which[:300]}"
        return f"{rows} rows, {self.calls} calls; the longest took {slowest}"


class Timed:
    """An object whose calls a stopwatch measures; `subject` is the object itself."""

    def __init__(self, stopwatch: Stopwatch, subject: Any) -> None:
        self.stopwatch = stopwatch
        self.subject = subject

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.subject, name)
        return lambda *arguments, **options: self.stopwatch.run(name, lambda: method(*arguments, **options))


def rows_of(store: SessionStore, handles: Iterable[str]) -> list[tuple[Any, ...]]:
    """The rows of these handles, whole."""
    table = store.repo()
    query = select(table).where(table.c.sid.in_(list(handles))).order_by(table.c.sid)
    with store.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def remove_all_but(store: SessionStore, handles: Iterable[str]) -> None:
    """Remove all other rows, whatever they hold."""
    table = store.repo()
    with store.engine.begin() as connection:
        connection.execute(table.delete().where(table.c.sid.not_in(list(handles))))


def mutate(
    store: SessionStore, copies: Sequence[Sequence[str]], random: Random, marker: Path
) -> list[str | None]:
    """Change rows.

    Args:
        store: whose rows.
        copies: for each change, the handles of the rows that get it.
        random: decides.
        marker: the file that a pickle creates where it is loaded.

    Returns:
        for each of `copies` what was set; None if the database refused it.
    """
    table = store.repo()
    with store.engine.begin() as connection:
        every = [handle for handles in copies for handle in handles]
        connection.execute(table.update().where(table.c.sid.in_(every)).values(additional=GOOD))
        return [_mutated(connection, table, handles, random, marker) for handles in copies]


def _mutated(
    connection: Connection, table: Table, handles: Sequence[str], random: Random, marker: Path
) -> str | None:
    database = connection.dialect.name
    column = random.choice([one.name for one in table.c if database == "sqlite" or one.name != "sid"])
    value = _sql(column, random, marker, database)
    # No two rows can have the same primary key.
    chosen = [random.choice(handles)] if column == "sid" else list(handles)
    update = text(
        f"UPDATE {table.name} SET {column} = {value.replace(':', chr(92) + ':')} WHERE sid IN :handles"
    )
    point = connection.begin_nested()
    try:
        connection.execute(update.bindparams(bindparam("handles", expanding=True)), {"handles": chosen})
    except DBAPIError:  # the database has refused the value
        point.rollback()
        return None
    point.commit()
    return f"{column} = {value[:200]}"


def _sql(column: str, random: Random, marker: Path, database: str) -> str:
    if column == "additional" and random.random() < 0.8:
        return _quoted(_text(random, marker), database)
    choices: list[Callable[[], str]] = [
        lambda: _quoted(_text(random, marker), database),
        lambda: str(random.choice([0, -1, 1, 2**31, 2**63 - 1, -(2**63), 2**62, random.getrandbits(62)])),
        lambda: random.choice(["NULL", "1.5", "1e308", "-1e400", "0.1"]),
        lambda: _quoted(random.choice(_MOMENTS), database),
        lambda: _quoted(random.choice(_NUMBERS), database),
        lambda: _quoted(
            random.choice(["[" * depth + "]" * depth for depth in (30, 31, 500, 1500)]), database
        ),
        lambda: _quoted(f"[{'9' * random.choice([20, 400, 5000])}]", database),
    ]
    if database == "sqlite":
        raw = random.randbytes(random.randrange(20)).hex()
        choices += [lambda: f"x'{raw}'", lambda: f"CAST(x'{raw}ff' AS TEXT)"] * 2
    return random.choice(choices)()


_MOMENTS = (
    "infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "294276-12-31", "9999-12-31 23:59:59.999999",
    "0001-01-01", "0000-00-00", "0999-12-31", "2024-02-31", "24:00", "24:00:00", "838:59:59", "-10:00:00",
    "2024-01-01", "2024-01-01 25:61:61", "now", "2024-01-01T00:00:00+25:00",
)  # fmt: skip
_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "12x", "", " ", "\u0663", "0x10", "1_0")


def _text(random: Random, marker: Path) -> str:
    pickled = base64.b64encode(pickle.dumps({"a": Bomb(marker)})).decode()
    deep, many = random.choice([99, 102, 350, 1500, 20_000]), random.choice([100, 10_001])
    opener, closer = random.choice([("[", "]"), ('{"a":', "}"), ('{"$tuple":[', "]}"), ('{"$set":[', "]}")])
    start = random.randrange(len(GOOD))
    letters = list(GOOD)
    letters[start] = chr(random.randrange(1, 0x2FFF))
    return random.choice(
        [
            GOOD[:start],
            GOOD[start:],
            "".join(letters),
            json.dumps({"a": {f"${random.choice(TAGS)}": _nonsense(random)}}),
            json.dumps({"a": {f"${random.choice(TAGS)}": _nonsense(random)}}),
            json.dumps({"a": {f"${random.choice(TAGS)}": [_nonsense(random), _nonsense(random)]}}),
            json.dumps({random.choice(KEYS): _nonsense(random)}),
            json.dumps({random.choice(KEYS): _nonsense(random), random.choice(KEYS): _nonsense(random)}),
            '{"a":' + opener * deep + closer * deep + "}",
            json.dumps({f"k{number}": 1 for number in range(many)}),
            json.dumps({"a": {"$set": [{"$int": str(number * (2**61 - 1))} for number in range(1, 1500)]}}),
            '{"a":' + "9" * random.choice([18, 19, 20, 400, 5000, 60_000]) + "}",
            '{"a":1e' + "9" * random.choice([2, 3, 9]) + "}",
            json.dumps({"a": "x" * random.choice([1000, 70_000, 600_000])}),
            f"pickle:{pickled}",
            pickled,
            json.dumps({"$pickle": pickled}),
            json.dumps({"a": {"$pickle": pickled}}),
            '{"a": "\\ud800"}',
            '{"a":NaN}',
            "[]",
            "null",
            '""',
        ]
    )


def _nonsense(random: Random) -> Any:
    return random.choice([
        None, True, 0, -1, 2**63, 1.5, "", "x", "NaN", "-sNaN7", "Infinity", "1E+999999", "9" * 5000, [], {},
        [[]], [1, 2], {"a": 1}, [["a", 1], ["a", 2]], [[[], 1]], "2024-01-01", "24:00",
        "2024-01-01T00:00:00+00:00[Nowhere]", "2024-01-01T00:00:00+00:00[../../etc/passwd]",
        "9999-12-31T23:59:59-23:59", [10**9, 0, 0], [1e308, 0, 0], "====", "AAAA", {"$int": "1"},
        {"$set": [{"$set": []}]}, {"$decimal": "NaN"}, "<b>", 1e306,
        "a\r\nSet-Cookie: a=b", "\0", "\u20ac", "Mozilla/5.0 (" + "Windows NT " * 5000, {"$rotated": "a"},
    ])  # fmt: skip


def _quoted(value: str, database: str) -> str:
    escaped = value.replace("'", "''")
    return "'" + (escaped.replace("\\", "\\\\") if database in {"mysql", "mariadb"} else escaped) + "'"
