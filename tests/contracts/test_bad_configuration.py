"""Bad configuration gets a typed error that names table, column or option and says what to do."""

from __future__ import annotations

import datetime as dt
import logging
import math
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    Enum,
    Float,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    Uuid,
    create_engine,
    inspect,
    make_url,
)
from sqlalchemy.orm import DeclarativeBase, Mapped
from sqlalchemy.schema import DropIndex
from values import database_of, stored_rows

from schema_session_backend import (
    ConfigurationError,
    MissingDependency,
    SchemaMismatch,
    SessionMixin,
    SessionStore,
    SessionStoreError,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# What a caller without a type checker can pass.
Unchecked: Any = SessionStore

# -- options


@pytest.mark.parametrize(
    ("option", "near"),
    [("tablename", "table_name"), ("maxage", "max_age"), ("schema", "schemas"), ("serialiser", "serializer")],
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one(option, near):
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", **{option: "x"})

    assert str(caught.value) == f"SessionStore has no option {option!r}: did you mean {near!r}?"


def test_an_unknown_option_that_is_near_none_is_refused_with_all_of_them():
    with pytest.raises(
        ConfigurationError, match="no option 'xyzzy': known: absolute_max_age, additional_name"
    ):
        Unchecked("sqlite://", xyzzy=1)


SPANS = ["sync_timeout", "max_age", "absolute_max_age", "touch_interval", "gc_interval"]


@pytest.mark.parametrize("option", SPANS)
@pytest.mark.parametrize(
    "value",
    [-1, -0.5, math.nan, -math.inf, True, False, "60", "1 day", b"1", [60], dt.timedelta(seconds=-1)],
    ids=repr,
)
def test_a_span_of_time_is_a_number_of_seconds_above_0(option, value):
    with pytest.raises(ConfigurationError, match=f"^{option} takes seconds"):
        Unchecked("sqlite://", timestamps=True, **{option: value})


@pytest.mark.parametrize("option", SPANS)
def test_0_is_no_span_of_time_but_for_touching_each_time(option):
    if option == "touch_interval":
        SessionStore("sqlite://", touch_interval=0).close()
        return
    with pytest.raises(ConfigurationError, match=f"^{option} takes seconds"):
        Unchecked("sqlite://", timestamps=True, **{option: 0})


@pytest.mark.parametrize("value", [0, -1, math.nan, True, "60"], ids=repr)
def test_a_max_age_of_one_call_is_checked_as_the_option_is(store, value):
    store.set("a", {"cart": [1]})
    before = stored_rows(store)
    loaded = store.load("a")

    for attempt in (
        lambda: store.set("a", {}, max_age=value),
        lambda: store.touch("a", max_age=value),
        lambda: store.set_many({"a": {}}, max_age=value),
        lambda: store.save(loaded, {}, max_age=value),
    ):
        with pytest.raises(ConfigurationError, match=r"^max_age takes seconds"):
            attempt()

    assert stored_rows(store) == before


@pytest.mark.parametrize("value", [1, 0, -1, "64", 1.5, True, None, math.inf], ids=repr)
def test_max_size_is_a_number_of_bytes(value):
    with pytest.raises(ConfigurationError, match="max_size takes a number of bytes"):
        SessionStore("sqlite://", max_size=value)


@pytest.mark.parametrize("option", ["timestamps", "sync", "hash_sid"])
@pytest.mark.parametrize("value", ["false", ""], ids=repr)
def test_a_switch_is_true_or_false_and_not_a_text(option, value):
    """The text "false" would be true, silently."""
    with pytest.raises(ConfigurationError, match=option):
        Unchecked("sqlite://", **{option: value})


@pytest.mark.parametrize(
    ("value", "problem"),
    [("jsn", "did you mean 'json'?"), ("xml", "known: json, pickle"), ("", "known: json")],
)
def test_an_unknown_serializer_is_refused_with_the_known_ones(value, problem):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", serializer=value)

    assert problem in str(caught.value)


@pytest.mark.parametrize("value", [42, None, object()], ids=["int", "None", "object"])
def test_a_serializer_that_cannot_serialize_is_refused(value):
    with pytest.raises(ConfigurationError, match="serializer"):
        SessionStore("sqlite://", serializer=value)


def test_an_absolute_timeout_needs_the_timestamps_it_counts_from():
    with pytest.raises(
        ConfigurationError, match="absolute_max_age counts from created_at: set timestamps=True"
    ):
        SessionStore("sqlite://", absolute_max_age=60)


# -- declared columns


@pytest.mark.parametrize("name", ["a b", "1a", "a-b", "a.b", "", 'a"b', "a;--", "é!", None], ids=repr)
def test_a_column_name_that_is_no_identifier_is_refused(name):
    with pytest.raises(
        ConfigurationError, match="is no identifier; use a letter or '_' followed by"
    ) as caught:
        SessionStore("sqlite://", schemas=[Column(name, Integer)])

    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    "option", ["table_name", "sid_name", "expire_at_name", "additional_name", "revision_name"]
)
@pytest.mark.parametrize("name", ["a b", "1a", "", "a;--", "a.b.c", ".a", "a.", None, 5, "a" * 64], ids=repr)
def test_an_option_that_names_something_takes_an_identifier(option, name):
    with pytest.raises(ConfigurationError, match=f"^{option}: .* is no identifier"):
        Unchecked("sqlite://", **{option: name})


@pytest.mark.parametrize(
    "name", ["sid", "SID", "additional", "expire_at", "Expire_At", "revision", "created_at"]
)
def test_a_base_columns_name_cannot_be_declared_in_any_case(name):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=[Column(name, Integer)], timestamps=True)

    assert str(caught.value) == (
        f"column {name!r} cannot be declared: the name is that of a base column; choose another"
    )


@pytest.mark.parametrize("second", ["user_id", "USER_ID", "User_Id"])
def test_a_name_cannot_be_declared_twice_in_any_case(second):
    for schemas in ([Column("user_id", Integer), Column(second, Text)], f"user_id Integer; {second} Text"):
        with pytest.raises(ConfigurationError) as caught:
            SessionStore("sqlite://", schemas=schemas)
        assert str(caught.value) == (
            f"column {second!r} cannot be declared:"
            " the name is that of another declared column; choose another"
        )


def test_two_base_columns_cannot_have_one_name():
    with pytest.raises(ConfigurationError, match="two base columns have the same name"):
        SessionStore("sqlite://", sid_name="Additional")
    with pytest.raises(ConfigurationError, match="two base columns have the same name"):
        SessionStore("sqlite://", sid_name="created_at", timestamps=True)


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (Column("id", Integer, primary_key=True), "the session id is the primary key"),
        (Column("twice", Integer, Computed("1")), "the database makes its values"),
        (Column("number", Integer, Identity()), "the database makes its values"),
        (Column("typeless"), "needs a type, as in Column('typeless', Integer)"),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_column_that_no_session_can_fill_is_refused(column, problem):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=[column])

    assert f"column {column.name!r}" in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "schemas",
    [[1], ["user_id Integer"], [Integer], [("user_id", Integer)], None, 5, Column("user_id", Integer)],
    ids=repr,
)
def test_schemas_that_are_no_columns_are_refused(schemas):
    with pytest.raises(ConfigurationError, match="schemas takes"):
        SessionStore("sqlite://", schemas=schemas)


def test_a_misspelt_text_schema_is_refused_with_its_position():
    """All of its forms are in test_schema_text.py."""
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas="user_id Integer index; device Strng(50)")

    assert str(caught.value) == (
        "schemas, position 31: column 'device' has no type 'Strng': did you mean 'String'?"
    )


def test_one_column_may_be_declared_for_several_stores():
    columns = [Column("user_id", Integer, index=True)]
    one, other = (SessionStore("sqlite://", schemas=columns, table_name=name) for name in ("one", "other"))

    assert one.fields == other.fields == ("user_id",)
    assert columns[0].table is None


# -- a table of one's own


def _own(*columns: Column, primary: str = "sid") -> Table:
    base: dict[str, Any] = {
        "sid": Column("sid", String(64), primary_key=primary == "sid"),
        "additional": Column("additional", Text, nullable=False),
        "expire_at": Column("expire_at", BigInteger),
        "revision": Column("revision", BigInteger, nullable=False),
    }
    return Table("own", MetaData(), *base.values(), *columns)


def test_table_brings_its_own_columns_name_and_metadata():
    for option in ({"schemas": "a Integer"}, {"table_name": "other"}, {"metadata": MetaData()}):
        with pytest.raises(ConfigurationError, match="leave out schemas, table_name and metadata"):
            SessionStore("sqlite://", table=_own(), **option)


@pytest.mark.parametrize("given", [1, "own", object, SessionStore], ids=repr)
def test_table_is_a_table_or_a_mapped_class(given):
    with pytest.raises(ConfigurationError, match="table= takes a Table or a mapped class, not"):
        SessionStore("sqlite://", table=given)


@pytest.mark.parametrize("lacking", ["sid", "additional", "expire_at", "revision"])
def test_a_table_that_lacks_a_base_column_is_refused(lacking):
    columns = [column._copy() for column in _own().c if column.name != lacking]
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", table=Table("own", MetaData(), *columns))

    assert str(caught.value) == f"table 'own' lacks the column {lacking!r}: use SessionMixin"


def test_a_table_without_timestamps_is_refused_when_they_are_asked_for():
    with pytest.raises(ConfigurationError, match="table 'own' lacks the column 'created_at'"):
        SessionStore("sqlite://", table=_own(), timestamps=True)


@pytest.mark.parametrize("primary", [["id"], ["sid", "id"], []], ids=repr)
def test_a_table_whose_primary_key_is_not_the_sid_alone_is_refused(primary):
    table = _own(
        Column("id", Integer, primary_key="id" in primary), primary="sid" if "sid" in primary else ""
    )
    with pytest.raises(ConfigurationError, match="the primary key has to be the column 'sid' alone"):
        SessionStore("sqlite://", table=table)


def test_a_table_that_the_metadata_has_already_is_refused():
    metadata = MetaData()
    Table("sessions", metadata, Column("id", Integer, primary_key=True))
    with pytest.raises(
        ConfigurationError, match="the MetaData has a table 'sessions' already: pass it as table="
    ):
        SessionStore("sqlite://", metadata=metadata)


def test_a_foreign_key_to_a_table_that_nobody_declared_is_told_at_the_first_use(make_store, table_name):
    store = make_store(schemas=[Column("user_id", Integer, ForeignKey("nowhere.id"))])
    with pytest.raises(
        ConfigurationError, match=f"table {table_name!r} cannot be created on .*pass yours as metadata="
    ):
        store.wait_for_sync()


def test_a_mapped_class_with_the_mixin_works(make_store, table_name):
    class Base(DeclarativeBase):
        pass

    class Own(SessionMixin, Base):
        __tablename__ = table_name
        user_id: Mapped[int | None]

    store = make_store(table=Own)
    store.set("a", {"user_id": 1, "cart": [1]})

    assert store.get("a") == {"user_id": 1, "cart": [1]}


# -- the URL


@pytest.mark.parametrize(
    ("url", "extra", "usual"),
    [
        ("postgresql+pg8000://app@db/app", "postgresql", "postgresql+psycopg://"),
        ("postgresql+asyncpg://app@db/app", "postgresql", "postgresql+psycopg://"),
        ("postgresql+nonsense://app@db/app", "postgresql", "postgresql+psycopg://"),
        ("mysql+mysqldb://app@db/app", "mysql", "mariadb+pymysql://"),
        ("mysql://app@db/app", "mysql", "mariadb+pymysql://"),
        ("mariadb://app@db/app", "mysql", "mariadb+pymysql://"),
    ],
)
def test_a_url_without_its_driver_says_which_extra_to_install(url, extra, usual):
    with pytest.raises(MissingDependency) as caught:
        SessionStore(url)

    assert caught.value.extra == extra
    assert f"pip install 'schema_session_backend[{extra}]'" in str(caught.value)
    assert usual in str(caught.value)
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+pysqlcipher://"])
def test_another_driver_for_sqlite_has_no_extra_to_install(url):
    with pytest.raises(SessionStoreError, match="sqlite://") as caught:
        SessionStore(url)

    assert "[]" not in str(caught.value)


@pytest.mark.parametrize("backend", ["oracle", "mssql+pyodbc", "redis", "mongodb"])
def test_an_unknown_database_is_refused_with_the_known_ones(backend):
    with pytest.raises(ConfigurationError, match="has to start with sqlite, postgresql or mariadb"):
        SessionStore(f"{backend}://app@db/app")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "app:open-sesame@db/app",
        "postgresql+psycopg://app:open-sesame@db:port/app",
        None,
        5,
        b"sqlite://",
    ],
    ids=repr,
)
def test_a_url_that_cannot_be_understood_is_refused_and_not_shown(url):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore(url)

    assert "it looks like postgresql+psycopg://user:password@host/name" in str(caught.value)
    assert "open-sesame" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_an_asynchronous_driver_is_refused():
    with pytest.raises(ConfigurationError, match="asynchronous; choose a synchronous one"):
        SessionStore("postgresql+psycopg_async://app@db/app")


def test_constructing_a_store_touches_no_database():
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", schemas="user_id Integer")

    assert store.fields == ("user_id",)
    store.close()


# -- a database that is not there


class Patience:
    """A clock for retries that moves when somebody would sleep, so that nobody has to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses = 0
        self.at_pause: dict[int, Callable[[], Any]] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses += 1
        self.at_pause.get(self.pauses, lambda: None)()


@pytest.fixture
def patience(monkeypatch) -> Patience:
    clock = Patience()
    replaced = SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep)
    monkeypatch.setattr("schema_session_backend.database.time", replaced)
    return clock


@pytest.fixture
def absent(url, tmp_path):
    """Where a database of each kind would be, if there were one."""
    nobody: Any = {
        "username": "nobody",
        "password": "open-sesame",
        "host": "127.0.0.1",
        "port": 1,
        "database": "none",
    }
    if database_of(url) == "sqlite":
        return f"sqlite:///{tmp_path}/missing/sessions.db"
    return make_url(url).set(**nobody)


def test_a_database_that_is_not_there_is_unavailable_when_sync_timeout_is_over(absent, patience):
    store = SessionStore(absent, sync_timeout=0.5)

    with pytest.raises(StoreUnavailable, match="cannot connect to") as caught:
        store.wait_for_sync()

    assert patience.now == pytest.approx(0.5)
    assert patience.pauses > 2
    assert "open-sesame" not in str(caught.value)
    assert caught.value.__context__ is None
    store.close()


def test_every_operation_waits_that_long_and_not_longer(absent, patience):
    store = SessionStore(absent, sync_timeout=0.5)

    for operation in (
        lambda: store.get("a"),
        lambda: store.set("a", {}),
        lambda: store.touch("a"),
        store.find,
        store.gc,
        lambda: store.set_many({"a": {}}),
    ):
        before = patience.now
        with pytest.raises(StoreUnavailable):
            operation()
        assert patience.now - before == pytest.approx(0.5)
    store.close()


def test_a_timeout_for_one_wait_counts_instead_of_sync_timeout(absent, patience):
    store = SessionStore(absent, sync_timeout=60)

    with pytest.raises(StoreUnavailable):
        store.wait_for_sync(timeout=0.25)

    assert patience.now == pytest.approx(0.25)
    store.close()


def test_a_database_that_comes_up_in_time_is_used(patience, tmp_path):
    directory = tmp_path / "late"
    store = SessionStore(f"sqlite:///{directory}/sessions.db", sync_timeout=60)
    patience.at_pause[3] = directory.mkdir

    store.wait_for_sync()
    store.set("a", {"cart": [1]})

    assert patience.pauses == 3
    assert store.get("a") == {"cart": [1]}
    store.close()


def test_a_database_that_comes_up_later_is_used_by_the_next_operation(patience, tmp_path):
    directory = tmp_path / "late"
    store = SessionStore(f"sqlite:///{directory}/sessions.db", sync_timeout=0.5)
    with pytest.raises(StoreUnavailable):
        store.get("a")

    directory.mkdir()
    store.set("a", {"cart": [1]})

    assert store.get("a") == {"cart": [1]}
    store.close()


def test_a_server_without_that_database_is_unavailable_and_says_why(url, patience, tmp_path):
    missing: Any
    if database_of(url) == "sqlite":
        directory = tmp_path / "a directory"
        directory.mkdir()
        missing, why = f"sqlite:///{directory}", "unable to open database file"
    else:
        missing = make_url(url).set(database="no_such_database")
        why = "no_such_database"
    store = SessionStore(missing, sync_timeout=0.5)

    with pytest.raises(StoreUnavailable, match=why):
        store.wait_for_sync()

    assert patience.now == pytest.approx(0.5)
    store.close()


# -- a table that exists and does not match


def _run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def _mismatch(store: SessionStore) -> SchemaMismatch:
    with pytest.raises(SchemaMismatch) as caught:
        store.wait_for_sync()
    error = caught.value
    assert error.table == store.table.name
    for said in (*error.differences, *error.ddl):
        assert said in str(error)
    return error


def _mend(store: SessionStore, url: str, session: dict) -> None:
    """What the error says mends it does: the same store works then, and a new one too."""
    _run(url, *_mismatch(store).ddl)
    store.wait_for_sync()
    store.set("mended", session)
    assert store.get("mended") == session


def test_several_differences_are_mended_together(make_store, url):
    """SQLite, which changes no column, gets a new table once."""
    make_store(schemas="a Integer; b Integer index").set("old", {"a": 1})

    store = make_store(schemas="a String(50); b String(50) index; c Integer; d Integer not null")

    assert len(_mismatch(store).differences) == 4
    _mend(store, url, {"a": "x", "b": "y", "c": 1, "d": 2})


NEW: dict[str, Any] = {
    "Integer": (Integer, 5),
    "SmallInteger": (SmallInteger, 5),
    "String": (String(9), "x"),
    "Text": (Text, "x"),
    "Boolean": (Boolean, True),
    "Double": (Double, 1.5),
    "Numeric": (Numeric(9, 2), Decimal(5)),
    "DateTime": (DateTime, dt.datetime(2024, 1, 1)),  # noqa: DTZ001
    "Date": (Date, dt.date(2024, 1, 1)),
    "Time": (Time, dt.time(1)),
    "LargeBinary": (LargeBinary, b"x"),
    "Uuid": (Uuid, UUID(int=5)),
}


@pytest.mark.parametrize("name", NEW)
def test_a_missing_column_that_is_not_null_is_reported_and_its_ddl_adds_it(make_store, url, name):
    kind, value = NEW[name]
    make_store(schemas="user_id Integer").set("old", {"user_id": 1})

    store = make_store(schemas=[Column("user_id", Integer), Column("level", kind, nullable=False)])

    assert _mismatch(store).differences == ("it lacks the column 'level'",)
    _mend(store, url, {"user_id": 2, "level": value})
    assert store.get("old")["user_id"] == 1


@pytest.mark.parametrize(
    ("there", "declared", "value"),
    [
        ("field String(20)", "field Integer", 5),
        ("field Integer", "field String(20)", "five"),
        ("field String(20)", "field String(50)", "x" * 50),
        ("field String(20)", "field Text", "x" * 500),
        ("field Integer", "field BigInteger", 2**40),
        ("field SmallInteger", "field Integer", 2**20),
        ("field DateTime", "field Date", dt.date(2024, 1, 1)),
        ("field LargeBinary", "field String(20)", "x"),
    ],
)
def test_another_type_is_reported_and_its_ddl_mends_it(make_store, url, there, declared, value):
    make_store(schemas=there).set("old", {"cart": [1]})
    store = make_store(schemas=declared)

    [difference] = _mismatch(store).differences
    assert difference.startswith("column 'field' is ")
    assert ", not " in difference
    _mend(store, url, {"field": value})


def test_a_column_that_is_not_null_there_is_reported_when_sessions_may_lack_it(make_store, url):
    make_store(schemas="level Integer not null").set("old", {"level": 1})
    store = make_store(schemas="level Integer")

    assert _mismatch(store).differences == ("column 'level' is NOT NULL, and not every session has one",)
    _mend(store, url, {"cart": [1]})


def test_a_surplus_column_that_is_not_null_is_reported(make_store, url):
    make_store(schemas="user_id Integer; level Integer not null").set("old", {"level": 1})
    store = make_store(schemas="user_id Integer")

    assert _mismatch(store).differences == (
        "column 'level' is NOT NULL without a default, and it is not declared",
    )
    _mend(store, url, {"user_id": 1})


def test_a_surplus_column_that_needs_no_value_is_left_alone(make_store, url, table_name):
    make_store(schemas="user_id Integer; level Integer").set("old", {"user_id": 1, "level": 7})
    store = make_store(schemas="user_id Integer")

    store.wait_for_sync()
    store.set("new", {"user_id": 2})

    assert store.get("old") == {"user_id": 1}
    assert make_store(schemas="user_id Integer; level Integer").get("old") == {"user_id": 1, "level": 7}


def test_a_table_without_revision_is_reported(make_store, url, table_name):
    """As the original's table, or one from before."""
    _run(
        url,
        f"CREATE TABLE {table_name} (sid VARCHAR(64) NOT NULL PRIMARY KEY,"
        " additional TEXT NOT NULL, expire_at BIGINT)",
    )
    store = make_store(schemas="")

    assert "it lacks the column 'revision'" in _mismatch(store).differences
    _mend(store, url, {"cart": [1]})


@pytest.mark.parametrize("key", [None, "id", "sid, id"])
def test_another_primary_key_is_reported(make_store, url, table_name, key):
    long = "LONGTEXT" if database_of(url) == "mariadb" else "TEXT"
    primary = "" if key is None else f", PRIMARY KEY ({key})"
    _run(
        url,
        f"CREATE TABLE {table_name} (sid VARCHAR(64) NOT NULL, id INTEGER DEFAULT 0 NOT NULL,"
        f" additional {long} NOT NULL, expire_at BIGINT, revision BIGINT NOT NULL{primary})",
    )
    store = make_store(schemas="")

    error = _mismatch(store)
    [difference] = error.differences
    assert difference.startswith("its primary key is ")
    assert difference.endswith(", not 'sid' alone")
    if key is None or database_of(url) == "sqlite":
        _mend(store, url, {"cart": [1]})
    else:
        assert error.ddl == ()  # what refers to that key, only its owner knows


def test_every_difference_is_reported_at_once(make_store, url):
    make_store(schemas="user_id String(9); level Integer not null").wait_for_sync()
    store = make_store(schemas="user_id Integer; ip String(45) not null; device String(50)")

    differences = _mismatch(store).differences
    assert len(differences) == 4
    for expected in (
        "'user_id' is",
        "lacks the column 'ip'",
        "lacks the column 'device'",
        "'level' is NOT NULL",
    ):
        assert any(expected in difference for difference in differences)


def test_a_table_that_does_not_match_is_not_touched(make_store, url):
    """Neither are the columns added that could be."""
    old = make_store(schemas="user_id String(9)")
    old.set("a", {"user_id": "x", "cart": [1]})
    before = stored_rows(old)
    columns = [column["name"] for column in inspect(old._database.engine).get_columns(old.table.name)]
    store = make_store(schemas="user_id Integer; device String(50)")

    for operation in (lambda: store.get("a"), lambda: store.set("a", {}), store.clear):
        with pytest.raises(SchemaMismatch):
            operation()

    assert stored_rows(old) == before
    assert [column["name"] for column in inspect(old._database.engine).get_columns(old.table.name)] == columns


def test_missing_nullable_columns_are_added_with_their_index(make_store, url, table_name):
    make_store(schemas="user_id Integer").set("old", {"user_id": 1, "device": "phone"})
    store = make_store(schemas="user_id Integer; device String(50) index; ip String(45)", timestamps=True)

    store.wait_for_sync()

    inspector = inspect(store._database.engine)
    assert {"device", "ip", "created_at", "updated_at"} <= {
        column["name"] for column in inspector.get_columns(table_name)
    }
    assert ["device"] in [index["column_names"] for index in inspector.get_indexes(table_name)]
    assert store.get("old") == {"user_id": 1, "device": "phone"}
    store.set("new", {"ip": "::1"})
    assert store.get("new") == {"ip": "::1"}


def test_an_added_column_with_a_foreign_key_has_it(make_store, url, table_name):
    make_store(schemas="device String(50)").set("old", {"device": "phone"})
    metadata = MetaData()
    users = Table(f"{table_name}_users", metadata, Column("id", Integer, primary_key=True))
    _run(url, f"CREATE TABLE {users.name} (id INTEGER NOT NULL PRIMARY KEY)")
    declared = [Column("device", String(50)), Column("user_id", Integer, ForeignKey(users.c.id), index=True)]

    make_store(schemas=declared, metadata=metadata).wait_for_sync()

    engine = create_engine(url)
    keys = inspect(engine).get_foreign_keys(table_name)
    engine.dispose()
    _run(url, f"DROP TABLE {table_name}")  # first, because it refers to the other one
    assert [(key["constrained_columns"], key["referred_table"]) for key in keys] == [
        (["user_id"], users.name)
    ]


def test_without_sync_a_missing_table_is_reported_with_its_ddl(make_store, url, table_name):
    store = make_store(schemas="user_id Integer index", timestamps=True, sync=False)

    error = _mismatch(store)
    assert error.differences == (f"there is no table {table_name!r}",)
    assert error.ddl[0].startswith("CREATE TABLE")
    assert not inspect(store._database.engine).has_table(table_name)
    _mend(store, url, {"user_id": 1, "cart": [1]})


def test_without_sync_a_missing_nullable_column_is_reported_with_its_ddl(make_store, url):
    make_store(schemas="user_id Integer").set("old", {"user_id": 1})
    store = make_store(schemas="user_id Integer; device String(50) index", sync=False)

    assert _mismatch(store).differences == ("it lacks the column 'device'",)
    _mend(store, url, {"device": "phone"})


@pytest.mark.parametrize(
    ("there", "declared", "value"),
    [
        ("BigInteger", "Integer", 5),
        ("Integer", "SmallInteger", 5),
        ("String(100)", "String(50)", "x"),
        ("Text", "String(50)", "x"),
        ("Numeric(14, 4)", "Numeric(12, 2)", None),
        ("Double", "Float", 0.1),
        ("LargeBinary", "LargeBinary(9)", b"x"),
    ],
)
def test_a_wider_column_is_fine(make_store, there, declared, value):
    make_store(schemas=f"field {there}").set("old", {"cart": [1]})
    store = make_store(schemas=f"field {declared}")

    store.wait_for_sync()
    store.set("a", {"field": value})

    assert store.get("a") == {"field": value}


@pytest.mark.parametrize("kind", [*NEW, "JSON", "Enum", "Uuid as text", "DateTime with time zone", "Float"])
def test_a_table_of_our_own_making_matches_always(make_store, kind, caplog):
    """Also seen by a store that did not make it."""
    others: dict[str, Any] = {
        "JSON": JSON(),
        "Enum": Enum("a", "b", native_enum=False),
        "Uuid as text": Uuid(as_uuid=False),
        "DateTime with time zone": DateTime(timezone=True),
        "Float": Float(),
    }
    columns = [Column("field", NEW[kind][0] if kind in NEW else others[kind], unique=kind == "Integer")]
    for _ in range(2):
        make_store(schemas=columns, timestamps=True, hash_sid=False).wait_for_sync()

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_missing_index_is_a_warning_with_its_ddl(make_store, url, table_name, caplog):
    store = make_store(schemas="user_id Integer index")
    store.wait_for_sync()
    [index] = [index for index in store.table.indexes if "user_id" in index.columns]
    with store._database.engine.connect() as connection:
        connection.execute(DropIndex(index))

    with caplog.at_level(logging.WARNING, "schema_session_backend"):
        make_store(schemas="user_id Integer index").wait_for_sync()

    [record] = caplog.records
    assert f"table {table_name!r} has no index on ['user_id']" in record.getMessage()
    _run(url, record.getMessage().partition("add it with: ")[2])
    caplog.clear()
    make_store(schemas="user_id Integer index").wait_for_sync()
    assert caplog.records == []
