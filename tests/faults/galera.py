"""A Galera cluster of MariaDB servers, and what stands before it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from failing_wire import FailingWire
from servers import HOST, ServerMissing, free_port

from .servers import STARTING_TAKES, MariaDB, ServerBroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROVIDER: Final = Path("/usr/lib/galera/libgalera_smm.so")
_SIZE: Final = "SHOW STATUS LIKE 'wsrep_cluster_size'"
_IS_SYNCED: Final = "SHOW STATUS LIKE 'wsrep_local_state_comment'"


class Node(MariaDB):
    """A node of a cluster."""

    def __init__(self, options: Sequence[str]) -> None:
        super().__init__()
        self._options = options
        if not _PROVIDER.exists():
            raise ServerMissing(f"{_PROVIDER} is missing; it comes with the package galera-4")
        self.cluster: Sequence[Node] = ()
        self.founds = False
        """Whether it starts a cluster of its own."""
        self.group_port, self.transfer_port, self.increment_port = free_port(), free_port(), free_port()

    def status(self, question: str) -> str:
        """One of its status variables."""
        with self.connected(self._maintenance) as connection:
            row = connection.exec_driver_sql(question).first()
        return "" if row is None else str(row[1])

    def _command(self) -> list[str]:
        addresses = ",".join(f"{HOST}:{node.group_port}" for node in self.cluster)
        provider = [
            f"gmcast.listen_addr=tcp://{HOST}:{self.group_port}",
            f"ist.recv_addr={HOST}:{self.increment_port}",
            "gcache.size=32M",
        ]
        options = {
            "wsrep-on": "ON",
            "wsrep-provider": _PROVIDER,
            "wsrep-cluster-name": f"faults-{self.cluster[0].group_port}",
            "wsrep-cluster-address": f"gcomm://{'' if self.founds else addresses}",
            "wsrep-node-address": f"{HOST}:{self.group_port}",
            "wsrep-sst-receive-address": f"{HOST}:{self.transfer_port}",
            "wsrep-sst-method": "rsync",
            "wsrep-provider-options": ";".join(provider),
            "binlog-format": "ROW",
            "innodb-autoinc-lock-mode": "2",
        }
        given = (f"--{name}={value}" for name, value in options.items())
        return [*super()._command(), *given, *self._options]


class Cluster:
    """Three nodes, each of which takes writes.

    Args:
        options: of the nodes, beside those that they need.
    """

    def __init__(self, *options: str) -> None:
        self.nodes = [Node(options) for _ in range(3)]
        for node in self.nodes:
            node.cluster = self.nodes
        self._balancer: FailingWire | None = None

    def create(self) -> None:
        """Start all."""
        first, *others = self.nodes
        for node in self.nodes:
            make, _ = node.kind.commands(node.data, node.port)
            node.call(*make)
        first.founds = True
        first.start()
        first.founds = False
        first.create_database()
        for node in others:
            node.start()
            self.wait_until_joined(node)
        self._balancer = FailingWire(first.url)

    @property
    def url(self) -> str:
        """A balancer before the nodes, which sends everybody to one of them."""
        assert self._balancer is not None
        return self._balancer.url

    @property
    def urls(self) -> list[str]:
        """The nodes themselves."""
        return [node.url for node in self.nodes]

    def kill_and_leave(self) -> None:
        """Kill the node that serves the clients, and send them to the next one."""
        self.nodes[0].kill()
        self.nodes = [*self.nodes[1:], self.nodes[0]]
        self._send_all_to(self.nodes[0])

    def start_those_down(self) -> None:
        """Start the nodes that do not run, and wait until they take part."""
        for node in self.nodes:
            if not node.is_running:
                node.start()
                self.wait_until_joined(node)

    def conflicts(self) -> int:
        """How many transactions of a node gave way to those of another one."""
        names = ("wsrep_local_cert_failures", "wsrep_local_bf_aborts")
        return sum(int(node.status(f"SHOW STATUS LIKE '{name}'")) for node in self.nodes for name in names)

    @contextmanager
    def without_quorum(self) -> Iterator[None]:
        """Freeze two of the three, as if the network were cut."""
        first, second, third = self.nodes
        with second.frozen(), third.frozen():
            yield
        for node in (first, second, third):
            self.wait_until_joined(node)

    def wait_until_joined(self, node: Node) -> None:
        """Wait until a node takes part again."""
        deadline = time.monotonic() + STARTING_TAKES
        while not self._takes_part(node):
            if time.monotonic() > deadline:
                raise ServerBroken(f"a node did not join: {node.last_words()}")
            time.sleep(0.05)

    def remove(self) -> None:
        """End all."""
        if self._balancer is not None:
            self._balancer.close()
        for node in self.nodes:
            node.remove()

    def _send_all_to(self, node: Node) -> None:
        assert self._balancer is not None
        self._balancer.send_to(make_url(node.url))
        self._balancer.end_connections()

    def _takes_part(self, node: Node) -> bool:
        running = sum(node.is_running for node in self.nodes)
        try:
            return node.status(_IS_SYNCED) == "Synced" and int(node.status(_SIZE)) == running
        except SQLAlchemyError:  # it takes connections, and refuses statements
            return False
