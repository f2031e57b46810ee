"""The ledger finds what a database has lost, revived, counted twice or half written."""

from __future__ import annotations

import pytest

from .ledger import (
    ABSENT,
    DONE,
    PRESENT,
    SHARED,
    UNDOCUMENTED,
    UNDONE,
    UNKNOWN,
    Books,
    Ledger,
    content,
    seen_in,
)

ACCOUNT = 7


class Client:
    """Writes a ledger; each method is a call that was told `outcome`."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "a.ledger")

    def called(self, kind, number=0, outcome=DONE, seen=None, sid="a", to=None, account=ACCOUNT):
        self.ledger.about_to(kind, kind, account, sid, to or sid, number)
        if outcome is not None:
            self.ledger.was_told(outcome, seen, "an error")
        return self

    def verdict(self, stored=None, sid="a"):
        """What the ledger says if this is stored: the number of the last write, and the count."""
        table = {}
        if stored is not None:
            number, times = stored
            table = {sid: content(ACCOUNT, number) | {"times": times}}
        return Books(self.folder, deadline=5).compare(table, lambda sid: sid)


@pytest.fixture
def client(tmp_path) -> Client:
    return Client(tmp_path)


def test_a_table_with_what_was_acknowledged_is_right(client):
    client.called("put", 1).called("change", 2).called("count", 3).called("move", to="b")

    verdict = client.verdict((3, 1), sid="b")

    assert verdict.complaints == []
    assert verdict.acknowledged == 4


def test_an_acknowledged_session_that_is_not_there_is_lost(client):
    assert len(client.called("put", 1).verdict().lost) == 1


def test_an_older_version_is_a_lost_write(client):
    assert len(client.called("put", 1).called("change", 2).verdict((1, 0)).lost) == 1


def test_a_session_that_was_ended_and_is_there_is_revived(client):
    assert len(client.called("put", 1).called("end").verdict((1, 0)).revived) == 1


def test_a_session_under_its_old_id_is_revived(client):
    assert len(client.called("put", 1).called("move", to="b").verdict((1, 0), sid="a").revived) == 1


def test_a_session_that_no_client_knows_is_revived(client):
    assert len(client.verdict((1, 0)).revived) == 1


def test_a_session_that_was_counted_twice_is_wrong(client):
    assert len(client.called("put", 1).called("count", 2).verdict((2, 2)).wrong) == 1


@pytest.mark.parametrize("outcome", [UNKNOWN, None], ids=["unknown", "killed"])
@pytest.mark.parametrize("stored", [(1, 0), (2, 0)])
def test_a_write_whose_outcome_is_unknown_may_be_there_or_not(client, outcome, stored):
    assert client.called("put", 1).called("change", 2, outcome).verdict(stored).complaints == []


@pytest.mark.parametrize("stored", [None, (1, 0)])
def test_an_end_whose_outcome_is_unknown_may_be_there_or_not(client, stored):
    assert client.called("put", 1).called("end", outcome=UNKNOWN).verdict(stored).complaints == []


@pytest.mark.parametrize(
    ("kind", "seen", "stored"), [("change", {"number": 1}, (2, 0)), ("end", PRESENT, None)]
)
def test_a_write_that_is_done_after_a_look_is_a_wrong_answer_and_no_loss(client, kind, seen, stored):
    client.called("put", 1).called(kind, 2, UNKNOWN).called("look", seen=seen)

    verdict = client.verdict(stored)

    assert (len(verdict.lost), len(verdict.revived), len(verdict.wrong)) == (0, 0, 1)


def test_what_was_said_not_to_be_done_must_not_be_done(client):
    verdict = client.called("put", 1).called("change", 2, UNDONE).verdict((2, 0))

    assert len(verdict.wrong) == 1
    assert verdict.refused == 1


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (ABSENT, "lost"),
        ({"number": 1, "times": 0}, "lost"),
        ({"number": 3, "times": 0}, "wrong"),
        ({"torn": ["number"]}, "wrong"),
    ],
)
def test_an_answer_that_cannot_be_true_is_found(client, seen, kind):
    client.called("put", 1).called("change", 2).called("look", seen=seen)

    assert len(getattr(client.verdict((2, 0)), kind)) >= 1


def test_an_end_that_says_that_nothing_was_there_is_a_wrong_answer(client):
    assert len(client.called("put", 1).called("end", seen=ABSENT).verdict().lost) == 1


def test_a_session_that_is_saved_after_its_end_is_revived(client):
    client.called("put", 1).called("end").called("change", 2, seen=PRESENT)

    assert len(client.verdict().revived) == 1


def test_an_error_that_is_not_documented_is_found(client):
    assert len(client.called("put", 1, UNDOCUMENTED).verdict().wrong) == 1


def test_a_half_written_session_is_seen(tmp_path):
    whole = content(ACCOUNT, 2) | {"times": 0}

    assert seen_in(whole, ACCOUNT) == {"number": 2, "times": 0}
    assert "torn" in seen_in(whole | {"device": "write 1"}, ACCOUNT)
    assert seen_in(None, ACCOUNT) == ABSENT


@pytest.mark.parametrize(("visits", "lost", "wrong"), [(2, 0, 0), (3, 0, 0), (1, 1, 0), (4, 0, 1)])
def test_a_shared_session_was_counted_in_as_often_as_was_acknowledged(client, visits, lost, wrong):
    for outcome in (DONE, DONE, UNKNOWN, UNDONE):
        client.called("count", outcome=outcome, account=SHARED, sid="hot")

    verdict = Books(client.folder, deadline=5).compare({"hot": {"times": visits}}, lambda sid: sid)

    assert (len(verdict.lost), len(verdict.wrong)) == (lost, wrong)


def test_an_answer_long_after_the_deadline_is_late(client, monkeypatch):
    client.ledger.about_to("get", "look", ACCOUNT, "a", "a", 0)
    monkeypatch.setattr("time.monotonic", lambda: 10_000_000.0)
    client.ledger.was_told(UNDONE)

    assert len(client.verdict().late) == 1
