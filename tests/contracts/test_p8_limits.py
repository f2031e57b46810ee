"""P8: what `set` refuses, `get` takes for corrupt; storing the session anew repairs the row."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from values import database_of, stored_rows, write_row

from schema_session_backend import LoadedSession
from schema_session_backend._session.shared_json import SharedJsonSerializer
from schema_session_backend._session.tags import Tagging

MODULUS = 2**61 - 1
HUGE_SET = [{"$int": str(number * MODULUS)} for number in range(1, 1_700)]


def nested(levels: int) -> str:
    return '{"deep":' + "[" * levels + "]" * levels + "}"


UNSTORABLE = {
    "101 levels": nested(101),
    "400 levels": nested(400),
    "100,000 levels": nested(30_000),
    "101 tuples": '{"a":' + '{"$tuple":[' * 101 + "]}" * 101 + "}",
    "10,001 keys": json.dumps({f"{number}": 1 for number in range(10_001)}, separators=(",", ":")),
    "10,001 keys in a dict": json.dumps({"a": {f"{number}": 1 for number in range(10_001)}}),
    "10,001 pairs": json.dumps({"a": {"$dict": [[number, 1] for number in range(10_001)]}}),
    "too large": json.dumps({"a": "x" * 300_000}),
    "too large, of many bytes": json.dumps({"a": "€" * 90_000}, ensure_ascii=False),
    "two NaN in a set": '{"a":{"$set":[{"$decimal":"NaN"},{"$decimal":"NaN"}]}}',
    "a time whose offset has a fraction of a second": '{"a":{"$time":"12:00:00+00:00:30.5"}}',
    "a datetime with such an offset": '{"a":{"$datetime":"2026-01-01T12:00:00-00:00:30.5"}}',
    "a set of one hash": json.dumps({"a": {"$set": HUGE_SET}}),
    "a set with many of one hash": json.dumps({"a": {"$set": [*HUGE_SET[:300], *range(2_000)]}}),
    "keys of one hash": json.dumps({"a": {"$dict": [[item, 1] for item in HUGE_SET]}}),
}


@pytest.mark.parametrize("additional", UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_could_not_be_saved_again_is_no_session(make_store, additional):
    store = make_store(max_size=250_000)
    store.set_many({"a": {"user_id": 1}, "b": {"user_id": 1, "n": 2}})
    write_row(store, "a", additional=additional)

    assert store.get("a") is None
    assert [record.data for record in store.find(user_id=1)] == [{"user_id": 1, "n": 2}]
    store.set("a", {"n": 3})
    assert store.get("a") == {"n": 3}


def test_what_is_just_within_the_limits_is_a_session(make_store):
    store = make_store(max_size=250_000)
    for additional in (
        nested(100),
        '{"a":' + '{"$tuple":[' * 100 + "]}" * 100 + "}",
        # Of nested sets, Python's marshal writes twice as much with each level.
        '{"a":' + '{"$frozenset":[' * 100 + "]}" * 100 + "}",
        json.dumps({f"{number}": 1 for number in range(9_999)}),
        '{"a":{"$float":"nan"}}',
        '{"a":{"$set":[{"$decimal":"NaN"}]}}',
        json.dumps({"a": {"$set": HUGE_SET[:100]}}),
        json.dumps({"a": {"$set": [*HUGE_SET[:99], *range(2_000)]}}),
    ):
        store.set("a", {})
        write_row(store, "a", additional=additional)
        loaded = store.load("a")
        assert isinstance(loaded, LoadedSession)
        assert store.save(loaded, loaded.data | {"more": 1}).was_written


MISFITS = {
    "sqlite": {
        "text for an int": "n = 'many'",
        "a fraction for an int": "n = 1.5",
        "an int that is too large": "n = 3000000000",
        "bytes for text": "note = x'00ff'",
        "a text that is too long": "note = 'longer than ten'",
        "text for a float": "f = 'nonsense'",
        "year 999": "at = '0999-01-01 00:00:00.000000'",
        "JSON that is too deep": f"doc = '{'[' * 31}{']' * 31}'",
        "JSON with NaN": "doc = '[NaN]'",
    },
    "postgresql": {
        "an infinite float": "f = 'Infinity'",
        "not a number": "d = 'NaN'",
        "year 999": "at = '0999-01-01'",
        "JSON that is too deep": f"doc = '{'[' * 31}{']' * 31}'",
    },
    "mariadb": {"year 999": "at = '0999-01-01'"},
}
CASES = [(name, case) for name, cases in MISFITS.items() for case in cases]


@pytest.mark.parametrize(("url", "case"), CASES, indirect=["url"])
def test_a_column_that_holds_what_it_would_not_take_costs_its_session(log, make_store, url, case):
    schemas = "n Integer; note String(10); f Double; at DateTime; d Numeric(8, 2); doc JSON; user_id Integer"
    store = make_store(schemas=schemas)
    store.set_many({"a": {"user_id": 1, "n": 1}, "b": {"user_id": 1, "n": 2}})
    with store.engine.begin() as connection:
        change = MISFITS[database_of(url)][case].replace(":", r"\:")
        connection.execute(
            text(f"UPDATE {store.repo().name} SET {change} WHERE sid = :sid"), {"sid": store.handle("a")}
        )
    before = str(stored_rows(store))
    log.clear()

    assert store.get("a") is None
    assert [record.data for record in store.find(user_id=1)] == [{"user_id": 1, "n": 2}]
    assert str(stored_rows(store)) == before
    assert f"column {change.partition(' ')[0]!r}" in log.text
    store.set("a", {"user_id": 1, "n": 3})
    assert store.save(store.load("a"), {"user_id": 1, "n": 4}).was_written
    assert store.get("a") == {"user_id": 1, "n": 4}


@pytest.mark.parametrize("revision", [2**63 - 1, 2**63 - 2**32, -(2**63)])
def test_a_row_at_the_end_of_its_revisions_is_repaired_by_storing_it_anew(make_store, revision):
    store = make_store()
    store.set("a", {"n": 1})
    write_row(store, "a", revision=revision)

    loaded = store.load("a")
    assert loaded is None or store.save(loaded, {"n": 2}).was_written
    store.set("a", {"n": 3})
    assert store.save(store.load("a"), {"n": 4}).was_written
    assert store.get("a") == {"n": 4}


def test_nested_sets_in_the_place_of_json_are_no_session(make_store):
    store = make_store(schemas="doc JSON")
    store.set_many({"a": {}, "b": {"doc": [1]}})
    write_row(store, "a", additional='{"doc":' + '{"$frozenset":[' * 100 + "]}" * 100 + "}")

    assert store.get_many("ab") == {"b": {"doc": [1]}}


@pytest.mark.parametrize("tag", ["$tuple", "$frozenset", "$other"])
def test_nested_objects_of_other_software_are_gone_through_once(monkeypatch, tag):
    """What stands in 45 levels of possible tags is not looked through 45 times."""
    looked_at, unpack = [0], Tagging.unpack

    def counted(self, value):
        looked_at[0] += 1
        return unpack(self, value)

    monkeypatch.setattr(Tagging, "unpack", counted)
    serializer, members = SharedJsonSerializer(), sorted(map(str, range(1_000)))
    text = '{"a":' + f'{{"{tag}":[' * 45 + ",".join(members) + "]}" * 45 + "}"

    data = serializer.loads(text)

    assert serializer.dumps(data) == text
    assert looked_at[0] < 3 * len(members)


def test_a_key_that_got_a_column_later_and_does_not_fit_it_costs_its_session(make_store):
    store = make_store()
    store.set_many({"a": {"n": 1}, "b": {"n": 2}})
    write_row(store, "a", additional='{"user_id":"nobody"}')

    assert store.get_many("ab") == {"b": {"n": 2}}
    store.set("a", {"n": 3})
    assert store.get("a") == {"n": 3}
