"""Fixtures for every test: an environment of its own, real servers, faults."""

from __future__ import annotations

import asyncio
import os

# Read when textual is imported: a scroll that glides only costs the tests time.
os.environ["TEXTUAL_ANIMATIONS"] = "none"

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from tests.certificates import CertificateAuthority
from tests.clusters import NatsCluster
from tests.faults import Proxy, Script, ScriptedServer
from tests.servers import NatsServer

Connect = Callable[..., Awaitable[Client]]

FOREIGN = (
    "NO_COLOR",
    "FORCE_COLOR",
    "COLORTERM",
    "SSH_CONNECTION",
    "SSH_TTY",
    "SSH_CLIENT",
    "COLUMNS",
    "LINES",
)
FOREIGN_PREFIXES = ("NATS_", "NATSTUI_", "TEXTUAL")


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own and none of the developer's variables. Returns the home directory."""
    for name in list(os.environ):
        if name in FOREIGN or name.startswith(FOREIGN_PREFIXES):
            monkeypatch.delenv(name)
    # Colours as most terminals have them, wherever the tests run.
    monkeypatch.setenv("COLORTERM", "truecolor")
    home = tmp_path / "home"
    directories = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_STATE_HOME": home / "state",
        "XDG_DATA_HOME": home / "data",
        "XDG_CACHE_HOME": home / "cache",
    }
    for name, directory in directories.items():
        directory.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(directory))
    return home


@pytest.fixture
def nats_server_factory() -> Iterator[Callable[..., NatsServer]]:
    """`nats_server_factory(**options)`: a started `NatsServer`, ended after the test."""
    servers: list[NatsServer] = []

    def make(*args: str, **options: object) -> NatsServer:
        server = NatsServer(*args, **options)  # type: ignore[arg-type]
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def nats_server(nats_server_factory: Callable[..., NatsServer]) -> NatsServer:
    """A plain nats-server."""
    return nats_server_factory()


@pytest.fixture
def nats_cluster_factory() -> Iterator[Callable[..., NatsCluster]]:
    """`nats_cluster_factory(3, **options)`: a formed `NatsCluster`, ended after the test."""
    clusters: list[NatsCluster] = []

    def make(size: int = 3, **options: object) -> NatsCluster:
        cluster = NatsCluster(size, **options)  # type: ignore[arg-type]
        clusters.append(cluster)
        return cluster.start()

    yield make
    for cluster in clusters:
        cluster.stop()


@pytest.fixture
async def proxy_factory() -> AsyncIterator[Callable[..., Awaitable[Proxy]]]:
    """`await proxy_factory(server.url)`: a started `Proxy` in front of it."""
    proxies: list[Proxy] = []

    async def make(target: str, receive_buffer: int | None = None) -> Proxy:
        proxy = Proxy(target, receive_buffer)
        proxies.append(proxy)
        return await proxy.start()

    yield make
    for proxy in proxies:
        await proxy.stop()


@pytest.fixture
async def scripted_server() -> AsyncIterator[Callable[[Script], Awaitable[ScriptedServer]]]:
    """`await scripted_server(script)`: a started `ScriptedServer`; a wrong step of the script fails the test."""
    servers: list[ScriptedServer] = []

    async def make(script: Script) -> ScriptedServer:
        server = ScriptedServer(script)
        servers.append(server)
        return await server.start()

    yield make
    for server in servers:
        await server.stop()


@pytest.fixture
def certificate_authority(tmp_path: Path) -> CertificateAuthority:
    """A CA for this test."""
    return CertificateAuthority(tmp_path / "ca")


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """`await connect(url, **options)`: bare nats-py without reconnecting, closed after the test."""
    clients: list[Client] = []

    async def make(url: str, **options: Any) -> Client:
        options.setdefault("allow_reconnect", False)
        client = await nats.connect(url, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await asyncio.wait_for(client.close(), 10)
