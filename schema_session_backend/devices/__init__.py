"""The page that shows people where they are signed in and lets them sign out any of these devices.

`DevicesPage` is a WSGI application. It needs the extra `devices`: Jinja2 and ua-parser.
"""

from __future__ import annotations

from .page import DevicesPage
from .request_fields import request_fields
from .texts import Texts
from .visitor import Visitor, beaker_visitor

__all__ = ["DevicesPage", "Texts", "Visitor", "beaker_visitor", "request_fields"]
