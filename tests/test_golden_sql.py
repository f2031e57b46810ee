"""Every statement of the store as SQL, in tests/golden/*.sql; no server is needed.

After a change on purpose: `python tests/test_golden_sql.py --write`.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
from functools import cached_property, partial
from inspect import getdoc, isfunction, signature
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import MagicMock

import pytest
from sqlalchemy.schema import CreateIndex, CreateTable

import schema_session_backend
from golden_files import require_unchanged, rewrite_if_asked
from schema_session_backend import NULL, SessionStore
from schema_session_backend._sql.query import Query
from sql_layout import WIDTH, laid_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_session_backend._sql.search import Prepared, Search
    from schema_session_backend._sql.statements import Statements
    from schema_session_backend._sql.vendors.base import Vendor

    Examples = dict[str, dict[str, Query | Prepared]]

URLS = {
    "sqlite": "sqlite:///sessions.db",
    "postgresql": "postgresql+psycopg://app@db/app",
    "mariadb": "mariadb+pymysql://app@db/app",
}
OPTIONS: dict[str, Any] = {
    "schemas": "user_id Integer index; device String(50)",
    "timestamps": True,
    "absolute_max_age": 30 * 24 * 60 * 60,
}
WITHOUT_TIMESTAMPS: dict[str, Any] = {"schemas": OPTIONS["schemas"]}

HEADER = """\
-- What the store sends to {database}, written by: python tests/test_golden_sql.py --write
--
--     SessionStore(
--         {url!r},
{options}
--     )
--
-- A name that begins with a colon is a parameter, for which the driver gets {placeholder}. A parameter :ssb_…
-- gets its value when the statement runs; "with" tells the values of the others. Two expressions are
-- abbreviated:
--
--     {{now_ms}}   {now_ms}
--     {{utc_now}}  {utc_now}
"""
PLACEHOLDERS = {"qmark": "?", "format": "%s"}

MARK = "0123456789abcdef"
"""How handles begin in a store with a prefix."""
HANDLES = ["handle-1", "handle-2"]
SINCE = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)

# -- the statements that take arguments: one example for each way in which they may turn out


def statement_examples(statements: Statements) -> Examples:
    """Those of _sql/statements.py."""
    return {
        "any_of": {"": statements.any_of(HANDLES)},
        "load_many": {"": statements.load_many(HANDLES)},
        "starts": {
            "": statements.starts(17, mark="", after="handle-1", limit=5_000),
            "of a prefix": statements.starts(17, mark=MARK, after="", limit=5_000),
        },
        "texts": {"": statements.texts(HANDLES)},
        "upsert": {
            "": statements.upsert(frozenset()),
            "two sessions": statements.upsert(frozenset(), 2),
            "a column gets its default": statements.upsert(frozenset({"device"})),
        },
        "insert": {"": statements.insert(frozenset())},
        "save": {
            "": statements.save(frozenset({"user_id", "device"})),
            "no column changed": statements.save(frozenset()),
            "without renewing": statements.save(frozenset({"user_id"}), renew=False),
        },
        "save_renamed": {
            "": statements.save_renamed(frozenset({"user_id"})),
            "without renewing": statements.save_renamed(frozenset({"user_id"}), renew=False),
        },
        "destroy_many": {"": statements.destroy_many(HANDLES)},
        "revoke_many": {"": statements.revoke_many(HANDLES)},
        "expired": {"": statements.expired(200), "after some": statements.expired(200, skipped=3)},
        "delete_expired_row": {"": statements.delete_expired_row("key")},
        "delete_expired": {"": statements.delete_expired(HANDLES)},
    }


def search_examples(search: Search) -> Examples:
    """Those of _sql/search.py."""
    by_user = search.found([], {"user_id": 42}, mark="")
    by_user_and_prefix = search.found([], {"user_id": 42}, mark=MARK)
    by_device = search.found([], {"user_id": NULL, "device": "phone"}, mark="")
    sample = search.between("", "0100")
    return {
        "find": {
            "": search.find(by_user, None),
            "with a limit": search.find(by_user, 10),
            "NULL and a value": search.find(by_device, None),
            "of a prefix": search.find(by_user_and_prefix, None),
        },
        "count": {"": search.count(by_user)},
        "count_rows": {
            "": search.count_rows("", sample),
            "of a prefix": search.count_rows(MARK, search.between(MARK, f"{MARK}0100")),
        },
        "per_day": {"": search.per_day("", [], SINCE), "of a sample": search.per_day("", sample, SINCE)}
        if search.has_stamps
        else {},
        "per_value": {
            "": search.per_value("device", "", [], 10),
            "of a sample": search.per_value("device", "", sample, 10),
        },
        "stored": {"": search.stored(by_user)},
        "expired": {"": search.expired(search.found((), {}, mark=""), before_ms=60_000)},
        "starting": {"": search.starting("", "9f86d0", 2), "of a prefix": search.starting(MARK, MARK, 2)},
        "handles": {"": search.handles("", after="handle-1", limit=5_000)},
        "page": {
            "": search.page(by_user, after="handle-1", end=None, limit=51),
            "up to an end": search.page(by_device, after="handle-1", end="handle-2", limit=51),
        },
        "end_of": {"": search.end_of("", after="handle-1", rows=5_000)},
        "revoke": {"": search.revoke("handle-1", by_user)},
        "revoke_all": {"": search.revoke_all(by_user)},
        "revoke_others": {"": search.revoke_others(by_user, HANDLES, mark="")},
        "spared": {"": search.spared(HANDLES, mark=""), "of a prefix": search.spared(HANDLES, mark=MARK)},
        "revoke_older": {"": search.revoke_older(by_user, 3)},
        "erase": {"": search.erase(by_user)},
        "clear": {"": search.clear(""), "of a prefix": search.clear(MARK)},
    }


# -- from a store to its SQL


class Golden(NamedTuple):
    """A statement as a golden file has it."""

    title: str
    about: str
    sql: str
    """The driver's text with names for its placeholders, not laid out."""
    constants: dict[str, Any]
    ddl: bool = False

    def __str__(self) -> str:
        comment = [self.title, *self.about.splitlines()]
        if self.constants:
            comment.append(
                f"with {', '.join(f':{name} = {_shown(value)}' for name, value in self.constants.items())}"
            )
        lines = [
            line
            for text in comment
            for line in wrap(text, initial_indent="-- ", subsequent_indent="--      ", width=WIDTH)
        ]
        return "\n".join([*lines, f"{self.sql if self.ddl else laid_out(self.sql)};"])


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, (int, str)) else str(value)


class Spelling:
    """How a store's driver gets its statements."""

    def __init__(self, store: SessionStore) -> None:
        self.dialect = store.engine.dialect
        self.vendor: Vendor = store._database.vendor
        self.placeholder = PLACEHOLDERS[self.dialect.paramstyle]

    def golden(self, title: str, about: str, query: Query) -> Golden:
        compiled = query.compiled(self.dialect)
        names = [name for name, _ in compiled._binds]
        constants = {name: compiled._constants[name] for name in names if not name.startswith("ssb_")}
        return Golden(title, about, self.abbreviated(self.named(compiled.sql, names)), constants)

    def named(self, sql: str, names: list[str]) -> str:
        """The driver's text with the parameters' names instead of its placeholders."""
        texts = sql.split(self.placeholder)
        assert len(texts) == len(names) + 1, sql
        named = "".join(
            text + name for text, name in zip(texts, [*(f":{name}" for name in names), ""], strict=True)
        )
        return named if self.placeholder == "?" else named.replace("%%", "%")

    def abbreviated(self, sql: str) -> str:
        return sql.replace(self.vendor.now_ms_sql, "{now_ms}").replace(self.vendor.utc_now_sql, "{utc_now}")


def makers(part: object) -> dict[str, Callable[..., Any]]:
    """The public members of an object that make statements, as its class defines them."""
    found: dict[str, Callable[..., Any]] = {}
    for name, member in vars(type(part)).items():
        make = member.func if isinstance(member, cached_property) else member
        # One that is cached for each instance has its public name there.
        cached = vars(part).get(name.removeprefix("_"))
        public = name.removeprefix("_") if hasattr(cached, "cache_info") else name
        returned = getattr(make, "__annotations__", {}).get("return")
        if isfunction(make) and returned in {"Query", "Prepared"} and not public.startswith("_"):
            found[public] = make
    return found


def takes_arguments(make: Callable[..., Any]) -> bool:
    return list(signature(make).parameters) != ["self"]


def made_by(part: object, examples: Examples, spelling: Spelling) -> Iterator[Golden]:
    """All statements of a part of the store."""
    for name, make in makers(part).items():
        about = (getdoc(make) or "").partition("\n")[0]
        ways = examples.get(name, {}) if takes_arguments(make) else {"": getattr(part, name)}
        for way, made in ways.items():
            query = made if isinstance(made, Query) else made.query
            yield spelling.golden(f"{name}, {way}" if way else name, about, query)


def definitions(store: SessionStore, spelling: Spelling) -> Iterator[Golden]:
    """The statements that create the table."""
    table = store.repo()
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    creating: list[CreateTable | CreateIndex] = [CreateTable(table), *map(CreateIndex, indexes)]
    for statement in creating:
        lines = str(statement.compile(dialect=spelling.dialect)).strip().splitlines()
        sql = "\n".join(line.replace("\t", "    ").rstrip() for line in lines)
        yield Golden("the table" if sql.startswith("CREATE TABLE") else "an index", "", sql, {}, ddl=True)


def recorded(statements: list[Any], statement: Any) -> bool:
    statements.append(statement)
    return True


def settings(spelling: Spelling) -> Iterator[Golden]:
    """What sets connections up, begins a transaction, and takes a lock."""
    vendor, connection, connected = spelling.vendor, MagicMock(), MagicMock()
    vendor.on_connect(connection, 5)
    vendor.prepare(connected)
    for title, sent in (("each new connection", connection), ("once, for the database", connected)):
        for call in sent.mock_calls:
            if call.args:
                yield Golden(title, "", call.args[0], {})
    yield Golden("the start of a transaction of several statements", "", vendor.begin, {})
    locks = (
        ("the lock for gc, which does not wait", "gc sessions", 0.0),
        ("the lock for creating the table", "sync sessions", 3.0),
    )
    for title, name, wait in locks:
        statements: list[Any] = []
        with vendor.alone(partial(recorded, statements), name, wait=wait):
            pass
        for statement in statements:
            yield spelling.golden(title, "", Query(statement))


def sections(store: SessionStore) -> dict[str, list[Golden]]:
    spelling, statements, search = Spelling(store), store._statements, store._search
    return {
        "The table": list(definitions(store, spelling)),
        "Connections, transactions and locks: _sql/vendors": list(settings(spelling)),
        "Sessions by their handles: _sql/statements.py": list(
            made_by(statements, statement_examples(statements), spelling)
        ),
        "Sessions by their columns: _sql/search.py": list(made_by(search, search_examples(search), spelling)),
    }


def golden_text(database: str) -> str:
    """All that a store sends to a database; of stores with other options, what is different."""
    store = SessionStore(URLS[database], **OPTIONS)
    spelling = Spelling(store)
    texts = [
        HEADER.format(
            database=database,
            url=URLS[database],
            options="\n".join(f"--         {name}={value!r}," for name, value in OPTIONS.items()),
            placeholder=spelling.placeholder,
            now_ms=spelling.vendor.now_ms_sql,
            utc_now=spelling.vendor.utc_now_sql,
        )
    ]
    known: set[str] = set()
    for title, found in sections(store).items():
        texts += [f"\n-- == {title}\n", *(f"{one}\n" for one in found)]
        known.update(map(str, found))
    for title, options in (
        ("without timestamps and absolute_max_age", WITHOUT_TIMESTAMPS),
        ("with hash_sid=False", OPTIONS | {"hash_sid": False}),
        ("with anonymous_max_age", OPTIONS | {"anonymous_max_age": 60 * 60}),
    ):
        texts.append(f"\n-- == What differs {title}\n")
        for found in sections(SessionStore(URLS[database], **options)).values():
            texts += [f"{one}\n" for one in found if str(one) not in known]
    return "\n".join(texts)


# -- the tests


@pytest.mark.parametrize("database", URLS)
def test_the_golden_file_has_every_statement_as_it_is_now(database):
    require_unchanged(f"{database}.sql", golden_text(database), writer=__file__)


def test_each_statement_that_takes_arguments_has_examples():
    store = SessionStore("sqlite://", **OPTIONS)
    for part, examples in (
        (store._statements, statement_examples(store._statements)),
        (store._search, search_examples(store._search)),
    ):
        assert {name for name, make in makers(part).items() if takes_arguments(make)} == examples.keys()


def test_no_statement_is_made_anywhere_else():
    package = Path(schema_session_backend.__file__).parent
    calls = {
        path.stem: {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        for path in package.rglob("*.py")
    }

    # The janitor runs the vendors' locks, connections BEGIN and COMMIT.
    assert {module for module, names in calls.items() if "Query" in names} == {
        "database",
        "janitor",
        "search",
        "statements",
    }


@pytest.mark.parametrize("database", URLS)
def test_the_layout_changes_nothing_but_white_space(database):
    for found in sections(SessionStore(URLS[database], **OPTIONS)).values():
        for one in found:
            assert re.sub(r"\s", "", laid_out(one.sql)) == re.sub(r"\s", "", one.sql)


if __name__ == "__main__":
    rewrite_if_asked({f"{database}.sql": golden_text(database) for database in URLS})
