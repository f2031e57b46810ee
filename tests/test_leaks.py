"""The search of `leaks` finds what it is to find."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest
from silence import ID, SECRET

from leaks import searched
from schema_session_backend import SessionStore, SessionStoreError, StatementFailed

LOG = logging.getLogger("schema_session_backend")


def quote_in_the_message(secret):
    raise StatementFailed(f"the database refused {secret}", code=None)


def quote_in_an_attribute(secret):
    raise StatementFailed("the database refused it", code=secret)


def quote_in_the_context(secret):
    try:
        {}[secret]
    except KeyError:
        raise SessionStoreError("the database refused it") from None


def quote_in_an_error_that_is_dropped(secret):
    with pytest.raises(SessionStoreError):
        quote_in_the_context(secret)
    LOG.warning("the database refused it")


def quote_in_the_log(secret):
    LOG.warning("refused: %s", secret)


def quote_in_a_logged_error(secret):
    try:
        {}[secret]
    except KeyError:
        LOG.warning("the database refused it", exc_info=True)


QUOTES = [
    quote_in_the_message, quote_in_an_attribute, quote_in_the_context, quote_in_an_error_that_is_dropped,
    quote_in_the_log, quote_in_a_logged_error,
]  # fmt: skip


@pytest.mark.parametrize("secret", [ID, SECRET, "open-sesame"], ids=["id", "value", "password"])
@pytest.mark.parametrize("quote", QUOTES)
def test_what_is_quoted_is_found(tmp_path, quote, secret):
    with searched() as leaks:
        SessionStore("postgresql+psycopg://app:open-sesame@127.0.0.1:9/app")
        with SessionStore(f"sqlite:///{tmp_path}/sessions.db", schemas="device String(50)") as store:
            store.set(ID, {"device": "phone", "cart": [{"tea": {SECRET}}]})
        with suppress(SessionStoreError):
            quote(secret)

    assert [found for found in leaks.found() if found.startswith(repr(secret))]


def test_a_test_that_quotes_nothing_passes(tmp_path):
    with searched() as leaks:
        with SessionStore(f"sqlite:///{tmp_path}/sessions.db", schemas="device String(50)") as store:
            store.set(ID, {"device": SECRET})
            with pytest.raises(SessionStoreError):
                store.set(ID, {"device": SECRET * 10})
        LOG.warning("the database refused it")

    assert len(leaks.said) > 0
    assert leaks.found() == []
