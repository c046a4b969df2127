"""nats-py's defects around closing and draining (nats-py-2.16.md, part 2): none may reach a user."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from natstui.connection import (
    ClientError,
    Closed,
    ConnectionClosedError,
    ConnectionLostError,
    ConnectionState,
    Disconnected,
    ManagedConnection,
    Message,
    Reconnected,
)
from tests.certificates import CertificateAuthority
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Peer, Proxy, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Proxies = Callable[..., Awaitable[Proxy]]
Scripted = Callable[[Script], Awaitable[ScriptedServer]]
End = Callable[[ManagedConnection], Awaitable[None]]

IN_TIME = 8.0
"""Seconds: the close itself takes one, a drain five; nats-py hangs for 11, 30 or for ever."""

ENDS: dict[str, End] = {
    "close": lambda connection: connection.close(),
    "drain": lambda connection: connection.drain(timeout=1.0),
}


async def fill_send_buffer(connection: ManagedConnection) -> None:
    """Publish until the socket, whose peer reads nothing, takes no more."""
    for _ in range(10_000):
        try:
            async with asyncio.timeout(0.3):
                await connection.publish("fill", b"x" * 100_000)
        except TimeoutError:
            return
    raise AssertionError("the send buffer never filled")


@pytest.mark.parametrize("end", ENDS)
async def test_ending_is_in_time_with_unsent_bytes_and_a_frozen_peer(
    nats_server: NatsServer, proxy_factory: Proxies, managed: Managed, end: str
) -> None:
    """Defect 2: nats-py waits for ever for the unsent bytes to go."""
    proxy = await proxy_factory(nats_server.url, receive_buffer=4096)
    connection = managed(proxy.url)
    await connection.open()
    proxy.silence()
    await fill_send_buffer(connection)
    record = EventRecord(connection)
    await asyncio.wait_for(ENDS[end](connection), IN_TIME)
    assert connection.state is ConnectionState.CLOSED
    await record.first(Closed)
    proxy.pass_on()
    await until(lambda: proxy.open_connections == 0, what="the socket is closed")


async def test_a_reconnect_asked_for_is_in_time_with_unsent_bytes_and_a_frozen_peer(
    nats_server: NatsServer, proxy_factory: Proxies, managed: Managed
) -> None:
    """Defect 2: the next server of the pool is never reached."""
    proxy = await proxy_factory(nats_server.url, receive_buffer=4096)
    connection = managed(proxy.url, nats_server.url)
    await connection.open()
    proxy.silence()
    await fill_send_buffer(connection)
    record = EventRecord(connection)
    await asyncio.wait_for(connection.force_reconnect(), IN_TIME)
    await record.first(Reconnected, server=nats_server.url)


@pytest.mark.parametrize("end", ENDS)
async def test_ending_is_in_time_with_a_frozen_tls_peer(
    certificate_authority: CertificateAuthority, managed: Managed, end: str
) -> None:
    """Defect 3: nats-py waits 30 s for the TLS farewell of a peer that is frozen."""
    with NatsServer(tls=certificate_authority.server()) as server:
        connection = managed(server.url, root_certificates=certificate_authority.certificate)
        await connection.open()
        server.freeze()
        await asyncio.wait_for(ENDS[end](connection), IN_TIME)
        assert connection.state is ConnectionState.CLOSED
        server.thaw()
        await until(lambda: not server.connections(), what="the server sees the connection end")


async def test_closing_while_disconnected_gives_up_what_waits_and_says_so(
    nats_server: NatsServer, managed: Managed
) -> None:
    """Defect 10: nats-py raises ConnectionResetError, and never tells that it is closed."""
    connection = managed(nats_server.url)
    await connection.open()
    record = EventRecord(connection)
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    for number in range(3):
        await connection.publish("orders", b"%d" % number)
    assert connection.stats().buffered == 3
    await asyncio.wait_for(connection.close(), IN_TIME)
    assert connection.state is ConnectionState.CLOSED
    await record.first(Closed)
    assert "3 buffered messages" in str((await record.first(ClientError)).error)
    with pytest.raises(ConnectionClosedError):
        await connection.publish("orders", b"late")


async def test_bytes_pending_when_the_peer_resets_do_not_upset_the_close(
    nats_server: NatsServer, proxy_factory: Proxies, managed: Managed
) -> None:
    """Defect 10, with bytes that were on their way into the socket."""
    proxy = await proxy_factory(nats_server.url, receive_buffer=4096)
    connection = managed(proxy.url)
    await connection.open()
    record = EventRecord(connection)
    proxy.silence()
    await fill_send_buffer(connection)
    await proxy.refuse()
    await proxy.cut(reset=True)
    await record.first(Disconnected)
    await asyncio.wait_for(connection.close(), IN_TIME)
    await record.first(Closed)


@pytest.mark.parametrize("end", ENDS)
async def test_closing_when_told_of_the_disconnect_closes(nats_server: NatsServer, managed: Managed, end: str) -> None:
    """Defect 11: nats-py's close() within disconnected_cb cancels itself half-way."""
    connection = managed(nats_server.url)
    await connection.open()
    ended = asyncio.Event()

    async def end_it(event: object) -> None:
        if isinstance(event, Disconnected):
            await ENDS[end](connection)
            ended.set()

    connection.add_listener(end_it)
    nats_server.kill()
    await asyncio.wait_for(ended.wait(), IN_TIME)
    assert connection.state is ConnectionState.CLOSED
    assert isinstance(connection.events[-1], Closed)


@pytest.mark.parametrize("end", ENDS)
async def test_closing_from_a_handler_closes(nats_server: NatsServer, managed: Managed, end: str) -> None:
    """Defect 11, from the handler of a message."""
    connection = managed(nats_server.url)
    ended = asyncio.Event()

    async def handler(_message: Message) -> None:
        await ENDS[end](connection)
        ended.set()

    await connection.subscribe("last.orders", handler)
    await connection.publish("last.orders")
    await asyncio.wait_for(ended.wait(), IN_TIME)
    assert connection.state is ConnectionState.CLOSED


async def test_draining_a_frozen_server_ends_in_time_and_for_good(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 12: nats-py raises after 11 s, and its connection comes back later as a zombie."""
    connection = managed(nats_server.url, ping_interval=0.2, max_outstanding_pings=2)
    await connection.subscribe("orders", lambda _message: None)
    nats_server.freeze()
    await asyncio.wait_for(connection.drain(timeout=1.0), IN_TIME)
    assert connection.state is ConnectionState.CLOSED
    assert "drained, but cut short" in str(connection.events[-1])
    nats_server.thaw()
    await until(lambda: not nats_server.connections(), what="the connection ends")
    served = nats_server.varz()["total_connections"]
    with pytest.raises(AssertionError, match="comes back"):
        await until(lambda: nats_server.varz()["total_connections"] > served, timeout=0.5, what="the zombie comes back")


async def test_draining_delivers_what_has_arrived_first(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 12: what waits for a handler is handled before the end."""
    connection = managed(nats_server.url)
    handled: list[bytes] = []
    start = asyncio.Event()

    async def handler(message: Message) -> None:
        await start.wait()
        handled.append(message.data)

    await connection.subscribe("orders", handler)
    for number in range(20):
        await connection.publish("orders", b"%d" % number)
    draining = asyncio.ensure_future(connection.drain(timeout=IN_TIME))
    await until(lambda: connection.state is ConnectionState.DRAINING)
    start.set()
    await asyncio.wait_for(draining, IN_TIME)
    assert handled == [b"%d" % number for number in range(20)]


async def test_draining_does_not_wait_for_a_stuck_handler_longer_than_told(
    nats_server: NatsServer, managed: Managed
) -> None:
    """Defect 12: with messages that nobody takes, nats-py waits out its whole drain timeout of 30 s."""
    connection = managed(nats_server.url)

    async def handler(_message: Message) -> None:
        await asyncio.Event().wait()

    await connection.subscribe("orders", handler)
    await connection.publish("orders")
    await connection.flush()
    await asyncio.wait_for(connection.drain(timeout=0.5), IN_TIME)
    assert connection.state is ConnectionState.CLOSED


async def test_a_server_killed_during_the_drain_ends_it(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 12: nats-py goes on reconnecting, and never closes."""
    connection = managed(nats_server.url)
    await connection.subscribe("orders", lambda _message: None)
    nats_server.freeze()
    draining = asyncio.ensure_future(connection.drain(timeout=300))
    await until(lambda: connection.state is ConnectionState.DRAINING)
    nats_server.kill()
    await asyncio.wait_for(draining, IN_TIME)
    assert connection.state is ConnectionState.CLOSED


async def test_draining_while_reconnecting_closes(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 12: nats-py raises, and does not close."""
    connection = managed(nats_server.url)
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    await asyncio.wait_for(connection.drain(timeout=300), IN_TIME)
    assert connection.state is ConnectionState.CLOSED


async def test_a_cancelled_open_leaves_no_socket_behind(scripted_server: Scripted, managed: Managed) -> None:
    """Defect 22: nats-py's socket stays open until somebody calls close()."""
    closed = asyncio.Event()

    async def silent(peer: Peer) -> None:
        await peer.reader.read()
        closed.set()

    server = await scripted_server(silent)
    connection = managed(server.url, connection_timeout=1.0)
    opening = asyncio.ensure_future(connection.open())
    await until(lambda: server.accepted == 1)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await asyncio.wait_for(closed.wait(), IN_TIME)
    assert connection.state is ConnectionState.FAILED


async def test_closing_during_an_open_leaves_no_socket_behind(scripted_server: Scripted, managed: Managed) -> None:
    """Defect 22, with close() beside open()."""
    closed = asyncio.Event()

    async def silent(peer: Peer) -> None:
        await peer.reader.read()
        closed.set()

    server = await scripted_server(silent)
    connection = managed(server.url, connection_timeout=300)
    opening = asyncio.ensure_future(connection.open())
    await until(lambda: server.accepted == 1)
    await asyncio.wait_for(connection.close(), IN_TIME)
    with pytest.raises(ConnectionClosedError):
        await asyncio.wait_for(opening, IN_TIME)
    await asyncio.wait_for(closed.wait(), IN_TIME)


async def test_a_close_at_any_point_of_an_open_is_final(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 22: whatever the open had reached, nothing comes up afterwards."""
    for trial in range(48):
        connection = managed(nats_server.url)
        opening = asyncio.ensure_future(connection.open())
        for _ in range(trial):
            await asyncio.sleep(0)
        await connection.close()
        await asyncio.gather(opening, return_exceptions=True)
        assert connection.state is ConnectionState.CLOSED, f"trial {trial}"
    await until(lambda: not nats_server.connections(), what="no connection is left on the server")


async def test_a_use_in_flight_learns_of_the_end(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 18 and 12: a drain waits for a request in flight, and ends it when the time is up."""
    connection = managed(nats_server.url)
    await connection.subscribe("slow", lambda _message: None)
    asking = asyncio.ensure_future(connection.request("slow", timeout=300))
    await until(lambda: connection.stats().out_msgs == 1)
    await asyncio.wait_for(connection.drain(timeout=0.5), IN_TIME)
    with pytest.raises((ConnectionClosedError, ConnectionLostError)):
        await asyncio.wait_for(asking, IN_TIME)


@pytest.mark.parametrize("end", ["frozen", "lost", "closed", "put to sleep"])
async def test_a_websocket_gives_back_all_that_it_held(
    nats_server_factory: Callable[..., NatsServer], managed: Managed, end: str
) -> None:
    """Defect 22: aiohttp complains, into the terminal, of what nobody closed (the fixture `silent_asyncio` hears)."""
    server = nats_server_factory(websocket=True)
    connection = managed(server.websocket_url, ping_interval=0.2, reconnect_delay_callback=lambda _attempt: 0.05)
    before = asyncio.all_tasks()
    for _ in range(3):
        await connection.open()
        if end == "put to sleep":
            await connection.sleep()
        elif end != "closed":
            server.freeze() if end == "frozen" else server.kill()
            await until(lambda: connection.state is ConnectionState.RECONNECTING)
            server.thaw() if end == "frozen" else server.start()
            await until(lambda: connection.state is ConnectionState.CONNECTED)
    if end != "put to sleep":
        await connection.close()
    await until(lambda: not asyncio.all_tasks() - before, what="no task is left")
    gc.collect()
