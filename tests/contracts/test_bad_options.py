"""Options, columns and URLs that cannot work are typed errors that say what to do."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped
from values import stored_rows

from schema_session_backend import (
    ConfigurationError,
    MissingDependency,
    SessionMixin,
    SessionStore,
    SessionStoreError,
)

# What a caller without a type checker can pass.
Unchecked: Any = SessionStore


# -- options


@pytest.mark.parametrize(
    ("option", "near"),
    [("tablename", "table_name"), ("maxage", "max_age"), ("serialiser", "serializer")],
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one(option, near):
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", **{option: "x"})

    assert str(caught.value) == f"SessionStore has no option {option!r}: did you mean {near!r}?"


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ("timeout ttl lifetime session_lifetime permanent_session_lifetime expire expires timout", "max_age"),
        ("tableName sqlalchemy_table name", "table_name"),
        ("columns fields Schemas", "schemas"),
        ("sidName sid_field_name", "sid_name"),
        ("expireAtName", "expire_at_name"),
        ("syncTimeout", "sync_timeout"),
        ("createtable create_all", "sync"),
        ("cleanup_n_requests clear_interval gcInterval", "gc_interval"),
        ("save_accessed_time reissue_time", "touch_interval"),
        ("data_serializer serialization_format", "serializer"),
    ],
)
def test_an_option_as_another_library_calls_it_is_refused_with_ours(options, meant):
    for option in options.split():
        with pytest.raises(ConfigurationError, match=f"no option '{option}': did you mean '{meant}'\\?"):
            Unchecked("sqlite://", **{option: "x"})


@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ("url", "the URL or the Engine is the first argument, without a name"),
        ("engine", "the URL or the Engine is the first argument, without a name"),
        ("bind", "the URL or the Engine is the first argument, without a name"),
        ("knex", "the URL or the Engine is the first argument, without a name"),
        ("pool_size", "it belongs to the Engine, so pass create_engine(url, pool_size=…) instead of the URL"),
        ("echo", "it belongs to the Engine, so pass create_engine(url, echo=…) instead of the URL"),
        ("schema", "schemas declares the columns; a table in another schema is table_name='schema.name'"),
        ("key_prefix", "store.prefixed(…) gives the store of the ids that begin with a prefix"),
        ("secret", "leave it out, because a session id is random and there is nothing to sign"),
    ],
)
def test_what_is_no_option_here_is_refused_with_how_it_is_done(option, advice):
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", **{option: "x"})

    assert str(caught.value) == f"SessionStore has no option {option!r}: {advice}"


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


@pytest.mark.parametrize("option", ["max_age", "absolute_max_age"])
def test_sessions_that_never_expire_are_asked_for_by_infinity_and_not_by_none(option):
    with pytest.raises(ConfigurationError, match=f"^{option} takes .* or math.inf, which means never"):
        Unchecked("sqlite://", timestamps=True, **{option: None})

    Unchecked("sqlite://", timestamps=True, **{option: math.inf}).close()


def test_gc_and_touching_have_a_meaning_for_none():
    SessionStore("sqlite://", gc_interval=None, touch_interval=None).close()


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


@pytest.mark.parametrize("key", ["b", "b.c", "A"])
def test_a_column_with_a_key_beside_its_name_is_refused(key):
    """SQLAlchemy names it by its key in statements, a session by its name."""
    for options in (
        {"schemas": [Column("a", Integer, key=key)]},
        {"table": _own(Column("a", Integer, key=key))},
    ):
        with pytest.raises(ConfigurationError) as caught:
            SessionStore("sqlite://", **options)
        assert str(caught.value) == (
            f"column 'a' has the key {key!r}: leave out key=, because sessions have the column's name as key"
        )


@pytest.mark.parametrize(("name", "key"), [("sid", "id"), ("id", "sid"), ("expires", "expire_at")])
def test_a_base_column_with_a_key_beside_its_name_is_refused(name, key):
    base = [
        Column(name, column.type, primary_key=column.primary_key, key=key)
        if column.name in {name, key}
        else column._copy()
        for column in _own().c
    ]
    with pytest.raises(ConfigurationError, match=f"column '{name}' has the key '{key}': leave out key="):
        SessionStore("sqlite://", table=Table("own", MetaData(), *base))


def test_a_column_that_the_database_computes_may_have_any_key():
    table = _own(Column("twice", Integer, Computed("1"), key="double"))

    assert SessionStore("sqlite://", table=table).fields == ()


@pytest.mark.parametrize(
    "schemas",
    [[1], ["user_id Integer"], [Integer], [("user_id", Integer)], None, 5, Column("user_id", Integer)],
    ids=repr,
)
def test_schemas_that_are_no_columns_are_refused(schemas):
    with pytest.raises(ConfigurationError, match="schemas takes"):
        SessionStore("sqlite://", schemas=schemas)


def test_a_list_of_texts_is_refused_with_how_to_write_one_text():
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", schemas=["user_id Integer", "device String(50)"])

    assert str(caught.value) == "schemas takes one text with ';' between the columns, not a list of texts"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("usrs.id", "the MetaData has no table 'usrs' yet; did you mean 'users'?"),
        ("users.uid", "the table 'users' has no column 'uid'"),
    ],
)
def test_a_text_schema_that_references_what_is_not_there_is_refused(target, problem):
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True))
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=f"owner Integer references {target}", metadata=metadata)

    assert str(caught.value) == f"column 'owner' cannot reference {target}: {problem}"
    assert list(metadata.tables) == ["users"]


def test_a_text_schema_that_references_a_table_needs_its_metadata():
    with pytest.raises(ConfigurationError, match="no table 'users' yet; pass yours as metadata="):
        SessionStore("sqlite://", schemas="owner Integer references users.id")


def test_a_misspelt_text_schema_is_refused_with_its_position():
    """All of its forms are in test_text_form.py."""
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
    with pytest.raises(
        ConfigurationError,
        match=r"table= takes a Table or a mapped class, not .*; the name of a table is table_name=",
    ):
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


@pytest.mark.parametrize(
    ("url", "starts"),
    [
        ("postgresql+pg8000://app@db/app", "postgresql+psycopg://"),
        ("mysql://app@db/app", "mariadb+pymysql:// or mysql+pymysql://"),
    ],
)
def test_a_url_without_its_driver_says_how_one_starts_that_the_extra_has_a_driver_for(url, starts):
    with pytest.raises(MissingDependency, match=f"not installed: start the URL with {re.escape(starts)} for"):
        SessionStore(url)


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("postgres://app@db/app", "postgresql+psycopg"),
        ("postgres+psycopg://app@db/app", "postgresql+psycopg"),
        ("PostgreSQL://app@db/app", "postgresql+psycopg"),
        ("psql://app@db/app", "postgresql+psycopg"),
        ("mysql2://app@db/app", "mariadb+pymysql"),
        ("sqlite3:///sessions.db", "sqlite"),
    ],
)
def test_a_url_as_other_tools_write_it_says_how_it_starts_here(url, start):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore(url)

    wrong = url.partition(":")[0]
    assert str(caught.value) == f"no database's URL starts with {wrong}://: write {start}:// instead"


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
    with pytest.raises(ConfigurationError, match="asynchronous; choose a synchronous driver"):
        SessionStore("postgresql+psycopg_async://app@db/app")


def test_constructing_a_store_touches_no_database():
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:1/none", schemas="user_id Integer")

    assert store.fields == ("user_id",)
    store.close()
