"""Counts what a store sends to its database: round trips on the wire, or statements in SQLite's own trace."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


class Wire:
    """A proxy on 127.0.0.1 between a driver and its server, that counts round trips.

    A round trip is whatever the client sends until the server answers. When a driver's call returns, its
    round trips have been counted, because the answer passed through here.
    """

    def __init__(self, host: str, port: int) -> None:
        self.round_trips = 0
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._accept, name="wire", daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """Where the client has to connect to."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """End all conversations."""
        for one in list(self._sockets):
            with suppress(OSError):  # the connection has ended already
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            thread = threading.Thread(target=self._forward, args=(client, server), name="wire", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        asking = False
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    try:
                        sent = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if key.fileobj is server and sent and asking:
                            # With the answer: a driver's goodbye has none, and may be sent at any time.
                            self.round_trips += 1
                        asking = key.fileobj is client
                        key.data.sendall(sent)
                    except OSError:
                        sent = b""
                    if not sent:
                        client.close()
                        server.close()
                        return


class Counter:
    """Counts what reaches the database: round trips on a server, statements on SQLite.

    A statement of SQLite's is any, so that a BEGIN or a COMMIT around another one counts too.
    """

    def __init__(self, url: str) -> None:
        self._statements: list[str] = []
        self._wire: Wire | None = None
        self.url = url
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            assert parsed.host
            usual = 5432 if parsed.get_backend_name() == "postgresql" else 3306
            self._wire = Wire(parsed.host, parsed.port or usual)
            through = parsed.set(host="127.0.0.1", port=self._wire.port)
            self.url = through.render_as_string(hide_password=False)

    def watch(self, engine: Engine) -> None:
        """Count on the connections that an engine makes from now on."""

        def trace(connection: Any, _record: Any) -> None:
            connection.set_trace_callback(self._statements.append)

        if self._wire is None:
            engine.dispose()
            event.listen(engine, "connect", trace)

    @property
    def total(self) -> int:
        """The number counted until now."""
        return len(self._statements) if self._wire is None else self._wire.round_trips

    def close(self) -> None:
        """End what is still connected."""
        if self._wire is not None:
            self._wire.close()

    @contextmanager
    def expect(self, number: int) -> Iterator[None]:
        """Fails unless that many come by in between."""
        before = self.total
        yield
        assert self.total - before == number, self._statements[before:]
