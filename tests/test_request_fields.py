"""The fields that a session gets from its first request: device, address and user agent."""

from __future__ import annotations

import pytest

from schema_session_backend import ConfigurationError, SessionStore
from schema_session_backend.cachelib import SchemaCache
from schema_session_backend.devices import Texts, request_fields
from schema_session_backend.errors import WrongArgument

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)
PIXEL = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Mobile Safari/537.36"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Safari/605.1.15"
)


@pytest.fixture
def store():
    """A store with short columns for the device and the address."""
    store = SessionStore("sqlite://", schemas="device String(20); ip String(45); user_agent String(1000)")
    yield store
    store.close()


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        (PIXEL, "Chrome on Pixel 8"),
        (MAC, "Safari on macOS"),
        ("curl/8.5.0", "curl"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_a_user_agent_becomes_the_name_of_a_device(store, user_agent, device):
    fields = request_fields({"HTTP_USER_AGENT": user_agent}, store)

    assert fields["device"] == device
    assert fields["user_agent"] == user_agent


def test_the_words_for_a_device_can_be_replaced(store):
    texts = Texts(browser_on_system="{system}: {browser}")

    assert request_fields({"HTTP_USER_AGENT": FIREFOX}, store, texts=texts)["device"] == "Windows: Firefox"


@pytest.mark.parametrize(
    ("forwarded", "proxies", "ip"),
    [
        ("", 0, "192.0.2.1"),
        ("203.0.113.9", 0, "192.0.2.1"),
        ("203.0.113.9", 1, "203.0.113.9"),
        ("made up, 203.0.113.9", 1, "203.0.113.9"),
        ("203.0.113.9, 198.51.100.7", 2, "203.0.113.9"),
        ("203.0.113.9", 2, "192.0.2.1"),
        ("", 1, "192.0.2.1"),
        ("<b>", 1, "192.0.2.1"),
        ("203.0.113.9:4711", 1, "203.0.113.9"),
        ("[2001:db8::1]:4711", 1, "2001:db8::1"),
        ("2001:DB8::1", 1, "2001:db8::1"),
        ("::ffff:203.0.113.9", 1, "203.0.113.9"),
        ("fe80::1%eth0", 1, "fe80::1"),
    ],
)
def test_only_trusted_proxies_can_set_another_address(store, forwarded, proxies, ip):
    environ = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded}

    assert request_fields(environ, store, trusted_proxies=proxies)["ip"] == ip


def test_a_request_over_a_unix_socket_has_no_address(store):
    assert request_fields({"REMOTE_ADDR": ""}, store)["ip"] == ""
    assert request_fields({}, store)["ip"] == ""


@pytest.mark.parametrize("proxies", [-1, True, "1", 1.0])
def test_the_number_of_proxies_is_a_whole_number(store, proxies):
    with pytest.raises(ConfigurationError, match="trusted_proxies takes how many"):
        request_fields({}, store, trusted_proxies=proxies)


@pytest.mark.parametrize("make", [SchemaCache, lambda store: None])
def test_an_argument_that_is_no_store_is_refused(store, make):
    with pytest.raises(WrongArgument, match="request_fields takes a SessionStore, not "):
        request_fields({}, make(store))


def test_texts_are_cut_to_their_columns_and_can_be_printed(store):
    hostile = "Firefox/\0\x1b[31m" + "x" * 5_000
    fields = request_fields({"HTTP_USER_AGENT": hostile, "REMOTE_ADDR": "1" * 500}, store)

    assert len(fields["user_agent"]) == 300
    assert fields["user_agent"].startswith("Firefox/\ufffd\ufffd[31mxxx")
    assert len(fields["device"]) <= 20
    store.set("a", fields)
    assert store.get("a") == fields
