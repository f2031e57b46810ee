"""Keys that cannot work are one clear error, at the start where it can be known, and no error shows a key."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from silence import all_that_was_logged, everything_in
from values import no_sql, write_row

from schema_session_backend import ConfigurationError, MissingDependency, SessionStore
from schema_session_backend._sql import resealing
from sealed import new_key

KEY, ANOTHER = new_key(), new_key()
# What a caller without a type checker can pass.
Unchecked: Any = SessionStore


def encoded(length):
    return base64.urlsafe_b64encode(b"\xfb" * length).decode()


NO_KEYS = {
    "16 bytes": encoded(16),
    "31 bytes": encoded(31),
    "33 bytes": encoded(33),
    "64 bytes": encoded(64),
    "base64 with + and /": base64.b64encode(b"\xfb\xff" * 16).decode(),
    "hexadecimal": b"\xfb".hex() * 32,
    "a password": "correct-horse-battery-staple",
    "empty": "",
    "not ASCII": "é" * 43,
    "raw bytes": os.urandom(32),
    "None": None,
    "a number": 42,
}


@pytest.mark.parametrize("wrong", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_is_refused_and_not_shown(wrong):
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", encryption_keys=[KEY, wrong])

    assert str(caught.value) == (
        "encryption_keys: key 2 is not 32 bytes as base64url text; this makes one:"
        " base64.urlsafe_b64encode(os.urandom(32))"
    )
    assert KEY not in everything_in(caught.value)


@pytest.mark.parametrize("again", [KEY, KEY.rstrip("="), KEY.encode()], ids=["same", "short", "bytes"])
def test_a_key_is_given_once(again):
    with pytest.raises(ConfigurationError, match=r"key 3 is key 1 again; give each key once") as caught:
        SessionStore("sqlite://", encryption_keys=[KEY, ANOTHER, again])

    assert KEY.rstrip("=") not in everything_in(caught.value)


@pytest.mark.parametrize("value", [None, 42, True], ids=repr)
def test_keys_are_a_list(value):
    with pytest.raises(ConfigurationError, match=r"^encryption_keys takes a list of keys, not"):
        Unchecked("sqlite://", encryption_keys=value)


@pytest.mark.parametrize(
    "keys",
    [
        [KEY],
        KEY,
        KEY.encode(),
        [KEY.encode()],
        (KEY, ANOTHER),
        f"{KEY} {ANOTHER}",
        f"\n  {KEY}\n  {ANOTHER}\n",
    ],
    ids=["a list", "a text", "bytes", "a list of bytes", "a tuple", "two in a text", "lines"],
)
def test_keys_as_fernet_makes_them_and_as_settings_have_them(keys):
    store = SessionStore("sqlite://", encryption_keys=keys)
    store.set("a", {"n": 1})

    assert store.get("a") == {"n": 1}
    store.close()


@pytest.mark.parametrize("none", [(), [], "", " \n"], ids=repr)
def test_no_keys_seal_nothing(none):
    store = SessionStore("sqlite://", encryption_keys=none)

    assert store._rows.is_bound is False


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("reed", "did you mean 'read'?"),
        ("", "known: read, refuse, write"),
        (True, "known: read, refuse, write"),
        (None, "known: read, refuse, write"),
    ],
    ids=repr,
)
def test_another_value_of_unsealed_is_refused_with_the_known_ones(value, problem):
    with pytest.raises(ConfigurationError) as caught:
        Unchecked("sqlite://", encryption_keys=[KEY], unsealed=value)

    assert problem in str(caught.value)


@pytest.mark.parametrize("unsealed", ["read", "write"])
def test_unsealed_needs_keys(unsealed):
    with pytest.raises(ConfigurationError, match=f"unsealed='{unsealed}' needs encryption_keys"):
        SessionStore("sqlite://", unsealed=unsealed)


class OfBytes:
    """A serializer whose texts are none."""

    dumps = staticmethod(pickle.dumps)
    loads = staticmethod(pickle.loads)
    same = staticmethod(lambda left, right: left == right)


def test_a_serializer_that_makes_no_text_cannot_be_sealed():
    with pytest.raises(ConfigurationError, match=r"but OfBytes.dumps returns bytes: let it return a str"):
        Unchecked("sqlite://", serializer=OfBytes(), encryption_keys=[KEY])


def test_no_repr_shows_a_key(log):
    store = SessionStore("sqlite://", encryption_keys=[KEY])
    store.set("a", {})

    sealing = store._rows._sealing
    assert sealing is not None
    said = "".join(map(repr, [store, store._rows, sealing, *sealing._ciphers.values()]))
    for shown in (KEY, KEY.rstrip("="), repr(base64.urlsafe_b64decode(KEY))):
        assert shown not in said + all_that_was_logged(log)
    store.close()


def test_without_the_package_the_error_says_what_to_install():
    code = f"""
import sys
sys.modules["cryptography"] = None
from schema_session_backend import MissingDependency, SessionStore
SessionStore("sqlite://").set("a", {{}})
try:
    SessionStore("sqlite://", encryption_keys=[{KEY!r}])
except MissingDependency as error:
    assert error.extra == "encryption"
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout == (
        "encryption_keys needs the package cryptography; install it with: pip install"
        " 'schema_session_backend[encryption]'\n"
    )
    assert MissingDependency.__name__ in code


# -- at the start


def refused(store):
    """The error with which a store refuses to start, and each of its operations."""
    with pytest.raises(ConfigurationError) as caught:
        store.wait_for_sync()
    with pytest.raises(ConfigurationError) as again:
        store.set("a", {"n": 3})
    assert str(again.value) == str(caught.value)
    for key in (KEY, ANOTHER):
        assert key.rstrip("=") not in everything_in(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("unsealed", ["refuse", "read", "write"])
def test_keys_that_open_no_session_are_refused(make_store, unsealed):
    make_store(encryption_keys=[KEY]).set_many({f"s{number}": {"n": number} for number in range(30)})

    message = refused(make_store(encryption_keys=[ANOTHER], unsealed=unsealed))

    assert "sealed, but with none of this store's encryption_keys; add the key" in message
    assert "docs/howto/encryption.md" in message
    assert make_store(encryption_keys=[KEY]).get("s7") == {"n": 7}


def test_missing_keys_are_refused(make_store):
    make_store(encryption_keys=[KEY]).set("a", {"n": 1})

    assert "its sessions are sealed, but with none of this store's encryption_keys" in refused(make_store())


@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_keys_for_sessions_that_are_not_sealed_are_refused_unless_these_shall_be_read(make_store, serializer):
    make_store(serializer=serializer).set("a", {"n": 1})

    message = refused(make_store(serializer=serializer, encryption_keys=[KEY]))

    assert "its sessions are not sealed" in message
    assert "set unsealed='read' until they are sealed" in message
    reading = make_store(serializer=serializer, encryption_keys=[KEY], unsealed="read")
    assert reading.get("a") == {"n": 1}


def test_one_session_that_opens_is_enough(make_store):
    """The others may be left of a key that was taken away on purpose."""
    with_both = make_store(encryption_keys=[ANOTHER, KEY])
    with_both.set_many({f"s{number}": {} for number in range(9)})
    make_store(encryption_keys=[KEY, ANOTHER]).set("a", {"n": 1})

    assert make_store(encryption_keys=[KEY]).get("a") == {"n": 1}


@pytest.mark.parametrize("text", ["", "nonsense", "sealed1:", "sealed1:zzzzzzzz:AAAA", "pickle:AAAA", "[]"])
def test_a_corrupt_session_says_nothing_of_the_keys(make_store, text):
    store = make_store(encryption_keys=[KEY])
    store.set("a", {"n": 1})
    write_row(store, "a", additional=text)

    for unsealed in ("refuse", "read"):
        assert make_store(encryption_keys=[ANOTHER], unsealed=unsealed).get("a") is None


@pytest.mark.parametrize("start", ["00", "55", "ff"])
def test_sessions_that_somebody_has_put_there_stop_no_process(make_store, monkeypatch, start):
    """Unless they are about all that there are."""
    store = make_store(encryption_keys=[KEY])
    store.set_many({f"s{number}": {} for number in range(100)})
    table = store.repo()
    forged = {"additional": "sealed1:01234567:AAAA", "revision": 1, "expire_at": None}
    with store.engine.begin() as connection:
        connection.execute(table.insert(), [{"sid": f"{number:064}", **forged} for number in range(9)])
        connection.execute(table.insert(), [{"sid": f"{number:f>64}", **forged} for number in range(9)])
    monkeypatch.setattr(resealing, "token_hex", lambda length: start * length)

    make_store(encryption_keys=[KEY]).wait_for_sync()
    assert "add the key" in refused(make_store(encryption_keys=[ANOTHER]))


def test_an_expired_session_says_nothing_of_the_keys(make_store):
    store = make_store(encryption_keys=[KEY])
    store.set("a", {"n": 1})
    write_row(store, "a", expire_at=1)

    assert make_store(encryption_keys=[ANOTHER]).get("a") is None


def test_making_a_store_with_keys_reads_nothing(make_store):
    store = make_store(encryption_keys=[KEY])
    with no_sql(store):
        make_store(store.engine, encryption_keys=[ANOTHER])
