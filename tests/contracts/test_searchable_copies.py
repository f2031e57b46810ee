"""Searchable copies: a column with `from path` copies what the application keeps elsewhere in the session."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Column, Date, DateTime, Integer, Numeric, String, Uuid
from values import stored_columns, stored_rows

from schema_session_backend import ConfigurationError, InvalidField, Outcome, WrongArgument

pytestmark = pytest.mark.partitioned_too

USER = "user_id Integer index from _user_id"


class Theme(StrEnum):
    DARK = "dark"


# -- where applications keep things

APPLICATIONS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "Flask-Login": ("user_id Integer index from _user_id", {"_user_id": "42", "_fresh": True}, 42),
    "Pyramid's SessionAuthenticationHelper": (
        'user_id Integer index from "auth.userid"', {"auth.userid": 42}, 42,
    ),
    "Kallithea": (
        "user_id Integer index from authuser.user_id",
        {"authuser": {"user_id": 42, "is_authenticated": True}}, 42,
    ),
    "Canaille": ("user_id String(50) index from sessions.0.user", {"sessions": [{"user": "ann"}]}, "ann"),
    "a key with a dot, and more below it": (
        'user_id Integer from "auth.info".user.0', {"auth.info": {"user": (42, "x")}}, 42,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("schemas", "data", "user"), APPLICATIONS.values(), ids=APPLICATIONS)
def test_sessions_are_found_where_the_application_keeps_the_user(make_store, schemas, data, user):
    store = make_store(schemas=schemas)
    store.set("a", data)
    store.set("b", {"cart": [1]})

    assert store.get("a") == data
    assert [record.data for record in store.find(user_id=user)] == [data]
    assert store.count(user_id=user) == 1
    assert store.user_of(data) == {"user_id": user}
    assert store.revoke_where(store.user_of(data)) == 1
    assert store.get("b") == {"cart": [1]}


def test_a_column_names_its_path_in_its_info(make_store):
    store = make_store(schemas=[Column("user_id", Integer, index=True, info={"from": "authuser.user_id"})])
    store.set("a", {"authuser": {"user_id": 42}})

    assert store.count(user_id=42) == 1
    assert store.get("a") == {"authuser": {"user_id": 42}}


def test_the_key_of_the_columns_name_is_one_like_any_other(make_store):
    store = make_store(schemas=USER)
    store.set("a", {"user_id": ["not", "the", "user"], "_user_id": "7"})

    assert store.get("a") == {"user_id": ["not", "the", "user"], "_user_id": "7"}
    assert store.count(user_id=7) == 1


# -- each way to store a session writes the copy


def test_each_write_keeps_the_copy_up_to_date(make_store):
    store = make_store(schemas=USER)
    users = []

    def look() -> None:
        users.append([user for (user,) in stored_columns(store, "user_id")])

    store.set("a", {"_user_id": "1"})
    look()
    store.save(store.load("a"), {"_user_id": "2"})
    look()
    store.update("a", lambda data: data | {"_user_id": "3"})
    look()
    store.set_many({"a": {"_user_id": "4"}})
    look()
    store.destroy("a")
    store.add("a", {"_user_id": "5"})
    look()
    store.destroy("a")
    store.save(store.blank("a"), {"_user_id": "6"})
    look()
    store.save(store.load("a"), {})
    look()

    assert users == [[1], [2], [3], [4], [5], [6], [None]]


def test_a_merge_copies_what_the_merged_session_has(make_store):
    store = make_store(schemas=USER)
    store.set("a", {"_user_id": "1"})
    one, two = store.load("a"), store.load("a")
    store.save(one, {"_user_id": "2"})
    store.save(two, {"_user_id": "1", "cart": [1]})

    assert store.get("a") == {"_user_id": "2", "cart": [1]}
    assert store.count(user_id=2) == 1


def test_a_new_id_keeps_the_copy(make_store):
    store = make_store(schemas=USER)
    store.set("a", {"_user_id": "1"})
    store.save(store.load("a"), {"_user_id": "2"}, new_sid="b")
    store.rotate("b", "c")

    assert store.count(user_id=2) == 1


def test_a_session_that_is_older_than_the_declaration_is_found_after_its_next_save(make_store):
    make_store(schemas="").set("a", {"_user_id": "42"})
    store = make_store(schemas=USER)

    assert store.count(user_id=42) == 0
    assert store.save(store.load("a")).outcome is Outcome.SAVED
    assert store.count(user_id=42) == 1
    assert store.save(store.load("a")).outcome is Outcome.UNCHANGED


# -- what the path leads to


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"authuser": None},
        {"authuser": {}},
        {"authuser": {"user_id": None}},
        {"authuser": []},
        {"authuser": "user_id"},
        {"authuser": 7},
        {"authuser.user_id": 7},
    ],
    ids=str,
)
def test_a_session_without_the_path_is_a_session_without_a_user(make_store, data):
    store = make_store(schemas="user_id Integer index from authuser.user_id")
    store.set("a", data)

    assert store.get("a") == data
    assert stored_columns(store, "user_id") == [(None,)]
    assert store.user_of(data) is None
    with pytest.raises(WrongArgument, match="NULL"):
        store.revoke_where(user_id=None)
    assert store.count() == 1


FITTING: list[tuple[Any, Any, Any]] = [
    (Integer(), "42", 42),
    (Integer(), "-1", -1),
    (Integer(), 42, 42),
    (Uuid(), "12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    (Date(), "2026-11-25", dt.date(2026, 11, 25)),
    (DateTime(), "2026-11-25T10:00:00", dt.datetime(2026, 11, 25, 10)),  # noqa: DTZ001 - without a zone
    (Numeric(6, 2), "1.50", Decimal("1.50")),
    (String(10), "42", "42"),
    (String(10), Theme.DARK, "dark"),
]


@pytest.mark.parametrize(("kind", "kept", "copy"), FITTING, ids=str)
def test_text_that_is_the_usual_text_of_a_value_is_converted(make_store, kind, kept, copy):
    store = make_store(schemas=[Column("copy", kind, info={"from": "kept"})])
    store.set("a", {"kept": kept})

    assert stored_columns(store, "copy") == [(copy,)]
    assert store.count(copy=copy) == 1
    assert store.get("a") == {"kept": kept}


MISFITS: list[tuple[Any, Any]] = [
    (Integer(), "042"),
    (Integer(), " 42"),
    (Integer(), "4.2"),
    (Integer(), "ann"),
    (Integer(), "9" * 5000),
    (Integer(), "٤٢"),
    (Integer(), ["42"]),
    (Integer(), True),
    (Uuid(), "12345678123456781234567812345678"),
    (Uuid(), "12345678-1234-5678-1234-56781234567X"),
    (String(10), 42),
    (String(3), "long"),
    (Date(), "2026-11-25T00:00:00"),
]


@pytest.mark.parametrize(("kind", "kept"), MISFITS, ids=lambda value: ascii(value)[:30])
def test_what_does_not_fit_is_an_error_that_names_the_column_and_the_path(make_store, kind, kept):
    store = make_store(schemas=[Column("copy", kind, info={"from": "deep.kept"})])
    store.set("a", {"x": 1})
    before = stored_rows(store)

    for write in (
        lambda: store.set("a", {"deep": {"kept": kept}}),
        lambda: store.save(store.load("a"), {"deep": {"kept": kept}}),
        lambda: store.save(store.blank("b"), {"deep": {"kept": kept}}),
    ):
        with pytest.raises(InvalidField, match=r"it is a copy of deep\.kept") as caught:
            write()
        assert caught.value.field == "copy"
        assert str(kept)[:40] not in str(caught.value).replace(store.repo().name, "")
    assert stored_rows(store) == before
    assert store.user_of({}) is None if store.user_field else True


def test_a_request_that_only_reads_an_older_session_with_a_misfit_does_not_fail(make_store):
    make_store(schemas="").set("a", {"_user_id": "ann"})
    store = make_store(schemas=USER)
    loaded = store.load("a")

    assert store.save(loaded).outcome is Outcome.UNCHANGED
    assert store.save(loaded, loaded.data, 10**7).outcome is Outcome.TOUCHED
    assert store.user_of(loaded.data) is None
    with pytest.raises(InvalidField, match="_user_id"):
        store.save(loaded, loaded.data | {"cart": [1]})


def test_a_copy_that_must_not_be_null_needs_its_path(make_store):
    store = make_store(schemas="user_id Integer not null from _user_id")
    store.set("a", {"_user_id": "1"})

    with pytest.raises(InvalidField, match="is NOT NULL and the session has nothing at _user_id"):
        store.set("b", {})


def test_a_copy_may_be_of_another_column(make_store):
    store = make_store(
        schemas=[
            Column("profile", JSON),
            Column("city", String(20), index=True, info={"from": "profile.address.city"}),
        ]
    )
    data = {"profile": {"address": {"city": "Bonn"}}}
    store.set("a", data)

    assert store.get("a") == data
    assert store.count(city="Bonn") == 1


def test_a_store_tells_what_the_columns_of_a_session_hold(make_store):
    store = make_store(schemas=f"{USER}; device String(50)")

    assert store.fields_of({"_user_id": "42", "device": "phone"}) == {"user_id": 42, "device": "phone"}
    assert store.fields_of({"_user_id": "ann"}) == {"user_id": None, "device": None}
    with pytest.raises(WrongArgument, match="takes the data of a session, not str"):
        store.fields_of("an id")


# -- declarations that cannot work

NO_PATHS = ["", ".", "a.", ".a", "a..b", '"a', 'a"b"', '""', "a b", "a;b", 7, None, ["a"]]


@pytest.mark.parametrize("path", NO_PATHS, ids=ascii)
def test_a_path_that_is_none_is_refused_at_the_start(make_store, path):
    with pytest.raises(ConfigurationError, match=r"'user_id'.*no path"):
        make_store(schemas=[Column("user_id", Integer, info={"from": path})])


@pytest.mark.parametrize(
    "text", ["user_id Integer from", "user_id Integer from ;", 'user_id Integer from "a']
)
def test_a_path_that_is_none_is_refused_in_text(make_store, text):
    with pytest.raises(ConfigurationError, match=r"position .*'from' needs a path"):
        make_store(schemas=text)


def test_a_copy_has_no_default(make_store):
    with pytest.raises(ConfigurationError, match="a copy of _user_id has no default"):
        make_store(schemas="user_id Integer default 1 from _user_id")
