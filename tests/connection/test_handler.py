"""The connection handler: how a connection ends, what is restored, how replies find their way, and draining."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from natstui.connection import (
    Closed,
    ConnectionClosedError,
    ConnectionLostError,
    ConnectionManager,
    ConnectionState,
    Disconnected,
    Draining,
    LameDuck,
    ManagedConnection,
    Message,
    Outcome,
    PermissionDeniedError,
    Reconnected,
    StateChanged,
)
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Clusters = Callable[..., NatsCluster]
Proxies = Callable[..., Awaitable[Proxy]]

AT_ONCE = 10.0
"""Seconds; far below the timeouts of 60 that are given to what must not run into them."""


async def reconnected(connection: ManagedConnection, times: int = 1) -> None:
    """Wait until the connection has come back so many times."""
    await until(
        lambda: connection.state is ConnectionState.CONNECTED and connection.stats().reconnects == times, timeout=20
    )


def inboxes(server: NatsServer) -> list[str]:
    """What the connection named "asking" is subscribed to."""
    (client,) = (client for client in server.connections() if client.get("name") == "asking")
    subjects: list[str] = client.get("subscriptions_list", [])
    return subjects


# --- exit reasons ------------------------------------------------------------------------------------------------


async def test_each_way_of_ending_has_its_reason_in_the_events(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url)
    record = EventRecord(connection)
    await connection.open()
    await connection.force_reconnect()
    await reconnected(connection)
    nats_server.kill()
    await until(lambda: len(record.of(Disconnected)) == 2)
    nats_server.restart()
    await reconnected(connection, 2)
    await connection.close()
    closed = await record.first(Closed)
    asked, broken = record.of(Disconnected)
    assert asked.reason == "reconnect requested"
    assert "closed the connection" in broken.reason or "broke" in broken.reason
    assert closed.reason == "closed"
    assert record.kinds()[-1] == "Closed"
    states = [event.new.value for event in record.of(StateChanged)]
    assert states == ["opening", *["connected", "reconnecting"] * 2, "connected", "closed"]


# --- what is in flight when the connection is lost ---------------------------------------------------------------


async def test_calls_in_flight_fail_at_once_and_pending_pings_are_zeroed(
    nats_server: NatsServer, managed: Managed, proxy_factory: Proxies
) -> None:
    service = managed(nats_server.url)
    asked: list[Message] = []
    await service.subscribe("svc.slow", asked.append)
    proxy = await proxy_factory(nats_server.url)
    connection = managed(proxy.url, request_timeout=60.0, ping_interval=0.1, max_outstanding_pings=1000)
    await connection.open()
    first = asyncio.create_task(connection.request("svc.slow", timeout=60))
    second = asyncio.create_task(connection.request("svc.slow", timeout=60, inbox="my.own.inbox"))
    await until(lambda: len(asked) == 2)
    proxy.drop_from_server()
    flushing = asyncio.create_task(connection.flush(60))
    confirming = asyncio.create_task(connection.publish_confirmed("orders", timeout=60))
    checking = asyncio.create_task(connection.check_health(60))
    await until(lambda: connection.stats().pings_outstanding >= 2)
    await proxy.refuse()
    await proxy.cut()
    async with asyncio.timeout(AT_ONCE):
        for waiting in (first, second, flushing):
            with pytest.raises(ConnectionLostError):
                await waiting
        assert (await confirming).outcome is Outcome.UNKNOWN
        assert not (await checking).healthy
    assert connection.stats().pings_outstanding == 0
    proxy.pass_on()
    await proxy.accept()
    await reconnected(connection)
    assert connection.stats().pings_outstanding <= 1


# --- restored subscriptions --------------------------------------------------------------------------------------


async def test_queue_groups_are_restored_as_queue_groups(nats_server: NatsServer, managed: Managed) -> None:
    members = [managed(nats_server.url) for _ in range(2)]
    received: list[tuple[int, bytes]] = []
    for number, member in enumerate(members):
        await member.subscribe("jobs", lambda message, n=number: received.append((n, message.data)), queue="workers")
    publisher = managed(nats_server.url)
    await publisher.open()
    nats_server.kill()
    nats_server.restart()
    for connection in (*members, publisher):
        await reconnected(connection)
        await connection.flush()
    for number in range(200):
        await publisher.publish("jobs", b"%d" % number)
    await until(lambda: len(received) == 200)
    assert sorted(int(data) for _, data in received) == list(range(200))
    assert {number for number, _ in received} == {0, 1}


async def test_what_remains_of_max_msgs_is_kept_over_reconnects(nats_server: NatsServer, managed: Managed) -> None:
    connection, publisher = managed(nats_server.url), managed(nats_server.url)
    received: list[bytes] = []
    subscription = await connection.subscribe("orders", lambda message: received.append(message.data), max_msgs=5)
    numbers = iter(range(100))
    for expected, reconnects in ((2, 1), (4, 2)):
        for _ in range(2):
            await publisher.publish("orders", b"%d" % next(numbers))
        await until(lambda expected=expected: len(received) == expected)
        await connection.force_reconnect()
        await reconnected(connection, reconnects)
        await connection.flush()
        assert subscription.active
    for _ in range(10):
        await publisher.publish("orders", b"%d" % next(numbers))
    await until(lambda: len(received) == 5)
    await until(lambda: not subscription.active)
    await connection.force_reconnect()
    await reconnected(connection, 3)
    await connection.flush()
    await publisher.publish("orders", b"after the end")
    await publisher.flush()
    await connection.flush()
    assert received == [b"0", b"1", b"2", b"3", b"4"]
    assert connection.subscriptions == ()
    assert all("orders" not in client.get("subscriptions_list", []) for client in nats_server.connections())


async def test_unsubscribing_while_down_leaves_nothing_behind(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url)
    keep = await connection.subscribe("keep", lambda message: None)
    drop = await connection.subscribe("drop", lambda message: None)
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    await drop.unsubscribe()
    late = await connection.subscribe("late", lambda message: None)
    nats_server.restart()
    await reconnected(connection)
    await connection.flush()
    (client,) = nats_server.connections()
    assert sorted(client["subscriptions_list"]) == ["keep", "late"]
    assert connection.subscriptions == (keep, late)


# --- the multiplexer ---------------------------------------------------------------------------------------------


async def test_one_subscription_serves_all_requests_and_outlives_the_server(
    nats_server: NatsServer, managed: Managed
) -> None:
    service, connection = managed(nats_server.url), managed(nats_server.url, name="asking")

    async def answer(message: Message) -> None:
        await service.publish(message.reply, message.data)

    await service.subscribe("svc.echo", answer)

    for times in (0, 1):
        replies = await asyncio.gather(*(connection.request("svc.echo", b"%d" % n) for n in range(50)))
        assert [reply.data for reply in replies] == [b"%d" % n for n in range(50)]
        assert len(inboxes(nats_server)) == 1
        assert inboxes(nats_server)[0].startswith("_INBOX.")
        if not times:
            for each in (service, connection):
                await each.force_reconnect()
                await reconnected(each)
                await each.flush()
    assert connection.stats().subscriptions == 0


async def test_an_inbox_of_ones_own_has_a_subscription_for_as_long_as_the_request(
    nats_server: NatsServer, managed: Managed
) -> None:
    service, connection = managed(nats_server.url), managed(nats_server.url, name="asking")
    asked: list[Message] = []
    await service.subscribe("svc.slow", asked.append)
    asking = asyncio.create_task(connection.request("svc.slow", inbox="my.inbox"))
    await until(lambda: asked)
    assert asked[0].reply == "my.inbox"

    assert inboxes(nats_server) == ["my.inbox"]
    await service.publish("my.inbox", b"done")
    assert (await asking).data == b"done"
    await connection.flush()
    assert inboxes(nats_server) == []


# --- lame duck mode ----------------------------------------------------------------------------------------------


async def test_lame_duck_mode_is_told_before_the_connection_goes_elsewhere(
    nats_cluster_factory: Clusters, managed: Managed
) -> None:
    cluster = nats_cluster_factory(2, lame_duck_duration=30.0, lame_duck_grace_period=0.2)
    first, second = cluster.nodes
    connection = managed(first.url)
    record = EventRecord(connection)
    received: list[Message] = []
    await connection.subscribe("orders", received.append)
    first.lame_duck()
    await record.first(LameDuck, server=first.url)
    await record.first(Reconnected, server=second.url, timeout=20)
    kinds = record.kinds()
    assert kinds.index("LameDuck") < kinds.index("Disconnected") < kinds.index("Reconnected")
    await connection.publish("orders", b"1")
    await until(lambda: received)


# --- draining ----------------------------------------------------------------------------------------------------


async def test_draining_lets_handlers_answer_what_has_arrived_and_takes_nothing_new(
    nats_server: NatsServer, managed: Managed
) -> None:
    service, asking = managed(nats_server.url), managed(nats_server.url)
    record = EventRecord(service)
    begun, gate = asyncio.Event(), asyncio.Event()

    async def answer(message: Message) -> None:
        begun.set()
        await gate.wait()
        await service.publish(message.reply, b"answered")

    await service.subscribe("svc.slow", answer)
    requests = [asyncio.create_task(asking.request("svc.slow", timeout=60)) for _ in range(3)]
    await begun.wait()
    await asking.flush()
    await service.flush()
    draining = asyncio.create_task(service.drain(timeout=30))
    await record.first(Draining)
    for use in (service.open(), service.subscribe("more", print), service.request("svc.slow")):
        with pytest.raises(ConnectionClosedError):
            await use
    gate.set()
    assert [(await request).data for request in requests] == [b"answered"] * 3
    await asyncio.wait_for(draining, AT_ONCE)
    assert service.state is ConnectionState.CLOSED
    with pytest.raises(ConnectionClosedError):
        await service.publish("late")


async def test_a_cancelled_drain_ends_in_closed_all_the_same(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url)
    record = EventRecord(connection)
    stuck = asyncio.Event()

    async def handler(_message: Message) -> None:
        stuck.set()
        await asyncio.Event().wait()

    await connection.subscribe("orders", handler)
    await connection.publish("orders")
    await stuck.wait()
    draining = asyncio.create_task(connection.drain(timeout=60))
    await record.first(Draining)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert connection.state is ConnectionState.CLOSED
    await record.first(Closed)
    await until(lambda: not nats_server.connections())


async def test_a_second_drain_waits_for_the_first(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url)
    handled: list[bytes] = []
    gate = asyncio.Event()

    async def handler(message: Message) -> None:
        await gate.wait()
        handled.append(message.data)

    await connection.subscribe("orders", handler)
    for number in range(3):
        await connection.publish("orders", b"%d" % number)
    await connection.flush()
    drains = [asyncio.create_task(connection.drain(timeout=30)) for _ in range(2)]
    await until(lambda: connection.state is ConnectionState.DRAINING)
    gate.set()
    await asyncio.wait_for(asyncio.gather(*drains), AT_ONCE)
    assert handled == [b"0", b"1", b"2"]
    await connection.drain()


@pytest.mark.parametrize("state", ["new", "failed", "asleep", "opening"])
async def test_draining_ends_in_closed_from_every_state(
    nats_server: NatsServer, manager: ConnectionManager, managed: Managed, state: str
) -> None:
    connection = managed("nats://127.0.0.1:1" if state == "failed" else nats_server.url, connection_timeout=60)
    opening: asyncio.Task[None] | None = None
    if state == "failed":
        with pytest.raises(Exception, match="refused"):
            await connection.open()
    if state == "asleep":
        await connection.open()
        await connection.sleep()
    if state == "opening":
        nats_server.freeze()
        opening = asyncio.create_task(connection.open())
        await until(lambda: connection.state is ConnectionState.OPENING)
    await asyncio.wait_for(connection.drain(timeout=1), AT_ONCE)
    assert connection.state is ConnectionState.CLOSED
    assert isinstance(connection.events[-1], Closed)
    if opening is not None:
        with pytest.raises(ConnectionClosedError):
            await opening


@pytest.mark.parametrize("end", ["drain", "close"])
async def test_what_a_limited_subscription_has_yet_to_hand_over_is_drained_and_never_handed_over_after_the_end(
    nats_server: NatsServer, managed: Managed, end: str
) -> None:
    connection = managed(nats_server.url)
    states: list[ConnectionState] = []

    async def handle(_: Message) -> None:
        await asyncio.sleep(0.05)
        states.append(connection.state)

    subscription = await connection.subscribe("orders", handle, max_msgs=5)
    for _ in range(5):
        await connection.publish("orders")
    await connection.flush()
    await until(lambda: subscription.received == 5)
    assert connection.subscriptions == ()
    await (connection.drain() if end == "drain" else connection.close())
    count = len(states)
    assert subscription.is_delivered
    assert count == 5 or end == "close"
    assert ConnectionState.CLOSED not in states


async def test_a_queue_group_refused_leaves_the_subscription_beside_it_alone(
    nats_server_factory: Servers, managed: Managed
) -> None:
    refused = {"subscribe": {"deny": ["orders theirs"]}}
    server = nats_server_factory(user="ann", password="pw", permissions=refused)
    connection = managed(server.url, user="ann", password="pw")
    plain = await connection.subscribe("orders", print)
    with pytest.raises(PermissionDeniedError, match="theirs"):
        await connection.subscribe("orders", print, queue="theirs")
    assert plain.active and not plain.denied


async def test_what_the_server_said_long_ago_is_not_told_as_the_reason_of_the_loss(
    nats_server_factory: Servers, managed: Managed
) -> None:
    server = nats_server_factory(user="ann", password="pw", permissions={"publish": {"deny": ["no"]}})
    connection = managed(server.url, user="ann", password="pw")
    record = EventRecord(connection)
    assert (await connection.publish_confirmed("no")).outcome is Outcome.REFUSED
    server.kill()
    assert "saying" not in (await record.first(Disconnected)).reason
