"""docs/howto/sharing.md: rows that the original on Node wrote, and what it reads of ours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mismatches import mismatch, run
from sqlalchemy import select
from values import database_of

from schema_session_backend import NULL, InvalidField, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_session_backend import SessionStore

ORIGINAL = Path(__file__).parent / "original"
COOKIE = {"originalMaxAge": None, "expires": None, "httpOnly": True, "path": "/"}
# The sessions as write.js gave them to the original, and as they are here.
SESSIONS: dict[str, dict[str, Any]] = {
    "plain": {"cookie": COOKIE, "user_id": 42, "device": "mobile", "cart": [1, 2.5, "tea", None, True]},
    "aBc": {"cookie": COOKIE, "user_id": 1},
    "absent": {"cookie": COOKIE},
    "null": {"theme": None},
    "names": {"revision": 7, "created_at": "2020-01-01", "additional": "x"},
    "dollar": {"filter": {"price": {"$gt": 5}}, "all": {"$in": [1, {"$lt": 2}]}},
    "root": {"$gt": 5},
    "tags": {"update": {"$set": {"a": 1}}, "day": {"$date": "2020-01-01T00:00:00Z"}},
    "text": {"name": "Zoë 😀 \u2028", "nul": 3},
}


def statements(url: str, table_name: str) -> list[str]:
    dump = (ORIGINAL / f"{database_of(url)}.sql").read_text(encoding="utf-8").partition("\n")[2]
    named = re.sub(r"\bsessions(\w*)", rf"{table_name}\1", dump)
    return [one for one in re.split(r";$", named, flags=re.MULTILINE) if one.strip()]


@pytest.fixture
def make_shared(make_store, url, table_name) -> Callable[..., SessionStore]:
    """Makes stores on the original's table, once its operator has run what the first one said."""
    run(url, *statements(url, table_name))
    options = {"schemas": "user_id Integer; device String(50)", "hash_sid": False}
    run(url, *mismatch(make_store(**options)).ddl)
    return lambda **more: make_store(**options | more)


@pytest.fixture
def shared(make_shared) -> SessionStore:
    return make_shared()


def row(store: SessionStore, sid: str) -> dict[str, Any]:
    """What the other software finds."""
    with store.engine.connect() as connection:
        found = connection.execute(select(store.repo()).where(store.repo().c.sid == sid)).mappings().one()
    return {**found, "additional": json.loads(found["additional"] or "{}")}


def insert(url: str, store: SessionStore, values: str, columns: str = "sid, additional, expire_at") -> None:
    """What the other software writes, which knows nothing of `revision`."""
    run(url, f"INSERT INTO {store.repo().name} ({columns}) VALUES ({values})")


def test_the_first_start_says_what_the_table_lacks(make_store, url, table_name):
    run(url, *statements(url, table_name))
    store = make_store(schemas="user_id Integer; device String(50)", hash_sid=False)

    more = {
        "mariadb": {
            "column 'sid' takes ids that differ in case or in blanks at the end for the same one",
            "column 'additional' is TEXT, not LONGTEXT",
        }
    }
    error = mismatch(store)
    assert set(error.differences) == {
        "it lacks the column 'revision'",
        *more.get(database_of(url), set()),
    }
    assert error.ddl


@pytest.mark.parametrize("sid", SESSIONS)
def test_a_session_of_the_original_is_read_as_it_was_given_to_it(shared, sid):
    assert shared.get(sid) == SESSIONS[sid]


@pytest.mark.parametrize("sid", SESSIONS)
def test_a_save_changes_nothing_that_the_request_did_not_change(shared, sid):
    before = row(shared, sid)
    session = shared.load(sid)

    assert shared.save(session, {**session.data, "seen": True}).outcome is Outcome.SAVED

    after = row(shared, sid)
    assert after["additional"] == {**before["additional"], "seen": True}
    for column in ("user_id", "device"):
        assert after[column] == before[column]
    assert shared.get(sid) == {**SESSIONS[sid], "seen": True}


def test_sessions_of_both_are_found_listed_and_ended(shared):
    shared.set("ours", {"user_id": 42})

    assert {record.handle for record in shared.find(user_id=42)} == {"plain", "ours"}
    assert {record.handle for record in shared.find(limit=100)} == {*SESSIONS, "ours"}
    assert shared.count(user_id=NULL) == len(SESSIONS) - 2
    assert shared.revoke_where(user_id=42, keep="ours") == 1
    assert shared.get("plain") is None


def test_null_in_a_column_is_an_absent_key(shared):
    """The original has None there, whether the key was set to None or never."""
    assert "user_id" not in shared.get("absent")
    assert "user_id" not in shared.get("null")


def test_an_expiry_of_null_is_never(shared, url):
    """The original takes such a session for expired, and does not remove it."""
    insert(url, shared, "'forever', '{\"a\":1}', NULL")

    assert shared.get("forever") == {"a": 1}
    assert shared.gc() == 0
    assert shared.touch("forever") is True
    assert row(shared, "forever")["expire_at"] is not None


def test_an_additional_of_null_is_an_empty_session(make_shared, url):
    shared = make_shared()
    insert(url, shared, "'empty', NULL, 2741715605590, 7", "sid, additional, expire_at, user_id")
    session = shared.load("empty")

    assert session.data == {"user_id": 7}
    assert shared.save(session, {"user_id": 7, "cart": [1]}).outcome is Outcome.SAVED
    assert row(shared, "empty")["additional"] == {"cart": [1]}


def test_a_key_named_like_a_base_column_can_be_kept_and_removed_and_not_added(shared):
    session = shared.load("names")

    with pytest.raises(InvalidField, match=r"'expire_at' .* is a base column"):
        shared.save(session, {**session.data, "expire_at": 1})
    with pytest.raises(InvalidField, match=r"'sid' .* is a base column"):
        shared.set("new", {"sid": 1})
    saved = shared.save(session, {**session.data, "revision": 8})
    del saved.session.data["additional"]
    assert shared.save(saved.session).outcome is Outcome.SAVED
    assert shared.update("names", lambda data: {**data, "cart": [1]}) is not None
    assert shared.get("names") == {"revision": 8, "created_at": "2020-01-01", "cart": [1]}


def test_a_new_row_of_other_software_needs_no_revision(shared, url):
    insert(url, shared, "'theirs', '{}', 2741715605590")

    session = shared.load("theirs")
    assert shared.save(session, {"cart": [1]}).outcome is Outcome.SAVED
    assert shared.get("theirs") == {"cart": [1]}


def test_a_write_of_other_software_during_a_request_is_not_seen(shared, url):
    """It does not count in `revision`, so the later one wins, as between two requests of the original."""
    session = shared.load("aBc")
    run(url, f"""UPDATE {shared.repo().name} SET additional = '{{"theirs":1}}' WHERE sid = 'aBc'""")

    assert shared.save(session, {"ours": 1}).outcome is Outcome.SAVED
    assert shared.get("aBc") == {"ours": 1}


@pytest.mark.parametrize(
    "value",
    [
        {"$gt": 5}, {"$set": {"a": 1}}, {"$set": ["b", "a"]}, {"$set": ["a"]}, {"$dict": 1}, {"$dict": []},
        {"$dict": [["$gt", 5]]}, {"$tuple": "a"}, {"$int": "5"}, {"$": {"$": {"$gt": ({"$lt": 1},)}}},
        {"$date": "2020-01-01"}, {"$dict": [["a", 1], ["a", 2]]}, {"$dict": [[[], 1]]}, {"$set": [{}]},
        {1: {"$gt": 5}}, ({"$gt": {5}},), {"a"}, {"$gt": 5, "$lt": 7},
    ],
    ids=str,
)  # fmt: skip
def test_values_of_python_come_back_equal_all_the_same(shared, value):
    shared.set("a", {"value": value})
    assert shared.get("a") == {"value": value}

    if type(value) is dict and all(type(key) is str for key in value):
        shared.set("a", value)
        assert shared.get("a") == value


def test_values_that_json_lacks_are_objects_with_a_tag_for_other_software(shared):
    shared.set("a", {"seen": {1}, "price": {"$gt": 5}})

    assert row(shared, "a")["additional"] == {"seen": {"$set": [1]}, "price": {"$gt": 5}}


def test_an_object_that_is_exactly_a_tag_is_read_as_its_value(shared, url):
    insert(url, shared, """'day', '{"since":{"$set":[1,2]},"until":{"$set":[2,1]}}', 2741715605590""")

    assert shared.get("day") == {"since": {1, 2}, "until": {"$set": [2, 1]}}


@pytest.mark.parametrize(
    "value", [{"$decimal": "x"}, {"$date": "2020-01-01T00:00:00Z"}, {"$datetime": "2024-01-01[Mars/Olympus]"}]
)
def test_an_object_that_looks_like_a_tag_and_is_none_is_kept(shared, url, value):
    insert(url, shared, f"""'a', '{json.dumps({"value": value})}', 2741715605590""")

    assert shared.get("a") == {"value": value}


def test_in_a_table_of_its_own_an_unknown_tag_is_corrupt(make_store, url, caplog):
    """There only a newer version can have written it, which must not lose it."""
    store = make_store(schemas="")
    store.set("a", {"cart": [1]})
    run(url, f"""UPDATE {store.repo().name} SET additional = '{{"a":{{"$new":1}}}}'""")

    assert store.get("a") is None
    assert "a tag of a type that neither this version nor types= knows" in caplog.text


@pytest.mark.parametrize("additional", ["[]", "1", "{", "null", '{"a":{"$gt":', "[" * 5000], ids=lambda _: "")
def test_a_text_that_is_no_object_costs_only_its_own_session(shared, url, additional, caplog):
    insert(url, shared, f"'broken', '{additional}', 2741715605590")

    assert shared.get("broken") is None
    assert "is corrupt and counts as absent" in caplog.text
    assert shared.revoke("broken") is True
    assert {record.handle for record in shared.find(limit=100)} == set(SESSIONS)
