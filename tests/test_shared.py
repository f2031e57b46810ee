"""Options as texts, in ini files and environments, and the stores that settings share."""

from __future__ import annotations

import re
import textwrap
from fractions import Fraction

import pytest
from pyramid_schema_session import SchemaSessionFactory
from sqlalchemy import Column, Integer, MetaData, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped

from schema_session_backend import ConfigurationError, SessionMixin, SessionStore, _shared
from schema_session_backend._options import Switch, declared
from schema_session_backend._session.serializer import JsonSerializer
from schema_session_backend._shared import read_options, refuse_unknown, settings_of, shared_store

TYPES = {Fraction: (str, Fraction)}
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
    assert "created_at" in shared(timestamps=text).repo().c


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0"])
def test_a_switch_is_off(text):
    assert "created_at" not in shared(timestamps=text).repo().c


def test_spans_and_numbers_are_read_from_texts():
    store = shared(max_age="90.5", max_size="100", sync_timeout=" 2 ", gc_interval="none")

    assert store.max_age == 90.5
    store.set("a", {"x": "y" * 80})
    with pytest.raises(ValueError, match="max_size allows 100"):
        store.set("a", {"x": "y" * 100})


@pytest.mark.parametrize("text", ["inf", "Inf", " inf "])
def test_inf_is_never(text):
    assert shared(max_age=text).max_age == float("inf")


def test_none_is_read_where_none_has_a_meaning():
    options = declared(SessionStore)

    assert options["gc_interval"].read("None", setting="gc_interval") is None
    assert options["table"].read("none", setting="table") is None
    assert options["table_name"].read("none", setting="table_name") == "none"


def test_texts_stay_texts():
    store = shared(table_name="none", sid_name="key", schemas="user_id Integer")

    assert store.repo().name == "none"
    assert [column.name for column in store.repo().c][:2] == ["key", "user_id"]


def test_objects_are_named_by_dotted_names():
    assert shared(table=f"{__name__}:Own").repo() is Own.__table__
    assert shared(metadata=f"{__name__}.METADATA").repo().metadata is METADATA
    assert shared(serializer="json").fields == ()
    store = shared(types=f"{__name__}:TYPES", strict_types="true")
    store.set("a", {"share": Fraction(1, 3)})
    assert store.get("a") == {"share": Fraction(1, 3)}


@pytest.mark.parametrize("name", ["nowhere", f"{__name__}:METADATA"])
def test_converters_that_cannot_be_used_are_refused(name):
    with pytest.raises(ConfigurationError, match="types"):
        shared(types=name)


def test_values_of_the_options_type_are_taken_as_they_are():
    engine = create_engine("sqlite://")
    store = shared(url=engine, schemas=COLUMNS, timestamps=True, max_age=60, serializer=SERIALIZER)

    assert (store.fields, store.max_age) == (("user_id",), 60)
    assert store.engine is engine
    engine.dispose()


# -- what a signature declares


@pytest.mark.parametrize("made_by", [SessionStore, SchemaSessionFactory])
def test_every_option_has_a_text_form_or_takes_an_object_by_its_dotted_name(made_by):
    for option in declared(made_by).values():
        assert option.text_form, option.name
        assert option.form.read is not None or "dotted name" in option.text_form, option.name


@pytest.mark.parametrize("made_by", [SessionStore, SchemaSessionFactory])
def test_every_default_can_be_written_as_text(made_by):
    texts = {name: option.default_text for name, option in declared(made_by).items()}
    read = read_options(texts, declared(made_by), prefix="")

    store = SessionStore("sqlite://")
    # A text declares no columns, where the signature has an empty tuple.
    assert {**read, "schemas": ()} == {"schemas": ()} | {
        name: option.default for name, option in declared(made_by).items()
    }
    made_by("sqlite://" if made_by is SessionStore else store, **read)


@pytest.mark.parametrize("made_by", [SessionStore, SchemaSessionFactory])
def test_every_option_is_in_the_docstring(made_by):
    told = set(re.findall(r"^ {8}(\w+): ", made_by.__doc__, re.MULTILINE))

    assert declared(made_by).keys() <= told


def test_a_subclass_declares_its_own_options_or_inherits_them():
    class Same(SessionStore):
        pass

    class Own(SessionStore):
        def __init__(self, *, loud: Switch = False) -> None:
            pass

    assert declared(Same) is declared(SessionStore)
    assert list(declared(Own)) == ["loud"]


def test_a_declared_option_whose_type_has_no_text_form_is_an_error_of_the_class():
    class Unreadable:
        def __init__(self, *, user_field: str | None = None) -> None:
            pass

    with pytest.raises(TypeError, match="the option user_field needs a type that carries a TextForm"):
        declared(Unreadable)


# -- where settings are found


def test_settings_of_an_ini_file_begin_with_a_prefix():
    section = {"session.max_age": "60", "session.table_name": "Mine", "use": "egg:site", "max_age": "1"}

    assert settings_of(section, prefix="session.") == {"max_age": "60", "table_name": "Mine"}


def test_settings_of_an_environment_are_in_capitals():
    environ = {
        "SCHEMA_SESSION_MAX_AGE": "60",
        "SCHEMA_SESSION_TABLE_NAME": "Mine",
        "SCHEMA_SESSIONS": "no",
        "PATH": "/bin",
    }

    assert settings_of(environ, prefix="SCHEMA_SESSION_") == {"max_age": "60", "table_name": "Mine"}


def test_a_store_can_be_made_from_an_environment_alone():
    environ = {
        "SCHEMA_SESSION_URL": "sqlite://",
        "SCHEMA_SESSION_SCHEMAS": "user_id Integer index",
        "SCHEMA_SESSION_MAX_AGE": "3600",
        "SCHEMA_SESSION_TIMESTAMPS": "true",
    }
    store = shared_store(settings_of(environ, prefix="SCHEMA_SESSION_"), prefix="SCHEMA_SESSION_")

    assert (store.fields, store.max_age) == (("user_id",), 3600)
    assert "created_at" in store.repo().c


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "SESSION_URL is missing: set it to the database's URL, or SESSION_STORE to a SessionStore"),
        ({"url": "sqlite://", "max_age": "x"}, "SESSION_MAX_AGE: 'x' is not a number of seconds"),
        ({"url": "sqlite://", "tablename": "x"}, "there is no setting SESSION_TABLENAME: did you mean"),
        ({"store": STORE, "sync": "no"}, "SESSION_STORE brings its own options: leave out SESSION_SYNC"),
        ({"store": "nowhere:store"}, "SESSION_STORE: 'nowhere:store' cannot be imported"),
    ],
)
def test_errors_name_the_environments_variable(settings, problem):
    with pytest.raises(ConfigurationError) as caught:
        shared_store(settings, prefix="SESSION_")

    assert str(caught.value).startswith(problem)


# -- sharing


def test_the_same_settings_give_the_same_store_and_other_settings_another_store():
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
        (
            {"url": "sqlite://", "max_age": "none"},
            "session.max_age: 'none' is not a number of seconds; inf means never",
        ),
        (
            {"url": "sqlite://", "gc_interval": "often"},
            "session.gc_interval: 'often' is not a number of seconds or none; inf means never",
        ),
        ({"url": "sqlite://", "table": "nowhere:Own"}, "session.table: 'nowhere:Own' cannot be imported"),
        ({"store": f"{__name__}:NOTHING"}, f"session.store: '{__name__}:NOTHING' cannot be imported"),
        ({"store": ""}, "session.store: '' cannot be imported"),
        ({"store": f"{__name__}:SOMETHING_ELSE"}, "session.store is not a SessionStore but str"),
        ({"store": STORE, "url": "sqlite://"}, "session.store brings its own options: leave out session.url"),
        ({"url": "no url"}, "the database's URL cannot be understood"),
    ],
)
def test_the_error_of_a_setting_that_cannot_work_names_the_setting(settings, problem):
    with pytest.raises(ConfigurationError) as caught:
        shared_store(settings, prefix="session.")

    assert str(caught.value).startswith(problem)


def test_a_misspelt_setting_is_refused_with_the_most_similar_setting():
    refuse_unknown({"url", "schemas", "timeout"}, {"timeout"}, prefix="session.")
    with pytest.raises(
        ConfigurationError, match=r"no setting session\.tabel_name: did you mean 'table_name'"
    ):
        refuse_unknown({"tabel_name"}, {"timeout"}, prefix="session.")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("lifetime", "did you mean 'max_age'?"),
        ("tablename", "did you mean 'table_name'?"),
        ("engine", "did you mean 'url'?"),
        ("database", "did you mean 'url'?"),
        ("pool_size", "it belongs to the Engine, so pass create_engine(url, pool_size=…) instead of the URL"),
        ("cookie_secur", "did you mean 'cookie_secure'?"),
        ("xyzzy", "docs/reference.md lists the settings"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_setting_that_was_meant_or_the_page(name, problem):
    with pytest.raises(ConfigurationError) as caught:
        refuse_unknown([name], prefix="session.", options={"cookie_secure"})

    assert str(caught.value) == f"there is no setting session.{name}: {problem}"


@pytest.mark.parametrize("name", ["clas", "digest_filename", "cache_region"])
def test_a_name_that_a_host_uses_inside_is_never_suggested(name):
    inside = {"class", "digest_filenames", "cache_regions"}
    refuse_unknown(inside, inside, prefix="session.")
    with pytest.raises(ConfigurationError) as caught:
        refuse_unknown([name], inside, prefix="session.")

    assert not any(repr(one) in str(caught.value) for one in inside)


def test_a_password_is_in_no_error():
    store = shared(url="postgresql+psycopg://app:hunter2@127.0.0.1:1/app", sync_timeout="0.1")
    with pytest.raises(Exception, match="cannot connect") as caught:
        store.get("a")

    assert "hunter2" not in f"{caught.value!r} {store!r}"


def test_a_schema_may_have_several_lines():
    schemas = textwrap.dedent("""
        user_id Integer index;
        device String(50)
        """)

    assert shared(schemas=schemas).fields == ("user_id", "device")
