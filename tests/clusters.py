"""Clusters of real nats-servers for tests."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Self

from tests.servers import HOST, NatsServer
from tests.waiting import until_sync


class NatsCluster:
    """Servers that know each other and tell their clients so. `with NatsCluster(3) as cluster`.

    The keywords are `NatsServer`'s and apply to every node.
    """

    def __init__(self, size: int = 3, name: str = "natstui-tests", **options: Any) -> None:
        self.name = name
        self.nodes: list[NatsServer] = []
        self._size = size
        self._options = options
        self._made = 0
        self._planned: list[int] = []
        """Cluster ports chosen beforehand: with JetStream each node must know all routes when it starts."""

    def start(self) -> Self:
        try:
            self._planned = _free_ports(self._size) if self._options.get("jetstream") else []
            for _ in range(self._size):
                self._add()
            self.wait_until_formed()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()
        self.nodes.clear()

    def add_node(self) -> NatsServer:
        """One more server; returns when all know it."""
        node = self._add()
        self.wait_until_formed()
        return node

    def remove_node(self, node: NatsServer) -> None:
        """One server less, for good; returns when the others have noticed."""
        self.nodes.remove(node)
        node.terminate()
        node.stop()
        self.wait_until_formed()

    def wait_until_formed(self, timeout: float = 20.0) -> None:
        """Until every running node tells its clients of exactly the running nodes (and JetStream has a leader)."""
        until_sync(self._formed, timeout=timeout, what="the cluster is formed")

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _add(self) -> NatsServer:
        self._made += 1
        node = NatsServer(name=f"n{self._made}", **self._options)
        port = self._planned[self._made - 1] if self._made <= len(self._planned) else -1
        others = self._planned or [other.cluster_port for other in self.nodes if other.running]
        routes = [f"nats-route://{HOST}:{other}" for other in others]
        node.settings["cluster"] = {"name": self.name, "host": HOST, "port": port, "routes": routes}
        self.nodes.append(node)
        return node.start()

    def _formed(self) -> bool:
        running = [node for node in self.nodes if node.running]
        expected = {f"{HOST}:{node.port}" for node in running}
        if len(expected) > 1 and any(set(n.varz().get("connect_urls", ())) != expected for n in running):
            return False
        if len(expected) > 1 and self._options.get("jetstream"):
            return all(node.monitor("jsz").get("meta_cluster", {}).get("leader") for node in running)
        return True


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in held]
