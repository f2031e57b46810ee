"""A small site whose sessions are rows: sign in, see your devices, and sign out a device from another device.

Run it with `make demo`. `application` sets everything up and mounts the devices page in one line;
`Site.sign_in` is the whole login.
"""

from __future__ import annotations

import argparse
import datetime as dt
import signal
import tempfile
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from beaker.middleware import SessionMiddleware
from jinja2 import Environment, FileSystemLoader

from schema_session_backend import SessionStore, new_session_id
from schema_session_backend.beaker import RequestMiddleware, SchemaSession
from schema_session_backend.devices import DevicesPage, beaker_visitor

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template("demo.html")
LONGEST_FORM: Final = 10_000
MOST_ROWS: Final = 30
USERS: Final = ("ann", "bob", "admin")
_CHROMIUM: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
EDGE: Final = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROMIUM} Safari/537.36 Edg/126.0.0.0"
PIXEL: Final = f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_CHROMIUM} Mobile Safari/537.36"
PHONE: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)
SAMPLES: Final = [
    # User, hours since the sign-in, hours since the last click, address, user agent.
    ("ann", 70, 2.5, "198.51.100.23", FIREFOX),
    ("ann", 30, 20, "203.0.113.80", PHONE),
    ("bob", 5, 0.2, "192.0.2.44", PIXEL),
    ("carol", 96, 8, "2001:db8::17", EDGE),
]


class Site:
    """The site: `/` is its only page, and all other paths take a form's POST and redirect to `/`.

    Args:
        store: where the sessions are.
        is_phone: whether the page says that it is shown on a phone.
    """

    def __init__(self, store: SessionStore, *, is_phone: bool = False) -> None:
        self.store = store
        self.is_phone = is_phone

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        session, root = environ["beaker.session"], environ.get("SCRIPT_NAME", "")
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        action = {"/sign-in": self.sign_in, "/cart": self.cart, "/sign-out": self.sign_out}
        if method == "POST" and path in action and _is_own_form(environ):
            action[path](session, _form(environ))
            start_response("303 See Other", [("Location", f"{root}/")])
            return [b""]
        if path not in {"", "/"}:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"There is only the page /"]
        body = self.page(session, root).encode()
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
        start_response("200 OK", headers)
        return [body]

    def sign_in(self, session: Any, form: dict[str, str]) -> None:
        # A real site checks a password here.
        session.regenerate_id()
        name = form.get("user", "")[:20]
        session["user"] = name if name.isprintable() and name else "ann"
        session.save()

    def cart(self, session: Any, form: dict[str, str]) -> None:
        if "user" in session:
            session["cart"] = [*session.get("cart", []), form.get("item", "")[:20]]
            session.save()

    def sign_out(self, session: Any, _form: dict[str, str]) -> None:
        session.delete()

    def page(self, session: Any, root: str) -> str:
        table = self.store.repo()
        query = table.select().order_by(table.c.updated_at.desc()).limit(MOST_ROWS)
        with self.store.engine.connect() as connection:
            rows = connection.execute(query).all()
        return PAGE.render(
            root=root,
            users=USERS,
            user=session.get("user"),
            cart=session.get("cart", []),
            is_phone=self.is_phone,
            columns=[column.name for column in table.columns],
            rows=[list(map(str, row)) for row in rows],
        )


def _is_own_form(environ: dict[str, Any]) -> bool:
    """Whether a page of this site, and not another site, sent the form."""
    origin = environ.get("HTTP_ORIGIN")
    return origin is None or origin == f"http://{environ.get('HTTP_HOST')}"


def _form(environ: dict[str, Any]) -> dict[str, str]:
    length = min(int(environ.get("CONTENT_LENGTH") or 0), LONGEST_FORM)
    sent = parse_qs(environ["wsgi.input"].read(length).decode("utf-8", "replace"))
    return {name: values[0] for name, values in sent.items()}


def application(url: str) -> Any:
    """The whole site on a database; paths below `/phone` have a cookie of their own, like a second device."""
    store = SessionStore(
        url,
        schemas="user String(20) index; device String(50); ip String(45); user_agent String(300)",
        timestamps=True,
        user_field="user",
        request_fields="ip user_agent device",
    )
    store.wait_for_sync()

    def devices(home: str) -> DevicesPage:
        return DevicesPage(
            store,
            beaker_visitor(store, lambda environ: environ["beaker.session"].get("user")),
            administers=lambda environ: environ["beaker.session"].get("user") == "admin",
            home_url=home,
        )

    settings = {
        "session.type": "schema",
        "session.store": store,
        "session.session_class": SchemaSession,
        "session.timeout": 3600,
        "session.httponly": True,
        "session.samesite": "Lax",
    }
    laptop = RequestMiddleware(
        SessionMiddleware(
            devices("/").mounted_in(Site(store), "/devices"), {**settings, "session.key": "laptop"}
        )
    )
    phone = RequestMiddleware(
        SessionMiddleware(
            devices("/phone/").mounted_in(Site(store, is_phone=True), "/devices"),
            {**settings, "session.key": "phone"},
        )
    )

    def both(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path != "/phone" and not path.startswith("/phone/"):
            return laptop(environ, start_response)
        below = {
            "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + "/phone",
            "PATH_INFO": path.removeprefix("/phone"),
            "HTTP_USER_AGENT": PHONE,
        }
        return phone(environ | below, start_response)

    both.store = store  # type: ignore[attr-defined]
    return both


def add_samples(store: SessionStore) -> None:
    """Store sample sessions that began some time ago."""
    table, now = store.repo(), dt.datetime.now(dt.UTC)
    for user, began, seen, ip, user_agent in SAMPLES:
        sid = new_session_id()
        environ = {"REMOTE_ADDR": ip, "HTTP_USER_AGENT": user_agent}
        store.save(store.blank(sid), {"user": user, "cart": ["tea"]}, environ=environ)
        times = {"created_at": now - dt.timedelta(hours=began), "updated_at": now - dt.timedelta(hours=seen)}
        with store.engine.begin() as connection:
            connection.execute(table.update().where(table.c.sid == store.handle(sid)).values(times))


class ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


def main() -> None:
    arguments = argparse.ArgumentParser(description="A small site whose sessions are rows.")
    arguments.add_argument("--port", type=int, default=8000, help="0 for any free one; by default 8000")
    port = arguments.parse_args().port
    # A shell makes the programs that it starts in the background ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="sessions-") as directory:
        site = application(f"sqlite:///{directory}/demo.db")
        add_samples(site.store)
        try:
            server = make_server("127.0.0.1", port, site, ThreadingServer, QuietHandler)
        except OSError:
            server = make_server("127.0.0.1", 0, site, ThreadingServer, QuietHandler)
        print(f"Open http://127.0.0.1:{server.server_port}/ and sign in; the page says what to try.")
        print("In the code, look at `application` and at `Site.sign_in` in docs/examples/demo.py.")
        print(f"The sessions are in {directory}/demo.db; Ctrl-C ends the site.", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nBye.")
        finally:
            server.server_close()


if __name__ == "__main__":
    main()
