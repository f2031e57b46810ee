"""P7: a stolen table logs nobody in. Ids compare byte for byte; impossible ones never reach SQL."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from silence import ID
from values import no_sql, stored_rows

from schema_session_backend import (
    InvalidSessionId,
    NoSuchSession,
    SessionStore,
    WrongArgument,
    new_session_id,
)

pytestmark = pytest.mark.partitioned_too


# -- what the table holds


def test_the_table_holds_a_hash_and_not_the_id(store):
    store.set(ID, {"user_id": 1})

    [row] = stored_rows(store)
    assert row[0] == hashlib.sha256(ID.encode()).hexdigest()
    assert ID not in repr(row)


def test_what_the_table_holds_is_no_valid_id(store):
    store.set(ID, {"user_id": 1})
    [stolen] = [row[0] for row in stored_rows(store)]

    assert store.get(stolen) is None
    assert store.load(stolen) is None
    assert store.get_many([stolen]) == {}
    assert store.touch(stolen) is False
    assert store.rotate(stolen, "mine") is False
    assert store.destroy(stolen) is False


def test_what_the_table_holds_is_the_handle(store):
    store.set(ID, {"user_id": 1})
    [stored] = [row[0] for row in stored_rows(store)]

    assert [record.handle for record in store.find(limit=1000)] == [stored]
    assert store.load(ID).handle == stored
    assert store.handle(ID) == stored
    assert store.revoke(stored) is True
    assert store.get(ID) is None


def test_the_id_of_a_live_session_is_refused_where_a_handle_is_meant(store):
    store.set_many({ID: {"user_id": 1}, "other": {"user_id": 1}})
    other = store.handle("other")

    for revoke in (
        lambda: store.revoke(ID),
        lambda: store.revoke(ID, user_id=1),
        lambda: store.revoke_many([other, ID]),
        lambda: store.revoke_many(["junk", ID]),
    ):
        with pytest.raises(WrongArgument, match=r"destroy\(sid\) ends a session by its id"):
            revoke()
    assert store.count() == 2


@pytest.mark.parametrize("text", ["", "junk", "A" * 64, "0" * 63, "0" * 65, "é", "\0"], ids=ascii)
def test_a_text_that_is_no_handle_names_no_session(store, text):
    store.set(ID, {"user_id": 1})

    assert store.revoke(text) is False
    assert store.revoke(text, user_id=1) is False
    assert store.revoke_many([text, store.handle(ID)]) == 1


def test_a_session_is_refused_where_an_id_is_meant(store):
    store.set(ID, {"user_id": 1})

    for session in (store.find(user_id=1)[0], store.load(ID)):
        for call in (store.get, store.load, store.touch, store.destroy, store.has, store.blank, store.handle):
            with no_sql(store), pytest.raises(WrongArgument, match=r"revoke\(record\)"):
                call(session)
    assert store.get(ID) == {"user_id": 1}


def test_without_hash_sid_the_table_holds_the_id_itself(make_store):
    store = make_store(hash_sid=False)
    store.set(ID, {"user_id": 1})

    assert stored_rows(store)[0][0] == ID
    assert store.get(ID) == {"user_id": 1}
    assert store.handle(ID) == ID
    assert store.revoke(ID) is True


def test_an_id_has_256_random_bits_in_43_characters_for_a_cookie():
    ids = {new_session_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", one) for one in ids)
    assert len({one[0] for one in ids}) > 32


# -- byte for byte


NEIGHBOURS = [
    "Abc",
    "abc",
    "ABC",
    "abc ",
    " abc",
    "abc  ",
    "abc\t",
    "ab",
    "abcd",
    "abc%",
    "a_c",
    "'abc'",
    "abc\x7f",
]


@pytest.mark.parametrize("hash_sid", [True, False])
def test_ids_that_nearly_agree_are_different_sessions(make_store, hash_sid):
    store = make_store(hash_sid=hash_sid)
    for number, sid in enumerate(NEIGHBOURS):
        assert store.get(sid) is None
        assert store.touch(sid) is False
        store.set(sid, {"user_id": number})

    assert store.get_many(NEIGHBOURS) == {sid: {"user_id": number} for number, sid in enumerate(NEIGHBOURS)}
    for number, sid in enumerate(NEIGHBOURS):
        assert store.get(sid) == {"user_id": number}


@pytest.mark.parametrize("hash_sid", [True, False])
def test_ending_a_session_ends_only_the_one_with_exactly_that_id(make_store, hash_sid):
    store = make_store(hash_sid=hash_sid)
    store.set_many({sid: {"user_id": 1} for sid in NEIGHBOURS})
    left = len(NEIGHBOURS)

    assert store.destroy("abc") is True
    assert store.destroy("abc") is False
    assert store.revoke(store.handle("ABC")) is True
    assert store.revoke(store.handle("ABC")) is False
    assert store.rotate("Abc", "aBc") is True
    assert store.rotate("Abc", "abC") is False
    assert store.count() == left - 2
    assert store.revoke_where(user_id=1, keep="abc ") == left - 3
    assert [record.handle for record in store.find(limit=1000)] == [store.handle("abc ")]


def test_rotating_to_an_id_that_differs_in_case_only_works(make_store):
    store = make_store(hash_sid=False)
    store.set("abc", {"user_id": 1})

    assert store.rotate("abc", "abc ") is True
    assert store.rotate("abc ", "ABC ") is True
    assert store.get("ABC ") == {"user_id": 1}


@pytest.mark.parametrize("hash_sid", [True, False])
def test_every_ascii_character_but_nul_and_255_of_them_make_an_id(make_store, hash_sid):
    store = make_store(hash_sid=hash_sid)
    everything = "".join(map(chr, range(1, 128)))
    for sid in (everything, "a" * 255, " " * 255, "\n", "%s", ":x", "\\", "' OR 1=1 --"):
        store.set(sid, {"user_id": 1})
        assert store.get(sid) == {"user_id": 1}
        assert store.destroy(sid) is True


# -- impossible ids


class Id(str):
    __slots__ = ()


IMPOSSIBLE: dict[str, Any] = {
    "empty": "",
    "256 characters": "a" * 256,
    "a megabyte": "a" * 1_000_000,
    "NUL": "a\0b",
    "only NUL": "\0",
    "not ASCII": "sé",
    "astral": "😀",
    "fullwidth": "\uff41\uff42\uff43",
    "a lone surrogate": "a\udc80",
    "bytes": b"abc",
    "int": 1,
    "None": None,
    "a list": ["abc"],
    "a str subclass": Id("abc"),
}


@pytest.mark.parametrize("hash_sid", [True, False])
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_id_is_no_such_session_without_sql(name, hash_sid):
    """No server listens at the URL, so that any SQL would fail."""
    store = SessionStore("postgresql+psycopg://nobody@127.0.0.1:9/none", sync_timeout=0.1, hash_sid=hash_sid)
    sid = IMPOSSIBLE[name]

    assert store.get(sid) is None
    assert store.load(sid) is None
    assert store.get_many([sid, sid]) == {}
    assert store.touch(sid) is False
    assert store.destroy(sid) is False
    assert store.revoke(sid) is False
    assert store.rotate(sid, "possible") is False
    store.close()


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_nothing_is_stored_under_an_impossible_id(store, name):
    sid = IMPOSSIBLE[name]
    store.set("a", {"user_id": 1})
    before = stored_rows(store)

    stores = [
        lambda: store.set(sid, {}),
        lambda: store.rotate("a", sid),
        lambda: store.blank(sid),
        lambda: store.handle(sid),
    ]
    if sid.__hash__ is not None:  # a dict cannot even have a list as a key
        stores.append(lambda: store.set_many({"b": {}, sid: {}}))
    for attempt in stores:
        with no_sql(store), pytest.raises(InvalidSessionId, match="1 to 255 ASCII characters") as caught:
            attempt()
        assert caught.value.__context__ is None

    assert stored_rows(store) == before


def test_get_many_leaves_impossible_ids_out(store):
    store.set("a", {"user_id": 1})

    assert store.get_many(["", "a", "a\0", "é", None, "b"]) == {"a": {"user_id": 1}}


def test_keeping_an_impossible_id_ends_nothing(store):
    store.set("a", {"user_id": 1})

    with pytest.raises(NoSuchSession):
        store.revoke_where(user_id=1, keep="a\0")
    assert store.get("a") == {"user_id": 1}
