"""An application starts only with the session factory that it includes."""

from __future__ import annotations

import pytest
from pyramid.config import Configurator
from pyramid.session import SignedCookieSessionFactory
from pyramid_schema_session import SchemaSessionFactory

from schema_session_backend import ConfigurationError, SessionStore


class OtherFactory:
    """A session factory of another package."""

    def __call__(self, request):
        raise NotImplementedError


def other_factory(request):
    raise NotImplementedError


FACTORIES = {
    "pyramid.session.BaseCookieSessionFactory.<locals>.CookieSession": SignedCookieSessionFactory("a secret"),
    "test_pyramid_factory.OtherFactory": OtherFactory(),
    "test_pyramid_factory.other_factory": other_factory,
    "pyramid_schema_session.factory.SchemaSessionFactory": SchemaSessionFactory(SessionStore("sqlite://")),
}
SETTINGS = {"schema_session.url": "sqlite://"}


def by_the_constructor(factory):
    return Configurator(
        settings={**SETTINGS, "pyramid.includes": "pyramid_schema_session"}, session_factory=factory
    )


def after_the_include(factory):
    config = Configurator(settings={**SETTINGS, "pyramid.includes": "pyramid_schema_session"})
    config.set_session_factory(factory)
    return config


def before_the_include(factory):
    config = Configurator(settings=SETTINGS)
    config.set_session_factory(factory)
    config.include("pyramid_schema_session")
    return config


def after_a_commit(factory):
    config = Configurator(settings=SETTINGS)
    config.include("pyramid_schema_session")
    config.commit()
    config.set_session_factory(factory)
    return config


@pytest.mark.parametrize(("name", "factory"), FACTORIES.items(), ids=FACTORIES)
@pytest.mark.parametrize(
    "replace", [by_the_constructor, after_the_include, before_the_include, after_a_commit]
)
def test_a_factory_that_replaces_the_included_one_is_an_error_that_names_it(replace, name, factory):
    config = replace(factory)

    with pytest.raises(ConfigurationError, match=f"{name} has replaced .* set_session_factory"):
        config.make_wsgi_app()


@pytest.mark.parametrize(("name", "factory"), FACTORIES.items(), ids=FACTORIES)
def test_a_factory_that_the_include_would_replace_is_an_error_that_names_it(name, factory):
    config = Configurator(settings=SETTINGS)
    config.set_session_factory(factory)
    config.commit()

    with pytest.raises(ConfigurationError, match=f"would replace {name}.* set_session_factory"):
        config.include("pyramid_schema_session")


def test_an_application_that_includes_the_package_twice_starts():
    config = Configurator(settings={**SETTINGS, "pyramid.includes": "pyramid_schema_session"})
    config.include("pyramid_schema_session")

    config.make_wsgi_app()
