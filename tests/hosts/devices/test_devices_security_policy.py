"""With a security policy, the page of devices and `request.schema_sessions` ask it who the visitor is."""

from __future__ import annotations

import pytest
from devices_calls import handles, sessions
from pyramid.authentication import SessionAuthenticationHelper
from pyramid.config import Configurator
from pyramid.response import Response
from webtest import TestApp

from schema_session_backend import ConfigurationError

SCHEMAS = 'user_id Integer index from "auth.userid"'


class Policy:
    """Keeps the user in the session, and asks the application whether the account is still active."""

    def __init__(self):
        self._helper = SessionAuthenticationHelper()
        self.deactivated: set[int] = set()

    def authenticated_userid(self, request):
        userid = self._helper.authenticated_userid(request)
        return None if userid in self.deactivated else userid

    def remember(self, request, userid, **options):
        return self._helper.remember(request, userid, **options)


class TextPolicy(Policy):
    """Names users by text, as policies with tickets do."""

    def authenticated_userid(self, request):
        userid = super().authenticated_userid(request)
        return None if userid is None else str(userid)


@pytest.fixture
def store(make_store):
    """A store that copies the user of Pyramid's own authentication into a column."""
    return make_store(schemas=SCHEMAS, timestamps=True)


def application(store, policy=None, **options):
    def sign_in(request):
        policy.remember(request, int(request.GET["user"]))
        return Response("done")

    settings = {"schema_session.store": store, "schema_session.cookie_secure": "false"}
    config = Configurator(settings=settings)
    config.include("pyramid_schema_session")
    config.add_devices_page(administers=lambda _request: True, **options)
    if policy is not None:
        config.set_security_policy(policy)
    own = lambda request: request.schema_sessions  # noqa: E731 - three short views
    views = {
        "sign-in": sign_in,
        "list": lambda request: Response(str(len(own(request).list()))),
        "revoke": lambda request: Response(str(own(request).revoke(request.GET["handle"]))),
        "revoke-others": lambda request: Response(str(own(request).revoke_others())),
    }
    for name, view in views.items():
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name)
    return config.make_wsgi_app()


def signed_in(app, user):
    client = TestApp(app)
    client.get(f"/sign-in?user={user}")
    return client


@pytest.mark.parametrize("policy", [Policy, TextPolicy])
def test_the_policys_user_sees_and_ends_the_users_devices(store, policy):
    app = application(store, policy())
    this, _, stranger = (signed_in(app, user) for user in (42, 42, 43))

    assert len(sessions(this)["sessions"]) == 2
    assert this.get("/list").text == "2"
    fields = {"handle": handles(this)[0], "csrf_token": sessions(this)["csrf_token"]}
    assert this.post("/devices/sign-out", fields, status=303)
    assert len(sessions(stranger)["sessions"]) == 1


def test_a_user_whom_the_policy_has_deactivated_sees_and_ends_nothing(store):
    policy = Policy()
    app = application(store, policy)
    this, _ = signed_in(app, 42), signed_in(app, 42)
    other = handles(this)[0]
    fields = {"handle": other, "csrf_token": sessions(this)["csrf_token"]}

    policy.deactivated.add(42)

    for path in ("/devices/", "/devices/sessions", "/devices/admin"):
        assert other not in this.get(path, status=401).text
    for path in ("/devices/sign-out", "/devices/sign-out-others", "/devices/admin/sign-out"):
        this.post(path, fields, status=401)
    assert this.get("/list").text == "0"
    assert this.get(f"/revoke?handle={other}").text == "False"
    assert this.get("/revoke-others").text == "0"
    assert store.count() == 2


def test_without_a_security_policy_the_page_has_to_be_told_who_is_asking(store):
    with pytest.raises(ConfigurationError, match="set a security policy, or pass user="):
        application(store)

    assert application(store, user=lambda request: request.session.get("auth.userid"))


def test_the_named_function_is_asked_instead_of_the_policy(store):
    app = application(store, Policy(), user=lambda _request: None)

    assert signed_in(app, 42).get("/devices/", status=401)
