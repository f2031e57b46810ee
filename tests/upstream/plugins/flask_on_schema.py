"""Flask-Session on a `SchemaCache`."""

from __future__ import annotations

from pathlib import Path

from flask_on_server import keep_sessions_in

from schema_session_backend import SessionStore
from schema_session_backend.cachelib import SchemaCache

keep_sessions_in(SchemaCache(SessionStore(f"sqlite:///{Path.cwd()}/sessions.db")))
