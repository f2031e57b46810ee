"""P8: a row that the driver cannot decode costs its own session, and no listing that it is in."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import make_url, text
from values import database_of

from databases import chosen_drivers
from schema_session_backend import new_session_id

SCHEMAS = "user_id Integer index; doc JSON; at DateTime; lunch Time; note Text"

NOT_UTF8 = "CAST(x'61ff62' AS TEXT)"
UNDECODABLE = {
    "postgresql": {
        "created_at: infinity": "created_at = 'infinity'",
        "created_at: BC": "created_at = '0044-03-15 BC'",
        "created_at: year 10000": "created_at = '10000-01-01'",
        "updated_at: infinity": "updated_at = '-infinity'",
        "at: infinity": "at = 'infinity'",
        "lunch: 24:00": "lunch = '24:00'",
        "doc: 1,500 levels": f"doc = '{'[' * 1500}{']' * 1500}'",
        "doc: 5,000 digits": f"doc = '[{'9' * 5000}]'",
    },
    "sqlite": {
        "additional: no UTF-8": f"additional = {NOT_UTF8}",
        "note: no UTF-8": f"note = {NOT_UTF8}",
        "created_at: no UTF-8": f"created_at = {NOT_UTF8}",
        "created_at: text": "created_at = 'nonsense'",
        "created_at: number": "created_at = 12.5",
        "created_at: bytes": "created_at = x'00ff'",
        "created_at: impossible day": "created_at = '2024-02-31 00:00:00'",
        "updated_at: text": "updated_at = 'nonsense'",
        "expire_at: no UTF-8": f"expire_at = {NOT_UTF8}",
        "revision: no UTF-8": f"revision = {NOT_UTF8}",
        "user_id: text": "doc = 'nonsense'",
    },
    "mariadb": {
        "created_at: month 0": "created_at = '2024-00-05'",
        "created_at: day 0": "created_at = '2024-02-00'",
        "created_at: impossible day": "created_at = '2024-02-31'",
        "created_at: nothing but 0": "created_at = '0000-00-00'",
        "updated_at: month 0": "updated_at = '2024-00-05'",
        "at: day 0": "at = '2024-02-00'",
        "doc: 5,000 digits": f"doc = '[{'9' * 5000}]'",
        "lunch: 25:00": "lunch = '25:00'",
        "lunch: 838:59:59": "lunch = '838:59:59'",
        "lunch: negative": "lunch = '-01:00'",
    },
}
# What psycopg2 decodes as another value, the nearest that Python has.
DECODED_BY_PSYCOPG2 = {"at: infinity", "lunch: 24:00"}
DECODED = DECODED_BY_PSYCOPG2 if "psycopg2" in chosen_drivers().values() else set()
CASES = [
    (name, case)
    for name, cases in UNDECODABLE.items()
    for case in cases
    if name != "postgresql" or case not in DECODED
]


@pytest.fixture
def broken(make_store, url, request):
    """A store of two sessions of user 7, the second of which has a row that cannot be decoded."""
    store = make_store(schemas=SCHEMAS, timestamps=True)
    store.set_many({"intact": {"user_id": 7, "n": 1}, "broken": {"user_id": 7, "n": 2}})
    spoil(store, "broken", UNDECODABLE[database_of(url)][request.param])
    return store


def spoil(store, sid, change):
    mode = "SET STATEMENT sql_mode = 'ALLOW_INVALID_DATES' FOR" if store.engine.name == "mariadb" else ""
    change = change.replace(":", r"\:")
    with store.engine.begin() as connection:
        connection.execute(
            text(f"{mode} UPDATE {store.repo().name} SET {change} WHERE sid = :sid"),
            {"sid": store.handle(sid)},
        )


@pytest.mark.parametrize(("url", "broken"), CASES, indirect=True)
def test_the_others_are_listed_and_the_row_is_logged_by_its_hash(log, broken, engine):
    log.clear()
    one = [{"user_id": 7, "n": 1}]

    assert broken.get("broken") is None
    assert broken.get("intact") == one[0]
    assert [record.data for record in broken.find(user_id=7)] == one
    assert [record.data for record in broken.browse(limit=10).records] == one
    assert broken.get_many(["intact", "broken"]) == {"intact": one[0]}
    assert sum(day.count for day in broken.count_per_day()) in {1, 2}
    with engine.connect() as connection:
        assert [record.data for record in broken.within(connection).find(user_id=7)] == one
    assert broken.handle("broken") in log.text


@pytest.mark.parametrize(("url", "broken"), CASES, indirect=True)
def test_the_row_can_be_revoked_and_removed(broken):
    assert broken.revoke(broken.handle("broken"), user_id=7)
    assert broken.get("intact") == {"user_id": 7, "n": 1}
    assert broken.count() == 1


@pytest.mark.parametrize(("url", "broken"), CASES, indirect=True)
def test_the_pages_of_a_listing_go_on_after_the_row(broken):
    found, after = [], ""
    while after is not None:
        page = broken.browse(after=after or None, limit=1)
        found += page.records
        after = page.after

    assert [record.data for record in found] == [{"user_id": 7, "n": 1}]


@pytest.mark.parametrize(("url", "broken"), CASES, indirect=True)
def test_storing_the_session_anew_repairs_the_row(broken):
    broken.set("broken", {"user_id": 7, "n": 3})

    loaded = broken.load("broken")
    assert loaded.data == {"user_id": 7, "n": 3}
    assert abs(dt.datetime.now(dt.UTC) - loaded.created_at) < dt.timedelta(minutes=5)
    assert broken.save(loaded, {"user_id": 7, "n": 4}).was_written
    assert broken.get("broken") == {"user_id": 7, "n": 4}


@pytest.mark.parametrize(("url", "broken"), CASES, indirect=True)
def test_a_first_save_of_the_same_id_repairs_the_row(broken):
    assert broken.save(broken.blank("broken"), {"user_id": 7, "n": 3}).was_written
    assert broken.get("broken") == {"user_id": 7, "n": 3}


@pytest.mark.parametrize(("url", "broken"), CASES, indirect=True)
def test_the_operations_on_one_session_give_documented_answers(broken):
    assert broken.touch("broken") in {True, False}
    assert broken.update("broken", lambda data: data) in (None, {"user_id": 7, "n": 2})
    assert broken.add("broken", {"n": 3}) is False
    assert broken.rotate("broken", new := new_session_id())
    assert broken.destroy(new)
    assert broken.get("intact") == {"user_id": 7, "n": 1}


@pytest.mark.parametrize(
    ("url", "broken", "decoded"),
    [
        ("postgresql", "at: infinity", {"at": dt.datetime.max}),  # noqa: DTZ901 - the column has no zone
        ("postgresql", "lunch: 24:00", {"lunch": dt.time(0)}),
    ],
    indirect=["url", "broken"],
)
def test_a_value_that_only_psycopg2_decodes_is_corrupt_with_other_drivers(broken, url, decoded):
    with_psycopg2 = make_url(url).get_driver_name() == "psycopg2"

    assert broken.get("broken") == ({"user_id": 7, "n": 2, **decoded} if with_psycopg2 else None)
    assert broken.get("intact") == {"user_id": 7, "n": 1}
