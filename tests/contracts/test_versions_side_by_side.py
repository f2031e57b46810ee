"""Versions of an application with different columns work side by side on one table.

The old version has the key `device` in `additional`. A new one that declares a searchable copy of it works
with the old one in both directions. A new one that declares the column as the home of the key moves the key
there, where the old one does not see it, but never takes an older value for the newer one.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.partitioned_too

OLD = "user_id Integer"
COPY = "user_id Integer; device String(50) from device"
HOME = "user_id Integer; device String(50)"


@pytest.fixture
def version(make_store):
    """Makes the store of a version; the one before has been in use."""

    def version(schemas):
        store = make_store(schemas=schemas)
        store.set("probe", {})
        store.get("probe")
        return store

    return version


@pytest.mark.parametrize("reverse", [False, True], ids=["to the newer", "to the older"])
def test_each_reads_what_the_other_has_saved(version, reverse):
    one, other = version(OLD), version(COPY)
    if reverse:
        one, other = other, one

    one.set("a", {"user_id": 1, "device": "phone", "cart": [1]})
    loaded = other.load("a")
    assert loaded.data == {"user_id": 1, "device": "phone", "cart": [1]}
    other.save(loaded, {"user_id": 1, "device": "laptop", "cart": [1, 2]})
    assert one.get("a") == {"user_id": 1, "device": "laptop", "cart": [1, 2]}
    loaded = one.load("a")
    one.save(loaded, {"user_id": 1, "cart": [1, 2]})

    assert other.get("a") == {"user_id": 1, "cart": [1, 2]}


@pytest.mark.parametrize("newer", [COPY, HOME])
def test_the_newer_value_wins_whoever_saved_it(version, newer):
    old, new = version(OLD), version(newer)
    new.set("a", {"device": "phone"})
    loaded = old.load("a")

    old.save(loaded, {**loaded.data, "device": "tablet"})

    assert new.get("a") == {"device": "tablet"}
    loaded = new.load("a")
    new.save(loaded, {"device": "tablet", "seen": True})
    assert new.get("a") == {"device": "tablet", "seen": True}
    assert new.count(device="tablet") == 1
    assert new.count(device="phone") == 0


@pytest.mark.parametrize("value", [None, "phone"])
def test_none_and_absent_stay_apart(version, value):
    old, new = version(OLD), version(COPY)
    old.set("a", {"device": value})
    new.set("b", {"device": value})

    assert new.get("a") == old.get("a") == {"device": value}
    assert new.get("b") == old.get("b") == {"device": value}
    old.set("a", {})
    new.set("b", {})
    assert new.get("a") == new.get("b") == old.get("b") == {}


def test_an_old_version_in_use_goes_on_while_a_new_one_adds_its_columns(make_store):
    old = make_store(schemas=OLD)
    old.set("a", {"user_id": 1, "cart": []})
    loaded = old.load("a")

    make_store(schemas=f"{HOME} index; ip String(45)", timestamps=True).set("b", {"user_id": 2, "ip": "::1"})

    old.save(loaded, {"user_id": 1, "cart": [1]})
    old.set("c", {"user_id": 3})
    assert old.get("a") == {"user_id": 1, "cart": [1]}
    assert old.count(user_id=2) == 1
    assert old.revoke_where(user_id=3) == 1


def test_two_versions_that_change_one_session_at_once_both_keep_their_changes(version):
    old, new = version(OLD), version(COPY)
    old.set("a", {"device": "phone"})
    in_old, in_new = old.load("a"), new.load("a")

    new.save(in_new, {"device": "laptop"})
    old.save(in_old, {"device": "phone", "cart": [1]})

    assert new.get("a") == {"device": "laptop", "cart": [1]}
