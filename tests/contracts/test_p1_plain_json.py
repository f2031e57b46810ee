"""P1: plain JSON stays plain JSON in the table, and dicts that look like tags come back as they were."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from sqlalchemy import text
from values import database_of, identical, stored_rows

pytestmark = [pytest.mark.partitioned_too, pytest.mark.unsealed]


def test_plain_json_stands_in_additional_as_itself(store):
    session = {"cart": [1, 2.5, "drei", None, True], "settings": {"theme": {"dark": False}}, "name": "Zoë"}
    store.set("a", {"user_id": 7, **session})

    [row] = stored_rows(store)
    additional = row[list(store.repo().c.keys()).index("additional")]
    assert json.loads(additional) == session
    assert "Zoë" in additional


LOOK_INSIDE = {
    "sqlite": "SELECT json_extract(additional, '$.cart[1].sku') FROM {}",
    "postgresql": "SELECT additional::jsonb -> 'cart' -> 1 ->> 'sku' FROM {}",
    "mariadb": "SELECT JSON_VALUE(additional, '$.cart[1].sku') FROM {}",
}


def test_sql_can_look_inside_a_session(store, url, table_name):
    store.set("a", {"cart": [{"sku": "A-1"}, {"sku": "B-2"}], "when": dt.date(2024, 1, 1)})

    with store.engine.begin() as connection:
        found = connection.execute(text(LOOK_INSIDE[database_of(url)].format(table_name))).scalar()

    assert found == "B-2"


TAGGED: dict[str, Any] = {
    "tuple": {"$tuple": [1]},
    "dict": {"$dict": [[1, 2]]},
    "nested": {"a": {"$tuple": [1]}},
    "in a list": {"a": [{"$dict": {"$dict": []}}, {"$bytes": "no base64"}]},
    "unknown": {"$unknown": 1},
    "only a dollar": {"$": {"$": {"$": None}}},
    "dict of dict": {"$dict": {"$dict": {"$dict": []}}},
    "two keys": {"$tuple": [1], "$set": [2]},
    "in a tuple": {"a": ({"$set": [1]},)},
    "beside a real one": {"a": {"$tuple": (1, {"$tuple": [2]})}},
}


@pytest.mark.parametrize("name", TAGGED)
def test_a_dict_that_looks_like_a_tag_comes_back_as_it_was(store, name):
    store.set("a", TAGGED[name])

    assert identical(store.get("a"), TAGGED[name])
