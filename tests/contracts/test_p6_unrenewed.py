"""P6: a save can leave the expiry alone, for requests that are no use of the session, such as polling."""

from __future__ import annotations

import pytest
from values import expiry, stored_rows

from clocks import HOUR, MINUTE
from schema_session_backend import ConfigurationError, Outcome, SessionStore

pytestmark = pytest.mark.partitioned_too

TIMESTAMPS = pytest.mark.parametrize("timestamps", [True, False], ids=["timestamps", "no timestamps"])


@pytest.fixture
def half_an_hour_later(frozen):
    """Makes a store with a session of an hour, half of which has passed."""

    def make(**options):
        store, clock = frozen(max_age=HOUR, **options)
        store.set("a", {"user_id": 1, "x": 1})
        clock.now += HOUR // 2 * 1000
        return store, clock

    return make


@TIMESTAMPS
def test_it_saves_what_changed_and_leaves_the_expiry_and_the_last_use(half_an_hour_later, timestamps):
    store, clock = half_an_hour_later(timestamps=timestamps)
    before = store.load("a")
    saved = store.save(before, {"user_id": 2, "x": 2}, renew=False)

    assert (saved.outcome, saved.sends_cookie) == (Outcome.SAVED, False)
    after = store.load("a")
    assert after.data == {"user_id": 2, "x": 2}
    assert (after.expires_at, after.updated_at) == (before.expires_at, before.updated_at)
    assert saved.session.expires_at == before.expires_at
    clock.now += HOUR // 2 * 1000
    assert store.get("a") is None


@TIMESTAMPS
def test_it_writes_nothing_if_nothing_changed(half_an_hour_later, timestamps):
    store, _ = half_an_hour_later(timestamps=timestamps)
    before = stored_rows(store)
    saved = store.save(store.load("a"), renew=False)

    assert (saved.outcome, saved.sends_cookie) == (Outcome.UNCHANGED, False)
    assert stored_rows(store) == before


@pytest.mark.parametrize(
    "data", [{"user_id": 1, "x": 1}, {"user_id": 1, "x": 2}], ids=["unchanged", "changed"]
)
@TIMESTAMPS
def test_a_new_id_does_not_renew_either_and_its_cookie_is_sent(half_an_hour_later, data, timestamps):
    store, _ = half_an_hour_later(timestamps=timestamps)
    before = store.load("a")
    saved = store.save(before, data, new_sid="b", renew=False)

    assert saved.was_written
    assert saved.sends_cookie
    after = store.load("b")
    assert after.data == data
    assert (after.expires_at, after.updated_at) == (before.expires_at, before.updated_at)
    assert store.get("a") is None
    assert store.save(saved.session, data | {"y": 1}, renew=False).outcome is Outcome.SAVED


@pytest.mark.parametrize("new_sid", [None, "b"])
def test_p4_a_change_of_another_request_is_kept_and_its_renewal_too(half_an_hour_later, new_sid):
    store, clock = half_an_hour_later()
    polling = store.load("a")
    store.save(store.load("a"), {"user_id": 1, "x": 1, "theirs": 1})
    renewed = clock.now + HOUR * 1000
    clock.now += MINUTE * 1000
    saved = store.save(polling, {"user_id": 1, "x": 2}, new_sid=new_sid, renew=False)

    assert saved.was_written
    assert store.get(new_sid or "a") == {"user_id": 1, "x": 2, "theirs": 1}
    assert expiry(store, new_sid or "a") == renewed


def test_p13_a_request_that_does_not_renew_follows_its_session_to_a_new_id(half_an_hour_later):
    store, _ = half_an_hour_later()
    polling = store.load("a")
    before = expiry(store)
    store.rotate("a", "b")
    saved = store.save(polling, {"user_id": 1, "x": 2}, renew=False)

    assert saved.outcome is Outcome.ROTATED
    assert store.get("b") == {"user_id": 1, "x": 2}
    assert expiry(store, "b") == before


def test_p5_it_brings_no_ended_session_back(half_an_hour_later):
    store, _ = half_an_hour_later()
    polling = store.load("a")
    store.destroy("a")

    assert store.save(polling, {"x": 2}, renew=False).is_gone
    assert store.get("a") is None


def test_a_new_session_lives_for_its_idle_timeout(frozen):
    store, clock = frozen(max_age=HOUR)
    for sid in ("a", "taken"):
        store.set("taken", {})
        clock.now += MINUTE * 1000
        saved = store.save(store.blank(sid), {"x": 1}, renew=False)

        assert saved.was_written
        assert saved.sends_cookie
        assert expiry(store, sid) == clock.now + HOUR * 1000


@pytest.mark.parametrize(
    ("path", "renews"),
    [
        ("/poll", False),
        ("/poll/7", False),
        ("/live/events", False),
        ("/polls", True),
        ("/", True),
        ("", True),
    ],
)
def test_the_path_of_a_request_may_say_that_it_renews_nothing(half_an_hour_later, path, renews):
    store, clock = half_an_hour_later(unrenewed_paths=" /poll /live/events/ ")
    before = expiry(store)
    store.save(store.load("a"), {"x": 2}, environ={"PATH_INFO": path})

    assert store.get("a") == {"x": 2}
    assert expiry(store) == (clock.now + HOUR * 1000 if renews else before)


@pytest.mark.parametrize("paths", ["poll", "/poll, /events", "/poll;/events", "/poll/*", None, 7, ["/poll"]])
def test_paths_that_are_none_are_refused_at_start(paths):
    with pytest.raises(ConfigurationError, match="unrenewed_paths takes paths that begin with /"):
        SessionStore("sqlite://", unrenewed_paths=paths)


def test_p9_it_is_one_statement(counted, counter):
    store = counted(touch_interval=0)
    store.set("a", {"x": 1})
    loaded = store.load("a")

    with counter.expect(0):
        store.save(loaded, renew=False)
    with counter.expect(1):
        store.save(loaded, {"x": 2}, renew=False)
