"""A site on Beaker's middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beaker.middleware import SessionMiddleware
from browsing import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class BeakerSite(Site):
    """A site with Beaker's sessions; `settings` are those of its middleware, which `wrap` puts around it."""

    cookie = "beaker.session.id"

    def __init__(
        self, settings: dict[str, Any], wrap: Callable[[Any, dict[str, Any]], Any] = SessionMiddleware
    ) -> None:
        self.application = wrap(_answer, settings)

    @staticmethod
    def save(session: Any) -> None:
        session.save()

    @staticmethod
    def end(session: Any) -> None:
        session.delete()

    @staticmethod
    def new_id(session: Any) -> None:
        session.regenerate_id()

    @staticmethod
    def sid(session: Any) -> str:
        return session.id


def open_beaker_site(**settings: Any) -> BeakerSite:
    """A site of that session type; `settings` are without their prefix."""
    return BeakerSite({f"session.{name}": value for name, value in {"type": "schema", **settings}.items()})


def _answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["site.do"](environ["beaker.session"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
