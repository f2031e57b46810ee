"""The page's requests and responses: Werkzeug's, with the page's own limits, formats and headers."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote

import msgspec
import werkzeug
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wsgi import LimitedStream

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY: Final = 16 * 1024
MAX_FIELDS: Final = 1_000
# The response at this path is always JSON, whatever the request accepts.
SESSIONS_PATH: Final = "/sessions"
_HANDLE: Final = re.compile("[0-9a-f]{64}")

PRIVATE: Final = {"Cache-Control": "no-store", "Vary": "Cookie"}
FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_SECURITY: Final = {
    # Load nothing but the page's own files, and let no other site show the page in a frame.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # With no-referrer, browsers would send `Origin: null` with the page's own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def limit_body(environ: dict[str, Any]) -> None:
    """Cut a request's body off at the page's limit, for all who read it, such as the authentication.

    Args:
        environ: the request's WSGI environment, whose `wsgi.input` is replaced.
    """
    # The additional byte shows that the body was longer.
    environ["wsgi.input"] = LimitedStream(environ["wsgi.input"], MAX_BODY + 1, is_max=True)


class Refused(HTTPException):
    """A request that gets an error page, or an error in JSON.

    Args:
        status: the status of the response.
        problem: the name of the message in `Texts`.
        headers: further headers of the response.
    """

    def __init__(self, status: int, problem: str, **headers: str) -> None:
        super().__init__()
        self.status = status
        self.problem = problem
        self.headers = headers


class Request(werkzeug.Request):
    """A request to the page; `path` is relative to the path at which the page is mounted."""

    # Werkzeug cuts a body of unknown length off at this limit. The additional byte shows that it was longer.
    max_content_length = MAX_BODY + 1

    @property
    def root(self) -> str:
        """The path at which the page is mounted, quoted for links, without a slash at the end."""
        return quote(self.root_path.rstrip("/"))

    @property
    def wants_json(self) -> bool:
        """Whether the response is JSON: for a request that sends or prefers JSON, and at `SESSIONS_PATH`."""
        if self.path == SESSIONS_PATH or self.mimetype == "application/json":
            return True
        return self.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The fields of the query string.

        Raises:
            BadRequest: if it is no UTF-8.
        """
        try:
            return super().args
        except UnicodeDecodeError:
            raise BadRequest from None

    @cached_property
    def fields(self) -> MultiDict[str, str]:
        """The fields of a form, or of a JSON object whose values are texts and lists of texts.

        Raises:
            HTTPException: if the body is too long, or is neither a form nor such an object.
        """
        body = self.get_data()
        if not body:
            return MultiDict()
        if len(body) > MAX_BODY:
            raise RequestEntityTooLarge
        try:
            if self.mimetype == "application/json":
                return MultiDict(msgspec.json.decode(body, type=dict[str, str | list[str]]))
            if self.mimetype == "application/x-www-form-urlencoded":
                text = body.decode("ascii")
                return MultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
        except (msgspec.DecodeError, ValueError):
            raise BadRequest from None
        raise UnsupportedMediaType

    @property
    def handles(self) -> list[str]:
        """The values of the field `handle` that have the form of a handle."""
        return [text for text in self.fields.getlist("handle") if _HANDLE.fullmatch(text)]


class Response(werkzeug.Response):
    """A response of the page.

    Args:
        body: the content.
        status: the HTTP status.
        mimetype: the content's type.
        caching: the headers for caches, `PRIVATE` or `FOR_EVER`.
    """

    def __init__(
        self,
        body: str | bytes = b"",
        status: int = 200,
        *,
        mimetype: str = "text/html",
        caching: Mapping[str, str] = PRIVATE,
    ) -> None:
        super().__init__(body, status, {**_SECURITY, **caching}, mimetype)


def json_response(content: Any, status: int = 200) -> Response:
    """A response in JSON."""
    return Response(msgspec.json.encode(content), status, mimetype="application/json")


def redirect(url: str) -> Response:
    """The response to a form: status 303, so that reloading the page does not send the form again."""
    response = Response(status=303)
    response.location = url
    return response
