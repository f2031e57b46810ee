"""Canaille, with settings that it passes on to Flask-Session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import canaille

from schema_session_backend import SessionStore
from schema_session_backend.cachelib import SchemaCache

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> Flask:
    store = SessionStore(
        os.environ["SESSIONS"],
        schemas="user_id String(36) index from sessions.0.user",
        table_name="sessions_of_canaille",
        timestamps=True,
    )
    return canaille.create_app(
        {
            "SECRET_KEY": "only for this trial",
            "SESSION_TYPE": "cachelib",
            "SESSION_CACHELIB": SchemaCache(store),
            "SESSION_KEY_PREFIX": "",
            "SESSION_PERMANENT": False,
        }
    )
