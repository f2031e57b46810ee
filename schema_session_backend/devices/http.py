"""HTTP for the page: Werkzeug's requests and responses, with the page's limits, formats and headers."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote

import msgspec
import werkzeug
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY: Final = 64 * 1024
MAX_FIELDS: Final = 1_000
# The one address that answers in JSON whatever the request accepts.
SESSIONS_PATH: Final = "/sessions"
_HANDLE: Final = re.compile("[0-9a-f]{64}")

PRIVATE: Final = {"Cache-Control": "no-store", "Vary": "Cookie"}
FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_SECURITY: Final = {
    # Only what the page itself brings, and no frame of another site around it.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # With no-referrer, browsers would send `Origin: null` with the page's own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Refused(HTTPException):
    """The request is answered with an error page, or with an error in JSON.

    Args:
        status: the status of the response.
        problem: the name of the text in `Texts` that says why.
        headers: further headers of the response.
    """

    def __init__(self, status: int, problem: str, **headers: str) -> None:
        super().__init__()
        self.status = status
        self.problem = problem
        self.headers = headers


class Request(werkzeug.Request):
    """A request to the page; `root_path` is where the page is mounted, and `path` is below it."""

    # Werkzeug cuts a body of unknown length off at its limit, so a byte more tells that it is too long.
    max_content_length = MAX_BODY + 1

    @property
    def root(self) -> str:
        """Where the page is mounted, quoted for links and without a slash at the end."""
        return quote(self.root_path.rstrip("/"))

    @property
    def wants_json(self) -> bool:
        """Whether a program asks: it sends JSON, prefers JSON to HTML, or asks for what is JSON only."""
        if self.path == SESSIONS_PATH or self.mimetype == "application/json":
            return True
        return self.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"

    @cached_property
    def fields(self) -> MultiDict[str, str]:
        """The fields of a form, or of a JSON object whose values are texts and lists of texts.

        Raises:
            HTTPException: if the body is too long, or neither of these.
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
        """The values of the field `handle` that can be handles; others can name no session."""
        return [text for text in self.fields.getlist("handle") if _HANDLE.fullmatch(text)]


class Response(werkzeug.Response):
    """A response of the page.

    Args:
        body: the content.
        status: the status.
        mimetype: what the content is.
        caching: the headers that tell caches what to do, `PRIVATE` or `FOR_EVER`.
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
    """A response for a program."""
    return Response(msgspec.json.encode(content), status, mimetype="application/json")


def redirect(url: str) -> Response:
    """The response to a form, after which reloading the page sends nothing again."""
    response = Response(status=303)
    response.location = url
    return response
