"""Requests to the page of devices: its JSON, and its forms."""

from __future__ import annotations

SCHEMAS = "user_id Integer index; device String(50); ip String(45); user_agent String(255)"


def sessions(client):
    """The page's list of sessions as JSON."""
    return client.get("/devices/sessions").json


def handles(client):
    """The handles of the visitor's other sessions."""
    return [one["handle"] for one in sessions(client)["sessions"] if not one["current"]]


def post(client, path, status="*", **fields):
    """Send a form of the page, with its CSRF token."""
    token = sessions(client)["csrf_token"]
    return client.post(f"/devices{path}", {"csrf_token": token, **fields}, status=status)
