"""Beaker's settings, from an ini file or a dict, are all that its sessions need to be in a table."""

from __future__ import annotations

import textwrap
from configparser import ConfigParser

import pytest
from beaker.cache import clsmap
from beaker_site import BeakerSite
from browsing import LOGIN
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


def test_a_misspelt_setting_is_refused_with_the_most_similar_setting(open_site):
    with pytest.raises(ConfigurationError, match=r"no setting session\.shemas: did you mean 'schemas'\?"):
        open_site(shemas="user_id Integer").browser().log_in()


def test_an_encrypt_key_is_refused_because_columns_would_be_encrypted(open_site, store):
    store.wait_for_sync()
    site = open_site(encrypt_key="a key", validate_key="another", crypto_type="cryptography")

    with pytest.raises(ConfigurationError, match=r"leave it out.*encryption_keys"):
        site.browser().log_in()
    assert stored_rows(store) == []
