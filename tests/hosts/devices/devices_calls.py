"""Calls of the page of devices: what a program asks of it, and forms as the page sends them."""

from __future__ import annotations

SCHEMAS = "user_id Integer index; device String(50); ip String(45); user_agent String(255)"


def sessions(client):
    """What the page tells a program."""
    return client.get("/devices/sessions").json


def handles(client):
    """Of the visitor's other sessions."""
    return [one["handle"] for one in sessions(client)["sessions"] if not one["current"]]


def post(client, path, status="*", **fields):
    """Send a form as the page has it."""
    token = sessions(client)["csrf_token"]
    return client.post(f"/devices{path}", {"csrf_token": token, **fields}, status=status)
