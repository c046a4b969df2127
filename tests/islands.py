"""Network partitions made with a network namespace; they need Linux, root and iproute2."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.servers import NatsServer
from tests.waiting import until_sync


class NoNamespaceError(Exception):
    """There is no right or no program to make a network namespace; the message says which."""


@dataclass(frozen=True)
class Island:
    """A network namespace behind a cable of its own."""

    name: str
    here: str
    """Our address on the cable."""
    there: str
    """The address at its other end."""

    @property
    def within(self) -> Sequence[str]:
        """The command that runs a program there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Packets are lost from now on, in silence."""
        self._run("link", "set", "island", "down")

    def mend(self) -> None:
        self._run("link", "set", "island", "up")

    def _run(self, *command: str) -> None:
        subprocess.run(["ip", "-n", self.name, *command], check=True, capture_output=True, text=True)


@contextmanager
def island() -> Iterator[Island]:
    """A namespace, gone at the end.

    Raises:
        NoNamespaceError: none can be made here.
    """
    if shutil.which("ip") is None:
        raise NoNamespaceError("iproute2 is not installed")
    number = os.getpid() % 16_000
    prefix = f"10.{200 + number // 256 % 50}.{number % 256}"
    made = Island(f"natstui-{os.getpid()}", f"{prefix}.1", f"{prefix}.2")
    cable = f"nt{os.getpid()}"
    steps = [
        ["ip", "netns", "add", made.name],
        ["ip", "link", "add", cable, "type", "veth", "peer", "name", "island", "netns", made.name],
        ["ip", "address", "add", f"{made.here}/24", "dev", cable],
        ["ip", "link", "set", cable, "up"],
        ["ip", "-n", made.name, "address", "add", f"{made.there}/24", "dev", "island"],
        ["ip", "-n", made.name, "link", "set", "lo", "up"],
        ["ip", "-n", made.name, "link", "set", "island", "up"],
    ]
    try:
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NoNamespaceError(done.stderr.strip())
        yield made
    finally:
        subprocess.run(["ip", "link", "delete", cable], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", made.name], capture_output=True, check=False)


@contextmanager
def cluster_with(made: Island, **options: Any) -> Iterator[tuple[NatsServer, NatsServer, NatsServer]]:
    """A cluster of three: one on the island, two here on our end of the cable. `options` are every node's."""

    def node(number: int, host: str, routes: Sequence[str], within: Sequence[str] = ()) -> NatsServer:
        cluster = {"name": "islands", "host": host, "port": -1, "routes": list(routes), "ping_interval": "1s"}
        settings = {"host": host, "http": f"{host}:-1", "cluster": cluster}
        return NatsServer(name=f"n{number}", settings=settings, within=within, **options)

    with ExitStack() as servers:
        near = servers.enter_context(node(1, made.here, ()))
        routes = [f"nats-route://{made.here}:{near.cluster_port}"]
        stable = servers.enter_context(node(2, made.here, routes))
        far = servers.enter_context(node(3, made.there, routes, made.within))
        until_sync(lambda: len(near.varz().get("connect_urls", ())) == 3, timeout=20, what="all three know each other")
        yield far, near, stable
