"""Looking at a large table: page by page, counted by day, and ending what was selected."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import update

from clocks import DAY
from schema_session_backend import ConfigurationError, InvalidField
from schema_session_backend._sql import survey


@pytest.fixture
def many(store):
    """A store with 100 sessions of 5 users."""
    store.set_many({f"s{number}": {"user_id": number % 5, "device": f"d{number}"} for number in range(100)})
    return store


def pages(store, **options):
    """All pages, one after the other."""
    found = [store.browse(**options)]
    while found[-1].after is not None:
        found.append(store.browse(after=found[-1].after, **options))
    return found


def test_pages_together_have_each_session_once(many):
    found = pages(many, limit=30)

    assert [len(page.records) for page in found] == [30, 30, 30, 10]
    handles = [record.handle for page in found for record in page.records]
    assert handles == sorted(record.handle for record in many.find(limit=1000))


def test_a_full_last_page_has_no_next_page(many):
    assert [len(page.records) for page in pages(many, limit=50)] == [50, 50]


def test_pages_hold_only_sessions_that_match_the_search(many):
    found = pages(many, limit=15, user_id=3)

    assert [len(page.records) for page in found] == [15, 5]
    assert {record.data["user_id"] for page in found for record in page.records} == {3}


def test_without_an_index_a_page_reads_a_limited_number_of_rows(many, monkeypatch):
    monkeypatch.setattr(survey, "EXAMINED", 10)
    found = pages(many, device="d7")

    assert len(found) == 11  # the last one looks behind the last row
    assert [record.data["device"] for page in found for record in page.records] == ["d7"]


def test_no_page_has_expired_sessions(moved_store, clock):
    store = moved_store()
    store.set("dead", {}, 60)
    store.set("live", {}, 600)
    clock.advance(120)

    assert [page.records for page in pages(store)] == [store.find(limit=1000)]


@pytest.mark.parametrize("after", ["made up", "zzz", "", "\0", 7])
def test_a_made_up_after_is_no_error(many, after):
    assert many.browse(after=after, limit=100).records is not None


@pytest.mark.parametrize("limit", [0, -1, 1.5, None, True])
def test_the_limit_of_a_page_is_at_least_1(store, limit):
    with pytest.raises(ConfigurationError, match="limit takes how many"):
        store.browse(limit=limit)


def test_a_search_value_that_does_not_fit_its_column_is_refused(store):
    with pytest.raises(InvalidField, match="user_id"):
        store.browse(user_id="42")
    with pytest.raises(ConfigurationError, match="user_id"):
        store.browse(user=42)


def test_pages_of_a_prefixed_store_have_its_sessions_only(store):
    store.prefixed("a:").set("1", {})
    store.prefixed("b:").set("1", {})

    assert [page.records for page in pages(store.prefixed("a:"))] == [store.prefixed("a:").find(limit=1000)]


def test_a_rare_prefix_in_a_large_table_is_found_at_once(store, monkeypatch):
    monkeypatch.setattr(survey, "EXAMINED", 10)
    store.set_many({f"s{number}": {"device": "theirs"} for number in range(300)})
    ours = store.prefixed("ours:")
    ours.set_many({f"s{number}": {"device": f"d{number}"} for number in range(25)})

    assert [len(page.records) for page in pages(ours, limit=20)] == [20, 5]
    found = pages(ours, device="d7")
    assert len(found) == 3
    assert sum(len(page.records) for page in found) == 1


def test_a_corrupt_row_does_not_repeat_a_session_on_the_next_page(many):
    table = many.repo()
    with many.engine.begin() as connection:
        corrupt = update(table).where(table.c.sid == many.handle("s3")).values(additional="nonsense")
        connection.execute(corrupt)

    handles = [record.handle for page in pages(many, limit=10) for record in page.records]

    assert len(handles) == len(set(handles)) == 99


def created(store, sid, days_ago):
    """Store a session that began so many days ago."""
    store.set(sid, {})
    table = store.repo()
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)
    with store.engine.begin() as connection:
        connection.execute(update(table).where(table.c.sid == store.handle(sid)).values(created_at=moment))


def test_live_sessions_are_counted_by_the_day_of_their_start(make_store):
    store = make_store(timestamps=True)
    for sid, days_ago in {"a": 0, "b": 0, "c": 1, "d": 6, "old": 7}.items():
        created(store, sid, days_ago)

    counts = store.count_per_day(7)

    today = dt.datetime.now(dt.UTC).date()
    assert [count.day for count in counts] == [today - dt.timedelta(days=6 - number) for number in range(7)]
    assert [count.count for count in counts] == [1, 0, 0, 0, 0, 1, 2]
    assert all(count.is_exact for count in counts)


@pytest.mark.parametrize("hash_sid", [True, False])
def test_days_are_those_of_the_databases_clock(moved_store, clock, hash_sid):
    store = moved_store(timestamps=True, hash_sid=hash_sid)
    clock.advance(10 * DAY)
    today = dt.datetime.fromtimestamp(clock.time(), dt.UTC).date()
    store.set("a", {})

    assert [(count.day, count.count) for count in store.count_per_day(2)] == [
        (today - dt.timedelta(days=1), 0),
        (today, 1),
    ]


def test_a_large_table_is_counted_by_a_sample(make_store, monkeypatch):
    monkeypatch.setattr(survey, "SAMPLED", 500)
    store = make_store(timestamps=True)
    store.set_many({f"s{number}": {} for number in range(8_000)})

    [*before, today] = store.count_per_day(3)

    assert [count.count for count in before] == [0, 0]
    assert not today.is_exact
    # Twelve standard deviations of a sample this size.
    assert 4_000 < today.count < 12_000


def test_a_sample_of_a_prefix_is_of_its_sessions_only(make_store, monkeypatch):
    monkeypatch.setattr(survey, "SAMPLED", 100)
    store = make_store(timestamps=True)
    ours = store.prefixed("a:")
    ours.set_many({f"s{number}": {} for number in range(2_000)})
    store.prefixed("b:").set_many({f"s{number}": {} for number in range(2_000)})

    [today] = ours.count_per_day(1)

    assert 500 < today.count < 3_500


def test_without_timestamps_there_are_no_days(make_store):
    assert make_store().count_per_day() == []


@pytest.mark.parametrize("days", [0, -1, None, "1", 10**9, True])
def test_a_wrong_number_of_days_is_refused(store, days):
    with pytest.raises(ConfigurationError, match="days takes how many days"):
        store.count_per_day(days)


def test_revoke_many_ends_the_selected_sessions(many):
    handles = [many.handle(f"s{number}") for number in range(3)]

    assert many.revoke_many([*handles, "made up", many.load("s0"), handles[0]]) == 3
    assert many.count() == 97
    assert many.revoke_many(handles) == 0
    assert many.revoke_many([]) == 0


def test_revoke_many_can_be_a_part_of_the_callers_transaction(many, engine):
    many.wait_for_sync()
    connection = engine.connect()
    many.within(connection).revoke_many([many.handle("s1")])
    connection.rollback()
    connection.close()

    assert many.has("s1")
