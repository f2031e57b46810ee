"""The page on which users see the devices where they are signed in, and sign out any of them.

`DevicesPage` is a WSGI application. The extra `devices` installs Jinja2, ua-parser and Werkzeug for it.
"""

from __future__ import annotations

from ..errors import MissingDependency

try:
    from .page import DevicesPage
    from .texts import Texts
    from .visitor import Visitor, beaker_visitor
except ImportError as error:
    msg = f"the devices page cannot be imported: {error}"
    raise MissingDependency(msg, extra="devices") from error

__all__ = ["DevicesPage", "Texts", "Visitor", "beaker_visitor"]
