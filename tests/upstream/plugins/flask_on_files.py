"""The control: Flask-Session on cachelib's files."""

from __future__ import annotations

from pathlib import Path

from cachelib import FileSystemCache
from flask_on_server import keep_sessions_in

keep_sessions_in(FileSystemCache(str(Path.cwd() / "sessions")))
