"""The request that is being served, which Beaker does not pass to its sessions."""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager
from contextvars import ContextVar
from functools import cache
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Final

from ..errors import StoreUnavailable
from ..unavailable import UnavailableMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_log = logging.getLogger("schema_session_backend")

served: Final[ContextVar[dict[str, Any] | None]] = ContextVar("served", default=None)
"""The WSGI environment of the request that is being served, if `RequestMiddleware` is there."""
FAILED: Final = "schema_session_backend.failed"
"""The key under which the environment of a request has the error with which its session could not be read."""


class RequestMiddleware:
    """WSGI middleware for what Beaker's own cannot do; put it around Beaker's.

    - A database that is down is an answer with the status 503, as with `UnavailableMiddleware`. A request
      whose session could not be read does not try again. Beaker itself would, with an empty session.
    - The sessions know the request in which they are saved, for `request_fields` and `unrenewed_paths`.
      Beaker passes nothing of a request to its sessions but the cookies.

    In an ini file it is a filter whose `paste.filter_app_factory` is this class.

    Args:
        app: the WSGI application.
        global_conf: what PasteDeploy passes to a filter; not used.
    """

    def __init__(self, app: Any, global_conf: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - PasteDeploy's
        self._app = UnavailableMiddleware(app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        with _serving(environ):
            body = self._app(environ, start_response)
        # A generator runs, and saves its session, when the server asks for the body.
        return _generated(environ, body) if isinstance(body, GeneratorType) else body


@contextmanager
def failing_once() -> Iterator[None]:
    """Raise the error of an unreachable database again, without another try, while a request is served."""
    environ = served.get()
    if environ is None:
        yield
        return
    if FAILED in environ:
        raise environ[FAILED]
    try:
        yield
    except StoreUnavailable as error:
        environ[FAILED] = error
        raise


@contextmanager
def _serving(environ: dict[str, Any]) -> Iterator[None]:
    before = served.get()
    served.set(environ)
    try:
        yield
    finally:
        served.set(before)


def _generated(environ: dict[str, Any], body: Any) -> Iterator[bytes]:
    with closing(body):
        while True:
            with _serving(environ):
                try:
                    part: bytes = next(body)
                except StopIteration:
                    return
            yield part


@cache
def warn_of_unknown_requests() -> None:
    """Warn, once, that `RequestMiddleware` is missing where an option needs it."""
    _log.warning(
        "request_fields and unrenewed_paths have no effect, because Beaker does not tell of the request: put"
        " RequestMiddleware of schema_session_backend.beaker around its middleware"
    )
