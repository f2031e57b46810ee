"""P8: only a store with `serializer="pickle"` reads pickle."""

from __future__ import annotations

import base64
import json
import logging
import pickle
from pathlib import Path

import pytest
from babel.support import LazyProxy
from kinds import Color, Point
from values import identical, stored_rows, write_row

from schema_session_backend import UnserializableValue

pytestmark = pytest.mark.partitioned_too


class Bomb:
    """Unpickling this object creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


class Basket:
    def __init__(self, *things):
        self.things = things

    def __eq__(self, other):
        return type(other) is Basket and other.things == self.things

    def __hash__(self):
        return hash(self.things)


def test_pickle_keeps_objects_when_it_was_asked_for_by_name(make_store):
    store = make_store(serializer="pickle")
    session = {"user_id": 1, "basket": Basket(1, "zwei"), "color": Color.RED, "point": Point(1, 2)}
    store.set("a", session)

    loaded = store.get("a")
    assert loaded == session
    assert type(loaded["color"]) is Color
    assert type(loaded["point"]) is Point


# A LazyProxy of Babel can be pickled but not unpickled.
@pytest.mark.parametrize("bad", [lambda: None, LazyProxy(str)], ids=["pickled", "unpickled"])
def test_a_value_that_cannot_be_pickled_and_unpickled_is_refused_by_name(make_store, bad):
    store = make_store(serializer="pickle")
    store.set("a", {"cart": [1]})
    before = stored_rows(store)

    with pytest.raises(UnserializableValue) as caught:
        store.set("a", {"good": 1, "bad": bad})

    assert caught.value.key == "bad"
    assert stored_rows(store) == before


def test_pickle_reads_rows_that_were_written_as_json(make_store):
    make_store().set("a", {"user_id": 1, "cart": (1, 2)})

    assert identical(make_store(serializer="pickle").get("a"), {"user_id": 1, "cart": (1, 2)})


def test_the_default_serializer_never_unpickles(make_store, tmp_path, caplog):
    """A hostile row counts as absent, is kept, and is logged without id or value; others are read."""
    mark = tmp_path / "was_run"
    pickled = pickle.dumps({"secret": Bomb(mark)})
    store = make_store()
    for form in (
        "pickle:" + base64.b64encode(pickled).decode(),
        base64.b64encode(pickled).decode(),
        json.dumps({"$pickle": base64.b64encode(pickled).decode()}),
    ):
        store.set("the-id-of-a-session", {"user_id": 1})
        store.set("b", {"user_id": 2})
        write_row(store, "the-id-of-a-session", additional=form)
        before = stored_rows(store)
        caplog.clear()

        with caplog.at_level(logging.WARNING, "schema_session_backend"):
            assert store.get("the-id-of-a-session") is None
            assert [record.data for record in store.find(limit=1000)] == [{"user_id": 2}]

        assert not mark.exists()
        assert stored_rows(store) == before
        assert "is corrupt and counts as absent" in caplog.text
        assert "the-id-of-a-session" not in caplog.text
        assert "secret" not in caplog.text
        assert form not in caplog.text


@pytest.mark.unsealed
def test_a_store_with_pickle_runs_code_from_a_row(make_store, tmp_path):
    """The test above proves something only if its bomb does go off in a store with pickle."""
    mark = tmp_path / "was_run"
    store = make_store(serializer="pickle")
    store.set("a", {})
    write_row(store, "a", additional="pickle:" + base64.b64encode(pickle.dumps({"a": Bomb(mark)})).decode())

    store.get("a")

    assert mark.exists()
