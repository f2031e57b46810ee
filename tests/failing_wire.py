"""A proxy between a driver and its server that loses answers, falls silent, or ends connections."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL


class FailingWire:
    """Stands on 127.0.0.1 between a store and its server.

    Args:
        url: the server's; `url` is then where the store has to connect to.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.send_to(parsed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = parsed.set(host="127.0.0.1", port=self._listener.getsockname()[1]).render_as_string(
            hide_password=False
        )
        self.loses = b""
        """The next request with this text is served, and its answer is lost with the connection."""
        self.lost = 0
        self.is_silent = False
        """Whether no answer arrives."""
        self.is_down = False
        """Whether no connection can be made."""
        self.connections = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def send_to(self, url: URL) -> None:
        """Connect from now on to this server."""
        usual = 5432 if url.get_backend_name() == "postgresql" else 3306
        assert url.host
        self._server = (url.host, url.port or usual)

    def lose_answer_to(self, text: str) -> None:
        """Lose the answer to the next request that has this text."""
        self.loses = text.encode()

    def end_connections(self, which: slice = slice(None)) -> None:
        """End connections, as a restart of the server does; all of those there are, or some."""
        pairs, self._pairs[which] = self._pairs[which], []
        for pair in pairs:
            _end(*pair)

    @contextmanager
    def down(self) -> Iterator[None]:
        """The server is down in between."""
        self.is_down = True
        self.end_connections()
        try:
            yield
        finally:
            self.is_down = False

    def close(self) -> None:
        """End everything."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.end_connections()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_down:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(self._server)
                except OSError:
                    _end(client)
                    continue
                self.connections += 1
                self._pairs.append((client, server))
                losing = threading.Event()
                for run, *ends in ((self._ask, client, server), (self._answer, server, client)):
                    threading.Thread(target=run, args=(*ends, losing), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while sent := client.recv(65536):
                if self.loses and self.loses in sent:
                    self.loses = b""
                    losing.set()
                server.sendall(sent)
        _end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while sent := server.recv(65536):
                if losing.is_set():
                    self.lost += 1
                    break
                if not self.is_silent:
                    client.sendall(sent)
        _end(client, server)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
