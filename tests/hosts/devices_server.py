"""The sites with the page of devices for a real server, which also tells its memory at `/memory`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import flask
from devices_site import SITES
from real_server import store_of_environment


def create_app(host: str) -> Any:
    """The site on a host, on the store that the environment names."""
    site = SITES[host](store_of_environment(), user=USERS[host])

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/memory":
            return site(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [str(largest_memory()).encode()]

    return application


def beakers_user(environ: dict[str, Any]) -> object:
    if environ.get("CONTENT_TYPE") == "application/json":
        environ["wsgi.input"].read()
    return environ["beaker.session"].get("user_id")


def flasks_user() -> object:
    # As Flask-Security does, which looks for a token in the body.
    flask.request.get_json(silent=True)
    return flask.session.get("user_id")


def pyramids_user(request: Any) -> object:
    if request.content_type == "application/json":
        assert request.body is not None
    return request.session.get("user_id")


USERS = {"beaker": beakers_user, "flask": flasks_user, "pyramid": pyramids_user}
"""Authentications that read a body that says it is JSON."""


def largest_memory() -> int:
    """The most memory that this process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024
