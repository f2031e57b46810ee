"""A database that is down, as an answer with the status 503 instead of an error of the application."""

from __future__ import annotations

import logging
import sys
from contextlib import closing
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final

from .errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["UnavailableMiddleware"]

STATUS: Final = "503 Service Unavailable"
TEXT: Final = b"The service is unavailable at the moment. Please try again soon.\n"
RETRY_AFTER: Final = 5
"""Seconds."""
_log = logging.getLogger("schema_session_backend")


class UnavailableMiddleware:
    """WSGI middleware that answers 503, with `Retry-After`, where the application raises `StoreUnavailable`.

    The answer sets no cookie, and the log has one line. Put this around all other middleware; in an ini file
    it is a filter whose `paste.filter_app_factory` is this class. An error in the middle of a body is raised,
    because the headers are sent already.

    Args:
        app: the WSGI application.
        global_conf: what PasteDeploy passes to a filter; not used.
    """

    def __init__(self, app: Any, global_conf: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - PasteDeploy's
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        try:
            body: Iterable[bytes] = self._app(environ, start_response)
        except StoreUnavailable as error:
            return _unavailable(error, start_response)
        # A generator runs, and may fail, when the server asks for the body.
        return _generated(body, start_response) if isinstance(body, GeneratorType) else body


def _generated(body: Any, start_response: Any) -> Iterator[bytes]:
    with closing(body):
        try:
            first = next(body, b"")
        except StoreUnavailable as error:
            yield from _unavailable(error, start_response)
            return
        yield first
        yield from body


def _unavailable(error: StoreUnavailable, start_response: Any) -> list[bytes]:
    _log.error("answered 503: %s", error)
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(TEXT))),
        ("Retry-After", str(RETRY_AFTER)),
        ("Cache-Control", "no-store"),
    ]
    # The server raises the error again if it has sent headers already.
    start_response(STATUS, headers, sys.exc_info())
    return [TEXT]
