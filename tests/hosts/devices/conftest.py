"""The page of devices on each host in turn, and browsers that are signed in there."""

from __future__ import annotations

import pytest
from devices_calls import SCHEMAS
from devices_site import SITES
from webtest import TestApp

from test_request_fields import FIREFOX


@pytest.fixture(params=list(SITES))
def host(request):
    """A host's name, each in turn."""
    return request.param


@pytest.fixture
def url(tmp_path):
    """The page has no SQL, and the store's searches are tested on all databases, so that SQLite is enough."""
    return f"sqlite:///{tmp_path}/sessions.db"


@pytest.fixture
def store(make_store):
    """A store with the columns that the page shows."""
    return make_store(schemas=SCHEMAS, timestamps=True, request_fields="ip user_agent device")


@pytest.fixture
def open_site(host, store):
    """Opens a site; returns a function that makes browsers there, signed in as a user if one is given."""

    def open_site(**options):
        application = SITES[host](store, **options)

        def browser(user=None, user_agent=FIREFOX):
            client = TestApp(
                application, extra_environ={"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": "203.0.113.9"}
            )
            if user is not None:
                client.get(f"/sign-in?user={user}")
            return client

        return browser

    return open_site


@pytest.fixture
def browser(open_site):
    """Makes browsers of a site."""
    return open_site()
