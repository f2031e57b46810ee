"""Options that cannot work are typed errors that say what to do."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from values import stored_rows

from schema_session_backend import ConfigurationError, SessionStore

# What a caller without a type checker can pass.
Unchecked: Any = SessionStore


@pytest.mark.parametrize(
    ("option", "near"),
    [("tablename", "table_name"), ("maxage", "max_age"), ("serialiser", "serializer")],
)
def test_an_unknown_option_is_refused_with_the_most_similar_option(option, near):
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
        ("encrypt_key encryptionKeys fernet_key", "encryption_keys"),
    ],
)
def test_the_name_of_an_option_in_another_library_is_refused_with_its_name_here(options, meant):
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
def test_an_option_that_does_not_exist_here_is_refused_with_the_way_to_do_it(option, advice):
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", **{option: "x"})

    assert str(caught.value) == f"SessionStore has no option {option!r}: {advice}"


def test_an_unknown_option_that_resembles_none_is_refused_with_all_options():
    with pytest.raises(
        ConfigurationError, match="no option 'xyzzy': known: absolute_max_age, additional_name"
    ):
        Unchecked("sqlite://", xyzzy=1)


SPANS = ["sync_timeout", "max_age", "anonymous_max_age", "absolute_max_age", "touch_interval", "gc_interval"]


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
def test_only_touch_interval_takes_0_seconds(option):
    if option == "touch_interval":
        SessionStore("sqlite://", touch_interval=0).close()
        return
    with pytest.raises(ConfigurationError, match=f"^{option} takes seconds"):
        Unchecked("sqlite://", timestamps=True, **{option: 0})


@pytest.mark.parametrize("option", ["max_age", "absolute_max_age"])
def test_only_infinity_and_not_none_means_that_sessions_never_expire(option):
    with pytest.raises(ConfigurationError, match=f"^{option} takes .* or math.inf, which means never"):
        Unchecked("sqlite://", timestamps=True, **{option: None})

    Unchecked("sqlite://", timestamps=True, **{option: math.inf}).close()


def test_gc_interval_and_touch_interval_take_none():
    SessionStore("sqlite://", gc_interval=None, touch_interval=None).close()


@pytest.mark.parametrize("value", [0, -1, math.nan, True, "60"], ids=repr)
def test_a_wrong_max_age_of_a_call_changes_no_session(store, value):
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


@pytest.mark.parametrize(
    "option", ["table_name", "sid_name", "expire_at_name", "additional_name", "revision_name"]
)
@pytest.mark.parametrize("name", ["a b", "1a", "", "a;--", "a.b.c", ".a", "a.", None, 5, "a" * 64], ids=repr)
def test_an_option_that_names_something_takes_an_identifier(option, name):
    with pytest.raises(ConfigurationError, match=f"^{option}: .* is no identifier"):
        Unchecked("sqlite://", **{option: name})
