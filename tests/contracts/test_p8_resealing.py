"""P8: keys are introduced, rotated and given up on a live table, as docs/howto/encryption.md tells."""

from __future__ import annotations

import threading

import pytest
from values import stored_columns, write_row

from schema_session_backend import ConfigurationError, Outcome, Resealed
from schema_session_backend._session.sealing import START_LENGTH
from schema_session_backend._sql import resealing
from sealed import new_key

OLD, NEW = new_key(), new_key()


def starts(store):
    """How the texts of sessions begin, traces of old ids left out; "" for one that is not sealed."""
    return {
        text[:START_LENGTH] if text.startswith("sealed1:") else ""
        for text, expiry in stored_columns(store, "additional", "expire_at")
        if expiry > 0
    }


def start_of(store):
    return store._rows._sealing._start


# -- the steps of the how-to; each process of a fleet may be one step before or after the others

INTRODUCED = [
    {},
    {"encryption_keys": [NEW], "unsealed": "write"},
    {"encryption_keys": [NEW], "unsealed": "read"},
    {"encryption_keys": [NEW]},
]
ROTATED = [
    {"encryption_keys": [OLD]},
    {"encryption_keys": [OLD, NEW]},
    {"encryption_keys": [NEW, OLD]},
    {"encryption_keys": [NEW]},
]
WAYS = {"introduced": INTRODUCED, "rotated": ROTATED, "given up": INTRODUCED[::-1]}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_processes_that_are_a_step_apart_read_each_other_and_lose_nothing(make_store, way):
    make_store(**way[0]).set_many({"id0": {"n": 0}, "idle": {"n": 7}})
    number = 0
    for step in range(3):
        before, after = make_store(**way[step]), make_store(**way[step + 1])
        for one, other in ((before, after), (after, before)):
            running = one.load(f"id{number}")
            other.update(f"id{number}", lambda data: data | {"n": data["n"] + 1})
            assert one.save(running, running.data | {f"key{number}": 1}).outcome is Outcome.SAVED
            assert other.rotate(f"id{number}", f"between{number}")
            loaded = one.load(f"between{number}")
            number += 1
            assert one.save(loaded, new_sid=f"id{number}").outcome is Outcome.TOUCHED
            assert one.save(running, running.data | {"late": number}).outcome is Outcome.ROTATED
            assert one.get_many([f"id{number}", "idle"]) == other.get_many([f"id{number}", "idle"])
        if step == 1:
            assert after.reseal().left == 0

    assert after.get_many(["id6", "idle"]) == {
        "id6": {"n": 6, "late": 6} | {f"key{number}": 1 for number in range(6)},
        "idle": {"n": 7},
    }
    assert len(starts(after)) == 1


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_live_writer_loses_nothing_while_the_sessions_are_resealed(make_store, way):
    make_store(**way[2]).wait_for_sync()
    store = make_store(**way[2])
    make_store(**way[1]).set_many({f"s{number}": {"n": 0} for number in range(40)})
    done, turns = threading.Event(), 0

    def write():
        nonlocal turns
        while not done.is_set():
            for number in range(40):
                loaded = store.load(f"s{number}")
                loaded.data["n"] += 1
                assert store.save(loaded).outcome is Outcome.SAVED
            turns += 1

    writer = threading.Thread(target=write)
    writer.start()
    resealed = [store.reseal(batch_size=7) for _ in range(3)]
    done.set()
    writer.join()

    assert all(one.left == 0 for one in resealed)
    assert {record.data["n"] for record in store.find(limit=100)} == {turns}
    assert len(starts(store)) == 1


# -- one call


def test_sessions_that_have_the_form_are_passed_over(make_store):
    make_store(encryption_keys=[OLD]).set_many({f"s{number}": {"n": number} for number in range(25)})
    store = make_store(encryption_keys=[NEW, OLD])
    store.set_many({f"s{number}": {"n": number} for number in range(5)})
    before = dict(stored_columns(store, "sid", "additional"))

    assert store.reseal(batch_size=3) == Resealed(20, 0)
    after = dict(stored_columns(store, "sid", "additional"))
    kept = {store.handle(f"s{number}") for number in range(5)}
    assert {sid for sid in after if after[sid] == before[sid]} == kept
    assert starts(store) == {start_of(store)}
    assert store.reseal() == Resealed(0, 0)


def test_resealing_is_no_change_of_a_session(make_store):
    options = {"timestamps": True, "schemas": "user_id Integer index"}
    make_store(encryption_keys=[OLD], **options).set("a", {"user_id": 1, "n": 1})
    store = make_store(encryption_keys=[NEW, OLD], **options)
    columns = [column.name for column in store.repo().c if column.name != "additional"]
    before, running = stored_columns(store, *columns), store.load("a")

    assert store.reseal() == Resealed(1, 0)

    assert stored_columns(store, *columns) == before
    assert store.save(running, running.data | {"n": 2}).outcome is Outcome.SAVED


def test_what_a_request_saves_meanwhile_stays(make_store, monkeypatch):
    make_store(encryption_keys=[OLD]).set_many(
        {"a": {"n": 0}, "b": {"n": 0}, "c": {}, "d": {}, "e": {"n": 0}}
    )
    store = make_store(encryption_keys=[NEW, OLD])
    late = make_store(encryption_keys=[OLD, NEW])
    read, meanwhile = store._rows.resealed, iter([True])

    def read_and_be_overtaken(handle, text):
        if next(meanwhile, False):
            late.save(late.load("a"), {"n": 1})
            store.save(store.load("b"), {"n": 1})
            store.destroy("c")
            late.rotate("d", "e2")
            late.set("e", {"n": 1})
        return read(handle, text)

    monkeypatch.setattr(store._rows, "resealed", read_and_be_overtaken)

    assert store.reseal().left == 0

    assert store.get_many(["a", "b", "c", "d", "e", "e2"]) == {
        "a": {"n": 1},
        "b": {"n": 1},
        "e": {"n": 1},
        "e2": {},
    }
    monkeypatch.undo()
    store.reseal()
    assert make_store(encryption_keys=[NEW]).get("a") == {"n": 1}


def test_a_session_that_never_stands_still_is_left(make_store, monkeypatch):
    make_store(encryption_keys=[OLD]).set("a", {"n": 0})
    store = make_store(encryption_keys=[NEW, OLD])
    read = store._rows.resealed

    def read_and_be_overtaken(handle, text):
        store.save(store.load("a"), {"n": store.get("a")["n"] + 1})
        return read(handle, text)

    monkeypatch.setattr(store._rows, "resealed", read_and_be_overtaken)

    assert store.reseal() == Resealed(0, 1)
    assert store.get("a") == {"n": resealing.TRIES}


def test_it_goes_on_after_an_interruption(make_store):
    make_store(encryption_keys=[OLD]).set_many({f"s{number}": {"n": number} for number in range(20)})
    store = make_store(encryption_keys=[NEW, OLD])

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.reseal(batch_size=8, progress=lambda number: number and interrupt(number))

    assert store.reseal(batch_size=8) == Resealed(12, 0)
    assert store.count() == 20


def test_progress_tells_every_session_once(make_store, monkeypatch):
    monkeypatch.setattr(resealing, "READ_AT_ONCE", 10)
    make_store(encryption_keys=[OLD]).set_many({f"s{number}": {} for number in range(23)})
    store = make_store(encryption_keys=[NEW, OLD])
    store.set("s0", {})
    told: list[int] = []

    assert store.reseal(batch_size=4, progress=told.append) == Resealed(22, 0)
    assert sum(told) == 23
    assert max(told) <= 4


def test_expired_sessions_and_those_of_other_prefixes_are_left_alone(make_store):
    old = make_store(encryption_keys=[OLD])
    old.set_many({"a": {}, "b": {}})
    old.prefixed("x:").set("a", {"n": 1})
    write_row(old, "b", expire_at=1)
    store = make_store(encryption_keys=[NEW, OLD])

    assert store.prefixed("x:").reseal() == Resealed(1, 0)
    assert store.reseal() == Resealed(1, 0)


def test_plain_ids(make_store):
    options = {"hash_sid": False}
    make_store(encryption_keys=[OLD], **options).set_many(
        {"a": {"n": 1}, "B'%": {"n": 2}, "Ä".encode().hex(): {}}
    )
    store = make_store(encryption_keys=[NEW, OLD], **options)

    assert store.reseal(batch_size=1) == Resealed(3, 0)
    assert store.get_many(["a", "B'%"]) == {"a": {"n": 1}, "B'%": {"n": 2}}


@pytest.mark.parametrize("unsealed", ["refuse", "read", "write"])
def test_what_no_key_opens_is_left_and_counted(make_store, unsealed):
    make_store(encryption_keys=[OLD]).set_many({"changed": {}, "lost": {}, "old": {"n": 1}})
    make_store(encryption_keys=[new_key(), OLD]).set("lost", {})
    store = make_store(encryption_keys=[NEW, OLD], unsealed=unsealed)
    [(text,)] = [
        (text,) for sid, text in stored_columns(store, "sid", "additional") if sid == store.handle("changed")
    ]
    write_row(store, "changed", additional=text[:-4])

    assert store.reseal() == Resealed(1, 2)
    assert store.get("old") == {"n": 1}
    assert store.count() == 3


def test_a_session_that_is_not_sealed_is_never_sealed_unless_that_was_asked_for(make_store):
    """Whoever can write to the table would have it made genuine."""
    store = make_store(encryption_keys=[NEW])
    store.set_many({"forged": {}, "b": {}})
    write_row(store, "forged", additional='{"role":"admin"}')

    assert store.reseal() == Resealed(0, 1)
    assert store.get("forged") is None
    assert make_store(encryption_keys=[NEW], unsealed="read").reseal() == Resealed(1, 0)
    assert store.get("forged") == {"role": "admin"}


def test_a_callers_transaction_can_take_it_back(make_store, engine):
    make_store(encryption_keys=[OLD]).set("a", {"n": 1})
    store = make_store(encryption_keys=[NEW, OLD])
    store.wait_for_sync()
    with engine.connect() as connection:
        assert store.within(connection).reseal() == Resealed(1, 0)
        connection.rollback()

    assert make_store(encryption_keys=[OLD]).get("a") == {"n": 1}


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "7", None], ids=repr)
def test_batch_size_is_a_number_of_sessions(make_store, value):
    with pytest.raises(ConfigurationError, match="reseal: batch_size takes how many sessions"):
        make_store(encryption_keys=[NEW]).reseal(value)


def test_without_keys_there_is_nothing_to_reseal(store):
    with pytest.raises(ConfigurationError, match="reseal needs the option encryption_keys"):
        store.reseal()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_row_of_nonsense_stops_nothing(make_store):
    """The servers refuse such a row."""
    old = make_store(encryption_keys=[OLD])
    old.set_many({"a": {"n": 1}, "b": {}, "c": {}, "d": {}})
    write_row(old, "b", additional=b"\xff\x00")
    write_row(old, "c", revision="x")
    store = make_store(encryption_keys=[NEW, OLD])
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE {store.repo().name} SET sid = x'00ff' WHERE sid = '{store.handle('d')}'"
        )

    assert store.reseal(batch_size=1) == Resealed(1, 2)
    assert store.get("a") == {"n": 1}
