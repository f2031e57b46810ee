"""`SchemaSession` takes the place of Beaker's session class, on top of `beaker_on_schema`."""

from __future__ import annotations

from typing import Any

import beaker.session
from beaker_on_schema import SETTINGS, make_folder

from schema_session_backend.beaker import SchemaSession


class InTable(SchemaSession):
    def __init__(self, request, id=None, **settings):  # noqa: A002 - Beaker's
        make_folder(settings)
        super().__init__(request, id, **SETTINGS, **settings)


sessions: Any = beaker.session
sessions.Session = InTable
