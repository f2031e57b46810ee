"""What the store reads off a request for `request_fields`, and which settings it refuses."""

from __future__ import annotations

import sys

import pytest

from schema_session_backend import ConfigurationError, MissingDependency, SessionStore

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


SCHEMAS = "device String(20); ip String(45); user_agent String(1000); copied String(45) from ip"


def stored(environ, request_fields="ip user_agent device", schemas=SCHEMAS):
    """What is stored of a request that stores a session."""
    with SessionStore("sqlite://", schemas=schemas, request_fields=request_fields) as store:
        store.save(store.blank("a"), {}, environ=environ)
        return store.get("a")


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        (PIXEL, "Chrome on Pixel 8"),
        (MAC, "Safari on macOS"),
        ("curl/8.5.0", "curl"),
    ],
)
def test_a_user_agent_becomes_the_name_of_a_device(user_agent, device):
    assert stored({"HTTP_USER_AGENT": user_agent}) == {"device": device, "user_agent": user_agent}


def test_what_is_unknown_is_absent():
    assert stored({"HTTP_USER_AGENT": "", "REMOTE_ADDR": ""}) == {}
    assert stored({"HTTP_USER_AGENT": "<b>"}) == {"user_agent": "<b>"}


@pytest.mark.parametrize(
    ("address", "ip", "network"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
        ("192.0.2.1:4711", "192.0.2.1", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::1", "2001:db8:1::/48"),
        ("[2001:db8::1]:4711", "2001:db8::1", "2001:db8::/48"),
        ("fe80::1%eth0", "fe80::1", "fe80::/48"),
    ],
)
def test_an_address_is_stored_in_its_usual_form_and_can_be_cut_to_a_network(address, ip, network):
    assert stored({"REMOTE_ADDR": address}, "ip") == {"ip": ip}
    assert stored({"REMOTE_ADDR": address}, "ip/24/48") == {"ip": network}


@pytest.mark.parametrize(
    "address", ["", "/run/gunicorn.sock", "unix:", "<b>", "1" * 500, "192.0.2.256", None]
)
def test_a_request_without_an_address_stores_none(address):
    assert stored({"REMOTE_ADDR": address}, "ip") == stored({}, "ip/24/48") == {}


def test_a_visitor_cannot_set_the_address():
    environ = {
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_X_FORWARDED_FOR": "203.0.113.9",
        "HTTP_FORWARDED": "for=8.8.8.8",
    }

    assert stored(environ, "ip") == {"ip": "192.0.2.1"}


def test_texts_are_cut_to_their_columns_and_can_be_printed():
    user_agent = stored({"HTTP_USER_AGENT": "Firefox/\0\x1b[31m" + "x" * 5_000})["user_agent"]

    assert len(user_agent) == 300
    assert user_agent.startswith("Firefox/\ufffd\ufffd[31mxxx")
    short = "user_agent String(7)"
    assert stored({"HTTP_USER_AGENT": FIREFOX}, "user_agent", short) == {"user_agent": "Mozilla"}


def test_names_can_be_given_one_by_one():
    environ = {"REMOTE_ADDR": "192.0.2.1", "HTTP_USER_AGENT": "curl/8.5.0"}

    assert stored(environ, ["ip/24/48", "device"]) == {"ip": "192.0.2.0/24", "device": "curl"}


@pytest.mark.parametrize(
    ("request_fields", "problem"),
    [
        ("ip useragent", "there is no 'useragent'; did you mean 'user_agent'?"),
        ("ip, device", "there is no 'ip,'; did you mean 'ip'?"),
        ("ip ip/24/48", "'ip' is named twice"),
        (["ip", 5], "it takes names such as 'ip user_agent device', not "),
        (None, "it takes names such as 'ip user_agent device', not None"),
        ("ip/24", "'ip/24' is no network: write it as in ip/24/48"),
        ("ip/24/48/56", "'ip/24/48/56' is no network"),
        ("ip/33/48", "'ip/33/48' is no network"),
        ("ip/24/129", "'ip/24/129' is no network"),
        ("ip/0/48", "'ip/0/48' is no network"),
        ("ip/-8/48", "'ip/-8/48' is no network"),
        ("ip/255.255.255.0/48", "'ip/255.255.255.0/48' is no network"),
        ("device/24/48", "'device/24/48': only ip is cut to a network"),
    ],
)
def test_what_cannot_work_is_refused_at_start(request_fields, problem):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=SCHEMAS, request_fields=request_fields)

    assert f"request_fields: {problem}" in str(caught.value)


@pytest.mark.parametrize(
    ("schemas", "problem"),
    [
        ("", "'ip' is no declared column; add it to schemas: ip String(45)"),
        ("ip String(45) from address", "column 'ip' is a copy of address; declare it without that"),
        ("ip String(15)", "declare it as ip String(45)"),
        ("ip Integer", "declare it as ip String(45)"),
        ("ip Enum('lan', 'wan')", "declare it as ip String(45)"),
    ],
)
def test_each_needs_a_column_that_takes_it(schemas, problem):
    with pytest.raises(ConfigurationError) as caught:
        SessionStore("sqlite://", schemas=schemas, request_fields="ip")

    assert problem in str(caught.value)


def test_only_the_name_of_a_device_needs_ua_parser(monkeypatch):
    monkeypatch.delitem(sys.modules, "schema_session_backend._user_agents", raising=False)
    monkeypatch.setitem(sys.modules, "ua_parser", None)

    assert stored({"REMOTE_ADDR": "192.0.2.1"}, "ip user_agent") == {"ip": "192.0.2.1"}
    with pytest.raises(MissingDependency, match=r"device cannot be told .*schema_session_backend\[devices\]"):
        stored({}, "device")
