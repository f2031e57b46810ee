"""One request of WSGI's and its answer: forms, JSON, headers, and whether another site made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    Form = dict[str, list[str]]

LONGEST_BODY: Final = 64 * 1024
MOST_FIELDS: Final = 1_000

# Nothing but what the page itself brings, and in nobody's frame.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


class Refused(Exception):
    """The request is answered with an error.

    Args:
        status: of the answer.
        text: the name of the text that says why.
        headers: more of them.
    """

    def __init__(self, status: HTTPStatus, text: str, **headers: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text
        self.headers = headers


@dataclass(slots=True)
class Response:
    """An answer."""

    body: bytes = b""
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    def start(self, start_response: Any, *, with_body: bool) -> Iterable[bytes]:
        """Give it to the server."""
        headers = {
            "Content-Type": self.kind,
            "Content-Length": str(len(self.body)),
            "Cache-Control": "no-store",
            "Vary": "Cookie",
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            # Not no-referrer: browsers would say then that a form's origin is "null".
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        } | self.headers
        told = [(name, value) for name, value in headers.items() if value]
        start_response(f"{self.status.value} {self.status.phrase}", told)
        return [self.body if with_body else b""]


def json_response(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An answer for a program."""
    return Response(msgspec.json.encode(content), status, "application/json")


def redirect(to: str) -> Response:
    """An answer to a form, after which a reload sends nothing again."""
    return Response(b"", HTTPStatus.SEE_OTHER, headers={"Location": to})


class Request:
    """What the page reads of a WSGI environment.

    Args:
        environ: the environment.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ.get("PATH_INFO") or "/"
        # As it is on the wire, for links; WSGI has it decoded.
        self.root = quote(environ.get("SCRIPT_NAME", "").rstrip("/").encode("latin-1", "replace"))

    @property
    def query(self) -> Form:
        """What stands behind the question mark."""
        return parsed(self.environ.get("QUERY_STRING", ""))

    @property
    def is_json(self) -> bool:
        """Whether it is a program's: it sends JSON, or asks for it and for no page."""
        accepts = self.environ.get("HTTP_ACCEPT", "")
        return self._kind == "application/json" or ("application/json" in accepts and "html" not in accepts)

    def form(self) -> Form:
        """What a form or a program sends.

        Raises:
            Refused: if it cannot be understood.
        """
        raw = self._body()
        if not raw:
            return {}
        if self._kind == "application/json":
            return _listed(raw)
        if self._kind == "application/x-www-form-urlencoded":
            try:
                return parsed(raw.decode("ascii"))
            except UnicodeDecodeError:
                raise Refused(HTTPStatus.BAD_REQUEST, "not_understood") from None
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_understood")

    def is_own(self, origins: Collection[str]) -> bool:
        """Whether the browser says that a page of this site, or of one of `origins`, sent it.

        Programs that are no browsers say nothing.
        """
        origin = self.environ.get("HTTP_ORIGIN")
        if origin in origins:
            return True
        site = self.environ.get("HTTP_SEC_FETCH_SITE")
        if site is not None:
            return bool(site == "same-origin")
        # The scheme may be a proxy's affair; the host is what the browser has asked for.
        host = self.environ.get("HTTP_HOST", "").lower()
        return origin is None or (host != "" and _host(origin) == _without_usual_port(host))

    @property
    def _kind(self) -> str:
        kind: str = self.environ.get("CONTENT_TYPE") or ""
        return kind.partition(";")[0].strip().lower()

    def _body(self) -> bytes:
        try:
            length = int(self.environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = -1
        if length < 0:
            raise Refused(HTTPStatus.BAD_REQUEST, "not_understood")
        if length > LONGEST_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "not_understood")
        body: bytes = self.environ["wsgi.input"].read(length)
        return body


def parsed(text: str) -> Form:
    """The fields of a query or a form.

    Raises:
        Refused: if there are too many.
    """
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "not_understood") from None


def _listed(raw: bytes) -> Form:
    """A program's JSON in the shape of a form's fields: texts, and lists of texts."""
    try:
        sent = msgspec.json.decode(raw, type=dict[str, str | list[str]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(HTTPStatus.BAD_REQUEST, "not_understood") from None
    return {
        name: value if isinstance(value, list) else [value] for name, value in sent.items() if value != []
    }


def first(form: Form, name: str) -> str:
    """A field of a form, empty if it is not there."""
    return form.get(name, [""])[0]


def mount_path(path: object) -> str:
    """Where a page is mounted: with a slash before it and none behind it.

    Raises:
        ConfigurationError: for no path, which would be the whole site.
    """
    if not isinstance(path, str) or not path.strip("/"):
        msg = f"the page's path takes where it is, such as '/devices', not {path!r}"
        raise ConfigurationError(msg)
    return f"/{path.strip('/')}"


def below(environ: Mapping[str, Any], rest: str) -> dict[str, Any]:
    """The environment of an application that is mounted there.

    Args:
        environ: the environment of the site.
        rest: what of the path is the application's; the host has decoded it.
    """
    path = environ.get("PATH_INFO", "")
    return shifted(environ, path.removesuffix(rest.encode().decode("latin-1")).rstrip("/"))


def shifted(environ: Mapping[str, Any], mounted: str) -> dict[str, Any]:
    """The environment of an application that is mounted at the start of the path, as WSGI has it."""
    return {
        **environ,
        "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + mounted,
        "PATH_INFO": environ.get("PATH_INFO", "")[len(mounted) :],
    }


def _host(origin: str) -> str:
    try:
        return _without_usual_port(urlsplit(origin).netloc.lower())
    except ValueError:
        return ""


def _without_usual_port(host: str) -> str:
    return host.removesuffix(":443").removesuffix(":80")
