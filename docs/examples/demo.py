"""A small site whose sessions are rows: sign in from two browsers, see both, and kick one out.

Run it with `make demo`. What makes the sessions searchable is in `site`; the rest is an ordinary WSGI site.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
from html import escape
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from beaker.middleware import SessionMiddleware
from sqlalchemy import Engine, create_engine

from schema_session_backend import SessionStore
from schema_session_backend.beaker import SchemaSession

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = (Path(__file__).parent / "demo.html").read_text(encoding="utf-8")
LONGEST_FORM = 10_000


class Demo:
    """The site: `/` shows it, everything else is a form's POST and leads back to it."""

    def __init__(self, store: SessionStore, engine: Engine) -> None:
        self.store = store
        self.engine = engine

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        session = environ["beaker.session"]
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        action = {
            "/sign-in": self.sign_in,
            "/cart": self.cart,
            "/kick": self.kick,
            "/sign-out": self.sign_out,
        }
        if method == "POST" and path in action and _is_own_form(environ):
            action[path](session, _form(environ), environ)
            start_response("303 See Other", [("Location", "/")])
            return [b""]
        if path != "/":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"There is only the page /"]
        body = self.page(session).encode()
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
        start_response("200 OK", headers)
        return [body]

    def sign_in(self, session: Any, form: dict[str, str], environ: dict[str, Any]) -> None:
        session.regenerate_id()
        session["user"] = form.get("user", "")[:20] or "ann"
        session["device"] = _browser(environ.get("HTTP_USER_AGENT", ""))
        session["ip"] = environ["REMOTE_ADDR"]
        session.save()

    def cart(self, session: Any, form: dict[str, str], _environ: dict[str, Any]) -> None:
        if "user" in session:
            session["cart"] = [*session.get("cart", []), form.get("item", "")[:20]]
            session.save()

    def kick(self, session: Any, form: dict[str, str], _environ: dict[str, Any]) -> None:
        # Asked by user, so that nobody ends the session of another one.
        own = self.store.find(user=session["user"]) if "user" in session else []
        for record in own:
            if record.handle == form.get("handle"):
                self.store.revoke(record.handle)

    def sign_out(self, session: Any, _form: dict[str, str], _environ: dict[str, Any]) -> None:
        session.delete()

    def page(self, session: Any) -> str:
        user = session.get("user")
        this = self.store.handle(session.id) if user else ""
        return PAGE.format(
            you=_signed_in(user, session.get("cart", [])) if user else SIGN_IN,
            devices=self._devices(user, this) if user else "",
            table=self._table(),
        )

    def _devices(self, user: str, this: str) -> str:
        lines = []
        for record in self.store.find(user=user):
            device = f"{escape(record.data.get('device', '?'))} · {escape(record.data.get('ip', '?'))}"
            if record.handle == this:
                lines.append(f"<li>{device} <em>this browser</em></li>")
            else:
                form = f'<input type="hidden" name="handle" value="{record.handle}"><button>Kick out</button>'
                lines.append(f'<li>{device} <form method="post" action="/kick">{form}</form></li>')
        return f"<h2>Where {escape(user)} is signed in</h2><ul>{''.join(lines)}</ul>"

    def _table(self) -> str:
        table = self.store.repo()
        with self.engine.connect() as connection:
            rows = connection.execute(table.select().order_by(table.c.created_at)).all()
        head = "".join(f"<th>{escape(column.name)}</th>" for column in table.columns)
        body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


SIGN_IN = """<form method="post" action="/sign-in"><label>Your name
<input name="user" value="ann" maxlength="20" required></label> <button>Sign in</button></form>"""


def _signed_in(user: str, cart: list[str]) -> str:
    content = escape(", ".join(cart)) or "empty"
    return f"""<p>Signed in as <strong>{escape(user)}</strong>, cart: {content}.</p>
<form method="post" action="/cart"><label>Put into the cart
<input name="item" value="tea" maxlength="20" required></label> <button>Add</button></form>
<form method="post" action="/sign-out"><button>Sign out</button></form>"""


def _cell(value: object) -> str:
    text = str(value)
    return f'<span title="{escape(text)}">{escape(text[:12])}…</span>' if len(text) > 60 else escape(text)  # noqa: PLR2004


def _browser(user_agent: str) -> str:
    names = ("Firefox", "Edg", "OPR", "Chrome", "Safari", "curl")
    return next((name for name in names if name in user_agent), "a browser")


def _is_own_form(environ: dict[str, Any]) -> bool:
    """Whether a form was sent by a page of this site, not by another one."""
    origin = environ.get("HTTP_ORIGIN")
    return origin is None or origin == f"http://{environ.get('HTTP_HOST')}"


def _form(environ: dict[str, Any]) -> dict[str, str]:
    length = min(int(environ.get("CONTENT_LENGTH") or 0), LONGEST_FORM)
    sent = parse_qs(environ["wsgi.input"].read(length).decode("utf-8", "replace"))
    return {name: values[0] for name, values in sent.items()}


def site(url: str) -> Any:
    """The whole site on a database."""
    engine = create_engine(url)
    store = SessionStore(
        engine,
        schemas="user String(20) index; device String(50); ip String(45)",
        timestamps=True,
    )
    store.wait_for_sync()
    settings = {
        "session.type": "schema",
        "session.store": store,
        "session.session_class": SchemaSession,
        "session.timeout": 3600,
        "session.httponly": True,
    }
    return SessionMiddleware(Demo(store, engine), settings)


class ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


def main() -> None:
    arguments = argparse.ArgumentParser(description="A small site whose sessions are rows.")
    arguments.add_argument("--port", type=int, default=8000, help="0 for any free one; by default 8000")
    port = arguments.parse_args().port
    # Shells have what they start in the background ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="sessions-") as directory:
        application = site(f"sqlite:///{directory}/demo.db")
        try:
            server = make_server("127.0.0.1", port, application, ThreadingServer, QuietHandler)
        except OSError:
            server = make_server("127.0.0.1", 0, application, ThreadingServer, QuietHandler)
        print(f"Open http://127.0.0.1:{server.server_port}/ in two browsers (or one private window).")
        print("Ctrl-C ends it.")
        print(f"The sessions are in {directory}/demo.db", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nBye.")
        finally:
            server.server_close()


if __name__ == "__main__":
    main()
