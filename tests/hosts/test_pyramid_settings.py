"""Settings of Pyramid's sessions: from an ini file, and refused where they cannot work."""

from __future__ import annotations

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid_schema_session import SchemaSessionFactory
from webtest import TestApp

from schema_session_backend import ConfigurationError

# -- arguments


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"cookie_samesite": "lux"}, "Lax, Strict or None"),
        ({"cookie_samesite": "None", "cookie_secure": False}, "needs cookie_secure"),
        ({"cookie_name": "__Host-a", "cookie_domain": "a.b"}, "no cookie_domain"),
        ({"cookie_name": "__Secure-a", "cookie_secure": False}, "needs cookie_secure"),
        ({"cookie_max_age": 0}, "cookie_max_age takes whole seconds"),
        ({"cookie_secure": "false"}, "cookie_secure takes True or False"),
        ({"transactional": 1}, "transactional takes True or False"),
        ({"timeout": -1}, "timeout takes seconds"),
        ({"cookie_name": "my session"}, "cookie_name takes letters"),
        ({"cookie_name": "grün"}, "cookie_name takes letters"),
        ({"cookie_name": 5}, "cookie_name takes letters"),
        ({"cookie_name": "__host-a", "cookie_secure": False}, "needs cookie_secure"),
        ({"cookie_path": "shop"}, "cookie_path takes a path"),
        ({"cookie_path": ""}, "cookie_path takes a path"),
        ({"cookie_domain": "a.b; Secure"}, "cookie_domain takes the name of a host"),
        ({"cookie_max_age": 10**12}, "cookie_max_age takes whole seconds"),
        ({"dbsession": 5}, "dbsession takes the name of a request's attribute"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(store, options, problem):
    with pytest.raises(ConfigurationError, match=problem):
        SchemaSessionFactory(store, **options)


# -- settings


@pytest.fixture
def settings(url, table_name):
    """Settings as an ini file gives them."""
    return {
        "schema_session.url": url,
        "schema_session.table_name": table_name,
        "schema_session.schemas": "account Integer index",
        "schema_session.timestamps": "true",
        "schema_session.timeout": "3600",
        "schema_session.cookie_secure": "false",
        "schema_session.cookie_max_age": "none",
        "schema_session.user_field": "account",
        "pyramid.default_locale_name": "en",
    }


def test_an_ini_file_and_an_include_are_enough(settings, make_store):
    with Configurator(settings=settings) as config:
        config.include("pyramid_schema_session")
        config.add_route("page", "/")

        def page(request):
            visits = request.session["visits"] = request.session.get("visits", 0) + 1
            request.session["account"] = 7
            return Response(f"{visits} {len(request.schema_sessions.list())}")

        config.add_view(page, route_name="page")
    client = TestApp(config.make_wsgi_app())

    assert [client.get("/").text for _ in range(3)] == ["1 0", "2 1", "3 1"]


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("cookie_secur", "true", "did you mean 'cookie_secure'"),
        ("timestamp", "true", "did you mean 'timestamps'"),
        ("cookie_secure", "perhaps", "schema_session.cookie_secure: 'perhaps' is not true or false"),
        ("timeout", "soon", "schema_session.timeout: 'soon' is not a number of seconds"),
        ("schemas", "user_id Integr", "position"),
        ("user_field", "user", "user_field: 'user' is no declared column"),
    ],
)
def test_a_wrong_setting_is_an_error_at_start(settings, setting, value, problem):
    config = Configurator(settings={**settings, f"schema_session.{setting}": value})

    with pytest.raises(ConfigurationError, match=problem):
        config.include("pyramid_schema_session")


def test_a_missing_url_is_an_error_that_names_the_setting():
    with pytest.raises(ConfigurationError, match=r"schema_session.url is missing"):
        Configurator(settings={}).include("pyramid_schema_session")


def test_an_argument_that_is_no_store_is_refused():
    with pytest.raises(ConfigurationError, match="takes a SessionStore, not str"):
        SchemaSessionFactory("sqlite://")  # type: ignore[arg-type]
