"""P3: a base column's name is no session key, and a search takes declared columns only."""

from __future__ import annotations

import pytest
from values import no_sql, stored_rows

from schema_session_backend import ConfigurationError, InvalidField


@pytest.mark.parametrize("name", ["sid", "additional", "expire_at", "revision", "created_at", "updated_at"])
def test_a_session_key_with_the_name_of_a_base_column_is_refused(store, table_name, name):
    store.set("a", {"cart": [1]})
    before = stored_rows(store)

    for value in (1, None, "x"):
        with no_sql(store), pytest.raises(InvalidField) as caught:
            store.set("a", {"cart": [], name: value})
        assert str(caught.value) == (
            f"column {name!r} of table {table_name!r}: is a base column; the session needs another key"
        )

    assert stored_rows(store) == before


def test_without_timestamps_the_names_of_their_columns_are_free(make_store):
    store = make_store()
    store.set("a", {"created_at": "yesterday", "updated_at": None})

    assert store.get("a") == {"created_at": "yesterday", "updated_at": None}


def test_a_renamed_base_column_frees_its_old_name_and_takes_the_new_one(make_store):
    store = make_store(additional_name="rest")
    store.set("a", {"additional": 1})

    assert store.get("a") == {"additional": 1}
    with pytest.raises(InvalidField, match="column 'rest' of table"):
        store.set("a", {"rest": 1})


def test_a_key_that_differs_in_case_from_a_column_is_another_key(store):
    store.set("a", {"User_ID": "free", "SID": 1, "user_id": 5})

    assert store.get("a") == {"User_ID": "free", "SID": 1, "user_id": 5}


@pytest.mark.parametrize("search", ["find", "count", "revoke_where"])
def test_searching_an_unknown_column_names_the_most_similar_column(store, table_name, search):
    store.set("a", {"user_id": 1})

    with pytest.raises(ConfigurationError) as caught:
        getattr(store, search)(userid=1)

    assert (
        str(caught.value) == f"table {table_name!r} has no declared column 'userid': did you mean 'user_id'?"
    )
    assert store.get("a") == {"user_id": 1}


@pytest.mark.parametrize("search", ["find", "count", "revoke_where"])
def test_base_columns_cannot_be_searched_by_name(store, search):
    for name in ("sid", "expire_at", "additional"):
        with pytest.raises(ConfigurationError, match=f"no declared column {name!r}: "):
            getattr(store, search)(**{name: 1})
