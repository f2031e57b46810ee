"""A request that pyramid_retry tries again leaves nothing of its first attempt behind."""

from __future__ import annotations

import pytest
from pyramid_retry import RetryableException
from sqlalchemy import select
from transaction_steps import look, sorry


# The other databases wait instead of refusing the save.
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_request_whose_save_conflicts_with_another_transaction_is_tried_again(
    application, store, signed_in
):
    attempts = []

    def do(request):
        attempts.append(1)
        request.dbsession.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        request.dbsession.execute(select(1))
        look(request)
        if len(attempts) == 1:
            store.update("phone", lambda data: data | {"theirs": 1})
        request.session["mine"] = 2

    application(do, lambda config: config.include("pyramid_retry")).get("/", headers=signed_in)

    assert len(attempts) == 2
    assert store.get("phone") == {"user_id": 42, "theirs": 1, "mine": 2}


@pytest.mark.parametrize("transactional", [True, False])
def test_an_attempt_that_is_tried_again_leaves_nothing_behind(application, store, signed_in, transactional):
    attempts = []

    def do(request):
        attempts.append(dict(request.session))
        request.session.rotate()
        request.session["visits"] = 1
        if len(attempts) == 1:
            raise RetryableException

    def configure(config):
        config.include("pyramid_retry")
        config.add_exception_view(sorry, context=Exception)

    client = application(do, configure, transactional=transactional)
    client.get("/", headers=signed_in)

    assert attempts == [{"user_id": 42}, {"user_id": 42}]
    assert store.count(user_id=42) == 2
    assert store.get(client.cookies["session"]) == {"user_id": 42, "visits": 1}
