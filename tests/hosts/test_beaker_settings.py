"""Beaker's settings, from an ini file or a dict, are all that its sessions need to be in a table."""

from __future__ import annotations

import tempfile
import textwrap
from configparser import ConfigParser

import pytest
from beaker.cache import clsmap
from beaker.middleware import SessionMiddleware
from beaker_site import BeakerSite
from browsing import LOGIN
from paste.deploy import loadfilter
from sqlalchemy import create_engine
from values import stored_columns, stored_rows

from schema_session_backend import ConfigurationError
from schema_session_backend.beaker import SchemaNamespaceManager

HOUR = 3600


@pytest.fixture(params=["beaker", "SchemaSession"])
def host(request):
    """Beaker's own session class, and `SchemaSession`."""
    return request.param


def test_beaker_finds_the_type_by_its_entry_point():
    assert clsmap["schema"] is SchemaNamespaceManager


@pytest.mark.parametrize("prefix", ["session", "beaker.session"])
def test_an_ini_file_is_enough(make_store, url, table_name, prefix):
    parser = ConfigParser(interpolation=None)
    parser.read_string(
        textwrap.dedent(f"""
        [app:main]
        {prefix}.type = schema
        {prefix}.url = {url}
        {prefix}.table_name = {table_name}
        {prefix}.schemas = user_id Integer index; device String(50); ip String(45)
        {prefix}.timestamps = true
        {prefix}.timeout = {HOUR}
        {prefix}.cookie_expires = true
        """)
    )
    browser = BeakerSite(dict(parser["app:main"])).browser()
    browser.log_in()

    store = make_store(timestamps=True)
    [(user_id, device, ip, additional)] = stored_columns(store, "user_id", "device", "ip", "additional")
    assert (user_id, device, ip) == (42, "phone", None)
    assert '"cart":[1]' in additional
    assert "user_id" not in additional
    assert browser.data() == LOGIN
    assert store.find(user_id=42)[0].handle == store.handle(browser.sid())


def _by_paste_deploy(application, settings):
    """The middleware as PasteDeploy makes it of an ini file."""
    lines = ["[filter:sessions]", "use = egg:Beaker#beaker_session"]
    lines += [f"{name} = {value}" for name, value in settings.items()]
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write("\n".join(lines))
        file.flush()
        return loadfilter(f"config:{file.name}", name="sessions")(application)


WAYS = {
    "a dict": SessionMiddleware,
    "keyword arguments": lambda application, settings: SessionMiddleware(application, **settings),
    "PasteDeploy": _by_paste_deploy,
}
WAYS_AND_PREFIXES = [
    *((way, prefix) for way in WAYS for prefix in ("session.", "beaker.session.")),
    ("keyword arguments", ""),
]


@pytest.mark.parametrize(("way", "prefix"), WAYS_AND_PREFIXES)
def test_settings_may_be_passed_in_each_of_beakers_ways(make_store, url, table_name, way, prefix):
    schemas = "user_id Integer index; device String(50); ip String(45)"
    settings = {"type": "schema", "url": url, "table_name": table_name, "schemas": schemas, "timeout": HOUR}
    browser = BeakerSite({f"{prefix}{name}": value for name, value in settings.items()}, WAYS[way]).browser()
    browser.log_in()

    assert browser.data() == LOGIN
    assert make_store().count(user_id=42) == 1


@pytest.mark.parametrize(("way", "prefix"), WAYS_AND_PREFIXES)
def test_a_misspelt_setting_is_refused_in_each_of_beakers_ways(way, prefix):
    settings = {"type": "schema", "url": "sqlite://", "schemass": "user_id Integer"}
    site = BeakerSite({f"{prefix}{name}": value for name, value in settings.items()}, WAYS[way])

    with pytest.raises(ConfigurationError, match=r"no setting session\.schemass: did you mean 'schemas'\?"):
        site.browser().log_in()


@pytest.mark.parametrize("as_engine", [False, True])
def test_a_dict_of_settings_is_enough(make_store, url, table_name, as_engine):
    engine = create_engine(url)
    schemas = list(make_store().repo().columns)[1:4]
    settings = {"type": "schema", "url": engine if as_engine else url, "table_name": table_name}
    browser = BeakerSite(
        {f"session.{name}": value for name, value in {**settings, "schemas": schemas}.items()}
    ).browser()
    browser.log_in()

    assert browser.data() == LOGIN
    assert make_store().count(user_id=42) == 1
    engine.dispose()


def test_the_store_can_be_named_by_a_dotted_name(store, monkeypatch):
    monkeypatch.setattr("beaker_site.STORE", store, raising=False)
    browser = BeakerSite({"session.type": "schema", "session.store": "beaker_site:STORE"}).browser()
    browser.log_in()

    assert store.count(user_id=42) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("shemas", "did you mean 'schemas'?"),
        ("cookie_expire", "did you mean 'cookie_expires'?"),
        ("cookie_name", "did you mean 'key'?"),
        ("validatekey", "did you mean 'validate_key'?"),
        ("http_only", "did you mean 'httponly'?"),
        ("same_site", "did you mean 'samesite'?"),
        ("data_serialiser", "did you mean 'data_serializer'?"),
        ("expire", "did you mean 'timeout'?"),
        ("expiretime", "did you mean 'timeout'?"),
        ("ttl", "did you mean 'timeout'?"),
        ("session_timeout", "did you mean 'timeout'?"),
        ("max_agee", "did you mean 'max_age'?"),
        ("schema_name", "for a table in another schema, set table_name to schema.name"),
        ("sa.url", "did you mean 'url'?"),
        (
            "sa.pool_size",
            "it belongs to the Engine, so pass create_engine(url, pool_size=…) instead of the URL",
        ),
        ("sa_opts", "they belong to the Engine, so pass create_engine(url, …) instead of the URL"),
        ("key_length", "docs/reference.md lists the settings"),
        ("xyzzy", "docs/reference.md lists the settings"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_setting_that_was_meant(open_site, name, hint):
    with pytest.raises(ConfigurationError) as caught:
        open_site(**{name: "1"}).browser().log_in()

    assert str(caught.value) == f"there is no setting session.{name}: {hint}"


def test_beakers_own_settings_are_not_refused(open_site, tmp_path):
    site = open_site(
        auto=True, data_dir=str(tmp_path), lock_dir=str(tmp_path), log_file="x", webtest_varname="session"
    )
    site.browser().log_in()


def test_an_encrypt_key_is_refused_because_columns_would_be_encrypted(open_site, store):
    store.wait_for_sync()
    site = open_site(encrypt_key="a key", validate_key="another", crypto_type="cryptography")

    with pytest.raises(ConfigurationError, match=r"leave it out.*encryption_keys"):
        site.browser().log_in()
    assert stored_rows(store) == []
