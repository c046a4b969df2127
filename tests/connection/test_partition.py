"""A network partition made with a network namespace: one node of three is out of everybody's reach, then back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from natstui.connection import Disconnected, Outcome, Reconnected, StaleConnection
from natstui.embedded.binary import find_nats_server
from tests.connection.conftest import Managed
from tests.connection.ledger import Arrivals, lost, publishing
from tests.servers import NatsServer
from tests.waiting import until, until_sync

PING_INTERVAL, ALLOWED = 0.2, 2


@dataclass(frozen=True)
class Island:
    """A network namespace behind a cable of its own."""

    name: str
    here: str
    """Our address on the cable."""
    there: str
    """The address at its other end."""

    def run(self, *command: str) -> None:
        subprocess.run(["ip", "-n", self.name, *command], check=True, capture_output=True, text=True)

    def cut(self) -> None:
        """Packets are lost from now on, in silence."""
        self.run("link", "set", "island", "down")

    def mend(self) -> None:
        self.run("link", "set", "island", "up")


@pytest.fixture
def island() -> Iterator[Island]:
    """A namespace; skips where there is no right or no program to make one."""
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed: no network namespace; the silent proxy stands in (test_cluster.py)")
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
                pytest.skip(f"no network namespace to be had ({done.stderr.strip()}); the silent proxy stands in")
        yield made
    finally:
        subprocess.run(["ip", "link", "delete", cable], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", made.name], capture_output=True, check=False)


def node(number: int, host: str, routes: list[str]) -> NatsServer:
    """One of three servers; those here listen on our end of the cable."""
    cluster = {"name": "islands", "host": host, "port": -1, "routes": routes, "ping_interval": "1s"}
    return NatsServer(name=f"n{number}", settings={"host": host, "http": f"{host}:-1", "cluster": cluster})


async def test_a_partition_with_namespaces(
    island: Island, managed: Managed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    near, stable = node(1, island.here, []), node(2, island.here, [])
    servers = [near.start()]
    try:
        route = f"nats-route://{island.here}:{near.cluster_port}"
        stable.settings["cluster"]["routes"] = [route]
        servers.append(stable.start())
        inside = tmp_path / "nats-server"
        inside.write_text(f'#!/bin/sh\nexec ip netns exec {island.name} {find_nats_server()} "$@"\n')
        inside.chmod(0o755)
        monkeypatch.setattr("tests.servers.find_nats_server", lambda: inside)
        far = node(3, island.there, [route])
        servers.append(far.start())
        urls = {server: f"nats://{server.settings['host']}:{server.port}" for server in servers}
        until_sync(lambda: len(near.varz().get("connect_urls", ())) == len(servers), timeout=20)

        pings = {"ping_interval": PING_INTERVAL, "max_outstanding_pings": ALLOWED}
        subscriber = await Arrivals(managed(urls[far], **pings)).subscribe()
        collector = await Arrivals(managed(urls[stable])).subscribe()
        cut_off = managed(urls[far], **pings)
        async with publishing(cut_off) as publisher, publishing(managed(urls[near]), 1_000_000) as other:
            for arrivals in (subscriber, collector):
                await arrivals.keep_up_with(other)
                await arrivals.keep_up_with(publisher)
            island.cut()
            await subscriber.record.first(StaleConnection, noticed_by="client", timeout=20)
            await subscriber.record.first(Reconnected, timeout=20)
            await until(lambda: cut_off.stats().reconnects == 1, timeout=20)
            await subscriber.keep_up_with(other)
            await collector.keep_up_with(publisher)
            island.mend()
            returned = await Arrivals(managed(urls[far], connection_timeout=20.0)).subscribe()
            for arrivals in (subscriber, returned):
                await arrivals.keep_up_with(other)
            await collector.keep_up_with(publisher)
        for each in (publisher, other):
            assert len(each.confirmed) >= 60
            await until(lambda each=each: not lost(each, collector), timeout=10)
        assert subscriber.missing(other)
        assert subscriber.unmarked(other) == []
        assert publisher.outcomes[Outcome.UNKNOWN] <= 1
        assert not collector.record.of(Disconnected)
        assert subscriber.connection.stats().server in (urls[near], urls[stable])
    finally:
        for server in reversed(servers):
            server.stop()
