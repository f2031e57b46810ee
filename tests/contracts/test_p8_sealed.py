"""P8: with `encryption_keys`, nobody reads or forges in the table what is not declared."""

from __future__ import annotations

import base64
import json
import os
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from silence import ID, SECRET, all_that_was_logged, assert_silent
from sqlalchemy import insert, select
from values import stored_columns, stored_rows, write_row
from workers import add_keys_in_process

from processes import at_once
from schema_session_backend import Outcome, SessionTooLarge
from schema_session_backend._session.sealing import Sealing
from schema_session_backend._session.tags import CorruptText
from sealed import new_key

KEY, ANOTHER = new_key(), new_key()
COPY = "user_id Integer index from _user_id; device String(50)"


@pytest.fixture
def sealed(make_store):
    return make_store(timestamps=True, encryption_keys=[KEY])


def text_of(store, sid):
    with store.engine.connect() as connection:
        table = store.repo()
        return connection.execute(select(table.c.additional).where(table.c.sid == store.handle(sid))).scalar()


# -- what a reader of the table finds


def test_the_table_holds_no_text_of_a_sealed_session(sealed):
    sealed.set(ID, {"user_id": 1, "secret key": SECRET})
    sealed.save(sealed.load(ID), {"user_id": 1, "secret key": SECRET, "n": 1})
    sealed.update(ID, lambda data: data | {"n": 2})
    sealed.set_many({"b": {"secret key": SECRET}})

    assert SECRET not in str(stored_rows(sealed))
    assert "secret key" not in str(stored_rows(sealed))
    assert sealed.get_many([ID, "b"]) == {
        ID: {"user_id": 1, "secret key": SECRET, "n": 2},
        "b": {"secret key": SECRET},
    }


def test_declared_columns_are_readable_and_found(make_store):
    store = make_store(schemas=COPY, encryption_keys=[KEY])
    store.set("a", {"_user_id": "42", "device": "phone", "cart": [1]})

    assert stored_columns(store, "user_id", "device") == [(42, "phone")]
    assert [record.data for record in store.find(user_id=42)] == [
        {"_user_id": "42", "device": "phone", "cart": [1]}
    ]


def test_equal_sessions_have_different_texts(sealed):
    sealed.set_many({"a": {"n": 1}, "b": {"n": 1}})
    sealed.set("a", {"n": 1})
    first = text_of(sealed, "a")
    sealed.set("a", {"n": 1})

    assert len({first, text_of(sealed, "a"), text_of(sealed, "b")}) == 3


# -- what a writer of the table achieves


def test_a_text_is_refused_in_another_row(log, sealed):
    sealed.set("admin", {"user_id": 1, "role": "admin"})
    sealed.set(ID, {"user_id": 2, "role": SECRET})
    write_row(sealed, ID, additional=text_of(sealed, "admin"))
    log.clear()

    assert sealed.get(ID) is None
    assert sealed.get("admin") == {"user_id": 1, "role": "admin"}
    assert [record.data["user_id"] for record in sealed.find(limit=10)] == [1]
    assert "it was sealed for another row or table, or was changed" in all_that_was_logged(log)
    assert ID not in all_that_was_logged(log)
    assert SECRET not in all_that_was_logged(log)


def test_a_text_is_refused_in_another_table(make_store, table_name):
    store = make_store(encryption_keys=[KEY])
    other = make_store(table_name=f"{table_name}_other", encryption_keys=[KEY])
    other.set("a", {"role": "admin"})
    store.set("a", {"role": "guest"})
    write_row(store, "a", additional=text_of(other, "a"))

    assert store.get("a") is None


@pytest.mark.parametrize("hash_sid", [True, False])
def test_a_text_under_a_new_id_is_refused_under_the_old_one(make_store, hash_sid):
    store = make_store(encryption_keys=[KEY], hash_sid=hash_sid)
    store.set("a", {"n": 1})
    before = text_of(store, "a")
    store.rotate("a", "b")
    store.set("a", {})
    write_row(store, "a", additional=text_of(store, "b"))
    assert store.get("a") is None

    write_row(store, "b", additional=before)
    assert store.get("b") is None


def test_no_character_of_a_text_can_be_changed(sealed):
    sealed.set("a", {"n": 1})
    good = text_of(sealed, "a")
    sealing, handle = sealed._rows._sealing, sealed.handle("a")
    # The last one has bits that base64 leaves out.
    for position in range(len(good.rstrip("=")) - 1):
        for other in "A", "B", '"', "\\", "é", "\0", "":
            changed = good[:position] + other + good[position + 1 :]
            if changed != good:
                with pytest.raises(CorruptText):
                    sealing.open(changed, handle)
    for length in range(len(good)):
        with pytest.raises(CorruptText):
            sealing.open(good[:length], handle)
    assert sealing.open(good, handle) == '{"n":1}'


FOREIGN = {
    "not sealed": '{"role":"admin"}',
    "empty": "",
    "of no key": "sealed1:0123abcd:AAAA",
    "the start alone": "sealed1:",
    "another version": "sealed2:0123abcd:AAAA",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_text_costs_its_own_session_and_the_row_is_kept(log, sealed, text):
    sealed.set_many({ID: {"user_id": 7, "n": 1}, "b": {"user_id": 7, "n": 2}})
    write_row(sealed, ID, additional=text)
    log.clear()

    assert sealed.get(ID) is None
    assert sealed.update(ID, dict) is None
    assert sealed.rotate(ID, "new") is False
    assert [record.data["n"] for record in sealed.find(user_id=7)] == [2]
    assert sealed.count(user_id=7) == 2
    assert text_of(sealed, ID) == text
    assert sealed.handle(ID) in all_that_was_logged(log)
    assert_no_key(all_that_was_logged(log))
    assert sealed.revoke(sealed.handle(ID), user_id=7) is True


def assert_no_key(said):
    raw = base64.urlsafe_b64decode(KEY)
    for shown in (KEY, KEY.rstrip("="), repr(raw), raw.hex()):
        assert shown not in said


def test_a_session_whose_key_is_gone_is_absent_and_another_key_opens_the_rest(log, make_store):
    make_store(encryption_keys=[ANOTHER]).set(ID, {"n": 1})
    with_both = make_store(encryption_keys=[KEY, ANOTHER])
    with_both.set("b", {"n": 2})
    store = make_store(encryption_keys=[KEY])
    log.clear()

    assert store.get_many([ID, "b"]) == {"b": {"n": 2}}
    assert "it is sealed with a key that is not among encryption_keys" in all_that_was_logged(log)
    assert_silent(all_that_was_logged(log).replace(store.handle(ID), ""), store, ID)
    assert with_both.get(ID) == {"n": 1}


def test_a_store_without_keys_says_why_a_session_is_absent(log, make_store):
    store = make_store()
    store.set("b", {"n": 2})
    make_store(encryption_keys=[KEY], unsealed="read").set(ID, {"n": 1})
    log.clear()

    assert store.get(ID) is None
    assert "it is sealed, and there are no encryption_keys" in all_that_was_logged(log)


def test_nobody_can_have_a_request_save_its_changes_in_another_session(sealed):
    """By a forged trace, the login of a visitor would go to the session of the attacker."""
    sealed.set("visitor", {})
    sealed.set("attacker", {})
    login = sealed.load("visitor")
    sealed.destroy("visitor")
    table = sealed.repo()
    forged = json.dumps({"$rotated": sealed.handle("attacker")})
    sealed_session = sealed._rows._sealing.seal(forged, sealed.handle("visitor"))
    for text in (forged, text_of(sealed, "attacker"), sealed_session):
        with sealed.engine.begin() as connection:
            connection.execute(table.delete().where(table.c.sid == sealed.handle("visitor")))
            connection.execute(
                insert(table).values(
                    sid=sealed.handle("visitor"), additional=text, expire_at=-(10**15), revision=0
                )
            )

        assert sealed.save(login, {"user_id": 1}).outcome is Outcome.GONE
        assert sealed.get("attacker") == {}
        assert sealed.destroy("visitor") is False


# -- what stays as it was


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])), handle=st.text("abc\x7f ", min_size=1))
def test_every_text_comes_back(text, handle):
    sealing = Sealing([os.urandom(32)], unsealed="refuse", table="sessions")

    assert sealing.open(sealing.seal(text, handle), handle) == text


def test_max_size_counts_the_text_before_it_is_sealed(make_store):
    store = make_store(encryption_keys=[KEY], max_size=100)
    whole = {"n": "x" * (100 - len('{"n":""}'))}
    store.set("a", whole)

    assert store.get("a") == whole
    assert len(text_of(store, "a")) > 100
    with pytest.raises(SessionTooLarge) as caught:
        store.set("a", {"n": whole["n"] + "x"})
    assert (caught.value.size, caught.value.limit) == (101, 100)
    make_store(encryption_keys=[KEY]).set("b", {"n": whole["n"] + "x"})
    assert store.get("b") is None


@pytest.mark.parametrize(
    ("new_id", "round_trips"),
    [
        (lambda store, _: store.rotate("a", "new"), 5),
        (lambda store, loaded: store.save(loaded, {"user_id": 2}, new_sid="new"), 4),
        (lambda store, loaded: store.save(loaded, loaded.data, new_sid="new"), 4),
    ],
    ids=["rotate", "save, a new id", "save, only a new id"],
)
def test_a_new_id_seals_the_session_anew_in_its_own_transaction(counted, counter, new_id, round_trips):
    """Only `rotate` has not read the session, and has to."""
    store = counted(encryption_keys=[KEY])
    store.set("warm", {})
    store.rotate("warm", "up")
    store.set("a", {"user_id": 1, "n": 1})
    loaded = store.load("a")

    with counter.expect(round_trips):
        new_id(store, loaded)
    assert store.get("new") is not None


def test_a_new_id_and_an_old_expiry(frozen):
    store, clock = frozen(encryption_keys=[KEY], max_age=1000, timestamps=True)
    store.set("a", {"n": 1})
    before = store.load("a")
    clock.advance(10)
    store.rotate("a", "b")
    after = store.load("b")
    store.save(after, new_sid="c", renew=False)
    third = store.load("c")

    assert before.expires_at == after.expires_at == third.expires_at
    assert before.updated_at == after.updated_at == third.updated_at


def test_a_rotation_that_meets_a_save_keeps_it(sealed):
    sealed.set("a", {"n": 1})
    mine, other = sealed.load("a"), sealed.load("a")
    sealed.save(other, {"n": 1, "other": 1})

    assert sealed.save(mine, new_sid="b").outcome is Outcome.SAVED
    assert sealed.get("b") == {"n": 1, "other": 1}


def test_processes_that_add_keys_to_one_sealed_session_lose_none(url, table_name, sealed):
    sealed.set("a", {})
    work = partial(add_keys_in_process, encryption_keys=[KEY])

    at_once(work, [(url, table_name, "a", f"p{number}", 25) for number in range(4)])

    assert len(sealed.get("a")) == 100


def test_prefixes_and_plain_ids(make_store, table_name):
    plain = make_store(table_name=f"{table_name}_plain", hash_sid=False, encryption_keys=[KEY])
    for store in (make_store(encryption_keys=[KEY]).prefixed("one:"), plain.prefixed("one:"), plain):
        store.set("a", {"n": 1})
        assert store.rotate("a", "b")
        assert store.get("b") == {"n": 1}
        assert [record.data for record in store.browse().records if record.handle == store.handle("b")] == [
            {"n": 1}
        ]


def test_a_callers_transaction(sealed, engine):
    with engine.begin() as connection:
        store = sealed.within(connection)
        store.set("a", {"n": 1})
        assert store.rotate("a", "b")
        store.update("b", lambda data: data | {"n": 2})

    assert sealed.get("b") == {"n": 2}


def test_pickle_of_a_forged_row_is_never_loaded(make_store, tmp_path):
    """`serializer="pickle"` alone runs code from a row."""
    store = make_store(serializer="pickle", encryption_keys=[KEY])
    store.set("a", {"n": (1, 2)})
    bomb = f"cbuiltins\nopen\n(S{str(tmp_path / 'was_run')!r}\nS'w'\ntR.".encode()
    assert store.get("a") == {"n": (1, 2)}
    write_row(store, "a", additional="pickle:" + base64.b64encode(bomb).decode())

    assert store.get("a") is None
    assert not (tmp_path / "was_run").exists()
