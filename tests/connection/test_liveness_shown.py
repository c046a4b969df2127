"""What a user sees of the pings, and what must not be taken for a silent server."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from natstui.connection import (
    Connected,
    ConnectionState,
    Disconnected,
    PingSent,
    PongReceived,
    Reconnected,
    StaleConnection,
)
from natstui.connection.boot_clock import seconds_since_boot
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Peer, Proxy, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Proxies = Callable[..., Awaitable[Proxy]]
Scripted = Callable[[Script], Awaitable[ScriptedServer]]

PROJECT = Path(__file__).parents[2]


async def test_outstanding_pings_are_shown_as_they_change(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, ping_interval=0.1, max_outstanding_pings=50)
    record = EventRecord(connection)
    await connection.open()
    assert connection.stats().max_outstanding_pings == 50
    assert connection.stats().ping_interval == 0.1
    await record.first(PongReceived)
    await until(lambda: connection.stats().pings_outstanding == 0)
    assert connection.stats().is_healthy
    nats_server.freeze()
    record.clear()
    await until(lambda: connection.stats().pings_outstanding >= 3)
    assert not connection.stats().is_healthy
    assert connection.stats().is_connected
    await record.first(PingSent, outstanding=3)
    assert [ping.outstanding for ping in record.of(PingSent)][:3] == [1, 2, 3]
    assert not record.of(PongReceived)
    nats_server.thaw()
    await record.first(PongReceived, outstanding=0)
    await until(lambda: connection.stats().pings_outstanding == 0)
    assert connection.stats().is_healthy
    assert connection.stats().reconnects == 0


async def test_the_round_trip_is_shown(nats_server: NatsServer, proxy_factory: Proxies, managed: Managed) -> None:
    proxy = await proxy_factory(nats_server.url)
    connection = managed(proxy.url, ping_interval=20)
    record = EventRecord(connection)
    await connection.open()
    connected = await record.first(Connected)
    assert connected.rtt is not None
    assert connection.stats().rtt_ms == round(connected.rtt * 1000, 3)
    proxy.delay(0.05)
    await connection.flush()
    pong = await record.first(PongReceived)
    assert pong.rtt >= 0.1
    assert connection.stats().rtt_ms == round(pong.rtt * 1000, 3)
    assert str(pong) == f"pong after {pong.rtt * 1000:.1f} ms"
    health = await connection.check_health()
    assert health.healthy and health.rtt is not None and health.rtt >= 0.1


@pytest.mark.parametrize(("interval", "allowed"), [(0.3, 1), (0.2, 2)])
async def test_a_standstill_of_our_own_is_not_blamed_on_the_server(
    nats_server: NatsServer, managed: Managed, interval: float, allowed: int
) -> None:
    connection = managed(nats_server.url, ping_interval=interval, max_outstanding_pings=allowed)
    received: list[bytes] = []
    await connection.subscribe("flow", lambda message: received.append(message.data))
    record = EventRecord(connection)
    for trial in range(3):
        record.clear()
        await record.first(PongReceived)
        await until(lambda: time.monotonic() >= record.times(PongReceived)[-1] + trial / 3 * interval)  # noqa: B023
        time.sleep((allowed + 1.5) * interval)  # noqa: ASYNC251 - the event loop is blocked on purpose
        await connection.publish("flow", b"%d" % trial)
        await until(lambda: received[-1:] == [b"%d" % trial])  # noqa: B023
        await connection.flush()
        assert not record.of(StaleConnection)
    assert connection.stats().reconnects == 0


async def test_a_busy_loop_is_not_blamed_on_the_server(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, ping_interval=0.2, max_outstanding_pings=2)
    record = EventRecord(connection)
    await connection.open()
    ends = time.monotonic() + 2.0
    while time.monotonic() < ends:
        time.sleep(0.09)  # noqa: ASYNC251 - the event loop lags on purpose
        await asyncio.sleep(0)
    await record.first(PongReceived)
    assert connection.stats().reconnects == 0
    assert not record.of(StaleConnection)


async def test_a_server_that_gives_us_up_is_told_apart(scripted_server: Scripted, managed: Managed) -> None:
    async def script(peer: Peer) -> None:
        await peer.handshake()
        if peer.number == 1:
            await peer.send(b"-ERR 'Stale Connection'\r\n")
        else:
            await peer.serve()

    server = await scripted_server(script)
    connection = managed(server.url)
    record = EventRecord(connection)
    await connection.open()
    stale = await record.first(StaleConnection)
    assert stale.noticed_by == "server"
    assert "heard nothing from this client" in str(stale)
    assert "Stale Connection" in (await record.first(Disconnected)).reason
    await record.first(Reconnected)
    assert connection.state is ConnectionState.CONNECTED


async def test_a_client_that_was_frozen_learns_that_the_server_gave_it_up() -> None:
    with NatsServer(ping_interval=1, ping_max=1) as server:
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.connection.listening_client", server.url),
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert client.stdin is not None
        told: list[dict[str, Any]] = []

        async def listen() -> None:
            assert client.stdout is not None
            async for line in client.stdout:
                told.append(json.loads(line))

        def events(kind: str) -> list[dict[str, Any]]:
            return [event for event in told if event["kind"] == kind]

        listening = asyncio.ensure_future(listen())
        try:
            await until(lambda: events("Connected") and server.connections(), timeout=20)
            client.send_signal(signal.SIGSTOP)
            await until(lambda: not server.connections(), timeout=20, what="the server gives the client up")
            client.send_signal(signal.SIGCONT)
            reconnected = await until(lambda: events("Reconnected"), timeout=20)
            assert reconnected[0]["server"] == server.url
            assert [stale["noticed_by"] for stale in events("StaleConnection")] == ["server"]
            assert events("StaleConnection")[0]["silent_for"] > 1
            assert "Stale Connection" in events("Disconnected")[0]["reason"]
            await until(lambda: server.connections() and server.connections()[0]["subscriptions"] == 1)
            client.stdin.close()
            assert await asyncio.wait_for(client.wait(), 20) == 0
            await listening
            assert events("Closed")
        finally:
            listening.cancel()
            if client.returncode is None:
                client.kill()
                await client.wait()


async def test_a_loss_says_since_when_the_server_was_silent(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, ping_interval=0.2, max_outstanding_pings=2)
    record = EventRecord(connection)
    await connection.open()
    nats_server.freeze()
    lost = await record.first(Disconnected)
    assert lost.silent_for == record.of(StaleConnection)[0].silent_for
    assert lost.silent_for is not None and lost.silent_for > 0.4
    assert "last heard" in str(lost)
    nats_server.thaw()
    await record.first(Reconnected)
    record.clear()
    nats_server.terminate()
    assert (await record.first(Disconnected)).silent_for is None


async def test_the_time_that_the_machine_slept_counts_as_silence(
    nats_server: NatsServer, managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = managed(nats_server.url, ping_interval=0.2, max_outstanding_pings=2)
    record = EventRecord(connection)
    await connection.open()
    nats_server.freeze()
    monkeypatch.setattr("natstui.connection.client.seconds_since_boot", lambda: seconds_since_boot() + 8 * 3_600)
    lost = await record.first(Disconnected)
    assert lost.silent_for is not None and lost.silent_for > 8 * 3_600
