"""Rows as an attacker, another program or a broken disk may leave them: changed at random."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from sqlalchemy import Connection, Table

SCHEMAS = "user_id Integer index; note Text; at DateTime; lunch Time; f Double; d Numeric(12, 2); doc JSON"
GOOD = json.dumps(
    {"cart": [1, 2], "when": {"$datetime": "2026-01-01T00:00:00"}, "pair": {"$tuple": [1, "a"]}}
)
TAGS = (
    "dict", "int", "tuple", "set", "frozenset", "bytes", "bytearray", "datetime", "date", "time", "timedelta",
    "decimal", "uuid", "float", "markup", "pickle", "other",
)  # fmt: skip


class Bomb:
    """Unpickling this object creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def mutated(connection: Connection, table: Table, handle: str, random: Random, marker: Path) -> str | None:
    """Change the row of a handle.

    Args:
        connection: in a transaction.
        table: the sessions'.
        handle: the row's.
        random: decides.
        marker: the file that a pickle creates where it is loaded.

    Returns:
        what was set; None if the database refused it.
    """
    database = connection.dialect.name
    column = random.choice([one.name for one in table.c if database == "sqlite" or one.name != "sid"])
    value = _sql(column, random, marker, database)
    point = connection.begin_nested()
    try:
        connection.execute(
            text(f"UPDATE {table.name} SET {column} = {value.replace(':', chr(92) + ':')} WHERE sid = :sid"),
            {"sid": handle},
        )
    except DBAPIError:  # the database has refused the value
        point.rollback()
        return None
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
            json.dumps({random.choice(["user_id", "note", "at", "sid", "revision"]): _nonsense(random)}),
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
        {"$set": [{"$set": []}]}, {"$decimal": "NaN"}, "<b>",
    ])  # fmt: skip


def _quoted(value: str, database: str) -> str:
    escaped = value.replace("'", "''")
    return "'" + (escaped.replace("\\", "\\\\") if database in {"mysql", "mariadb"} else escaped) + "'"
