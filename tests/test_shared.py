"""Settings as they stand in an ini file, and the stores that they share."""

from __future__ import annotations

import textwrap

import pytest
from sqlalchemy import Column, Integer, MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped

from schema_session_backend import ConfigurationError, SessionMixin, SessionStore, _shared
from schema_session_backend._session.serializer import JsonSerializer
from schema_session_backend._shared import refuse_unknown, shared_store

METADATA = MetaData()
COLUMNS = [Column("user_id", Integer)]
SERIALIZER = JsonSerializer()
STORE = SessionStore("sqlite://")
SOMETHING_ELSE = "a text"


class Base(DeclarativeBase):
    pass


class Own(SessionMixin, Base):
    __tablename__ = "own"
    user_id: Mapped[int | None]


@pytest.fixture(autouse=True)
def _close_shared_stores():
    yield
    for store, _ in _shared._stores.values():
        store.close()
    _shared._stores.clear()


def shared(**settings):
    return shared_store({"url": "sqlite://"} | settings, prefix="session.")


@pytest.mark.parametrize("text", ["true", "True", "yes", "on", "1", " true "])
def test_a_switch_is_on(text):
    assert "created_at" in shared(timestamps=text).table.c


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0"])
def test_a_switch_is_off(text):
    assert "created_at" not in shared(timestamps=text).table.c


def test_spans_and_numbers_are_read_from_texts():
    store = shared(max_age="90.5", max_size="100", sync_timeout=" 2 ", gc_interval="none")

    assert store.max_age == 90.5
    store.set("a", {"x": "y" * 80})
    with pytest.raises(ValueError, match="max_size allows 100"):
        store.set("a", {"x": "y" * 100})


def test_none_turns_a_span_off():
    assert shared(max_age="None").max_age == float("inf")


def test_texts_stay_texts():
    store = shared(table_name="none", sid_name="key", schemas="user_id Integer")

    assert store.table.name == "none"
    assert [column.name for column in store.table.c][:2] == ["key", "user_id"]


def test_objects_are_named_by_dotted_names():
    assert shared(table=f"{__name__}:Own").table is Own.__table__
    assert shared(metadata=f"{__name__}.METADATA").table.metadata is METADATA
    assert shared(serializer="json").fields == ()


def test_values_of_their_own_type_are_taken_as_they_are():
    engine = create_engine("sqlite://")
    store = shared(url=engine, schemas=COLUMNS, timestamps=True, max_age=60, serializer=SERIALIZER)

    assert (store.fields, store.max_age) == (("user_id",), 60)
    assert store._database.engine is engine
    engine.dispose()


# -- sharing


def test_the_same_settings_give_the_same_store_and_others_another_one():
    engine = create_engine("sqlite://")

    assert shared(max_age="60") is shared(max_age="60")
    assert shared(schemas=COLUMNS, url=engine) is shared(schemas=COLUMNS, url=engine)
    assert shared(max_age="60") is not shared(max_age="61")
    assert shared(url=engine) is not shared()
    engine.dispose()


def test_urls_that_differ_in_the_password_only_are_different():
    one, other = (
        shared(url=f"postgresql+psycopg://app:{password}@127.0.0.1:1/app") for password in ("x", "y")
    )

    assert one is not other


@pytest.mark.parametrize("name", [f"{__name__}:STORE", f"{__name__}.STORE"])
def test_a_store_is_found_by_its_dotted_name(name):
    assert shared_store({"store": name}, prefix="session.") is STORE


# -- what is refused


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "session.url is missing: set it to the database's URL, or session.store to a SessionStore"),
        ({"url": "sqlite://", "timestamps": "maybe"}, "session.timestamps: 'maybe' is not true or false"),
        ({"url": "sqlite://", "max_age": "a day"}, "session.max_age: 'a day' is not a number of seconds"),
        ({"url": "sqlite://", "max_size": "1.5"}, "session.max_size: '1.5' is not a whole number"),
        ({"url": "sqlite://", "max_size": "none"}, "session.max_size: 'none' is not a whole number"),
        ({"url": "sqlite://", "max_age": "-1"}, "max_age takes seconds"),
        ({"url": "sqlite://", "table": "nowhere:Own"}, "session.table: 'nowhere:Own' cannot be imported"),
        ({"store": f"{__name__}:NOTHING"}, f"session.store: '{__name__}:NOTHING' cannot be imported"),
        ({"store": ""}, "session.store: '' cannot be imported"),
        ({"store": f"{__name__}:SOMETHING_ELSE"}, "session.store is not a SessionStore but str"),
        ({"store": STORE, "url": "sqlite://"}, "session.store brings its own options: leave out session.url"),
        ({"url": "no url"}, "the database's URL cannot be understood"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings, problem):
    with pytest.raises(ConfigurationError) as caught:
        shared_store(settings, prefix="session.")

    assert str(caught.value).startswith(problem)


def test_a_misspelt_setting_is_refused_with_the_near_one():
    refuse_unknown({"url", "schemas", "timeout"}, {"timeout"}, prefix="session.")
    with pytest.raises(
        ConfigurationError, match=r"no setting session\.tabel_name: did you mean 'table_name'"
    ):
        refuse_unknown({"tabel_name"}, {"timeout"}, prefix="session.")


def test_a_password_is_in_no_error():
    store = shared(url="postgresql+psycopg://app:hunter2@127.0.0.1:1/app", sync_timeout="0.1")
    with pytest.raises(Exception, match="cannot connect") as caught:
        store.get("a")

    assert "hunter2" not in f"{caught.value!r} {store!r}"


def test_texts_of_several_lines_are_one_schema():
    schemas = textwrap.dedent("""
        user_id Integer index;
        device String(50)
        """)

    assert shared(schemas=schemas).fields == ("user_id", "device")
