"""The behaviour options of the async-nats table, each on a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from natstui.connection import (
    Attempt,
    AttemptFailed,
    BufferFullError,
    Connected,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    HandshakeError,
    ManagedConnection,
    Message,
    NotConnectedError,
    OpenError,
    OperationTimeoutError,
    OptionError,
    Outcome,
    PermissionDeniedError,
    PingSent,
    PongReceived,
    ReconnectsExhaustedError,
    SlowConsumer,
    SubjectError,
    TcpError,
)
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Peer, Proxy, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Proxies = Callable[..., Awaitable[Proxy]]
Scripted = Callable[[Script], Awaitable[ScriptedServer]]


def test_the_defaults_are_async_nats_but_for_the_ping_interval() -> None:
    options = ConnectOptions()
    assert (options.connection_timeout, options.request_timeout) == (5, 10)
    assert (options.ping_interval, options.max_outstanding_pings) == (20, 2)
    assert options.max_reconnects is None
    switches = "retry_on_initial_connect ignore_discovered_servers retain_servers_order skip_subject_validation no_echo"
    assert not any(getattr(options, name) for name in switches.split())
    assert (options.subscription_capacity, options.client_capacity) == (65_536, 2_048)
    assert (options.custom_inbox_prefix, options.read_buffer_capacity) == ("_INBOX", 65_535)
    assert options.local_address is None


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("connection_timeout", 0),
        ("connection_timeout", "soon"),
        ("request_timeout", -1),
        ("ping_interval", 0),
        ("ping_interval", float("inf")),
        ("max_outstanding_pings", 0),
        ("max_outstanding_pings", 1.5),
        ("max_reconnects", -1),
        ("subscription_capacity", 0),
        ("client_capacity", 0),
        ("read_buffer_capacity", 0),
        ("custom_inbox_prefix", ""),
        ("custom_inbox_prefix", "in box"),
        ("custom_inbox_prefix", "inbox.>"),
        ("custom_inbox_prefix", ".inbox"),
        ("local_address", "localhost"),
        ("local_address", "127.0.0.1:70000"),
        ("servers", []),
        ("servers", ["nats://"]),
        ("servers", ["http://127.0.0.1:4222"]),
        ("idle_policy", "doze"),
    ],
)
def test_a_value_that_cannot_work_is_refused_when_it_is_set(option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=option) as caught:
        ConnectOptions(**{option: value})
    assert caught.value.option == option


# --- connection_timeout, request_timeout, pings ------------------------------------------------------------------


async def test_the_connection_timeout_is_one_deadline_for_all_phases_together(
    nats_server: NatsServer, managed: Managed, proxy_factory: Proxies
) -> None:
    proxy = await proxy_factory(nats_server.url)
    proxy.delay(0.2)
    # INFO takes 0.2 s and the PONG another 0.4 s: each phase alone would be in time.
    connection = managed(proxy.url, connection_timeout=0.5)
    with pytest.raises(OpenError, match=r"within 0\.5 s"):
        await asyncio.wait_for(connection.open(), 10)
    await until(lambda: proxy.open_connections == 0)
    await managed(proxy.url, connection_timeout=20).open()


async def test_the_connection_timeout_holds_where_something_accepts_and_says_nothing(
    scripted_server: Scripted, managed: Managed
) -> None:
    async def mute(peer: Peer) -> None:
        await peer.hold()

    server = await scripted_server(mute)
    with pytest.raises(HandshakeError, match=r"no NATS greeting within 0\.2 s"):
        await asyncio.wait_for(managed(server.url, connection_timeout=0.2).open(), 10)


async def test_the_request_timeout_is_the_default_and_each_request_may_have_its_own(
    nats_server: NatsServer, managed: Managed
) -> None:
    service = managed(nats_server.url)
    await service.subscribe("svc.mute", lambda message: None)
    connection = managed(nats_server.url, request_timeout=0.2)
    with pytest.raises(OperationTimeoutError, match=r"within 0\.2 s"):
        await asyncio.wait_for(connection.request("svc.mute"), 10)
    with pytest.raises(OperationTimeoutError, match=r"within 0\.1 s"):
        await asyncio.wait_for(connection.request("svc.mute", timeout=0.1), 10)


async def test_a_ping_goes_out_each_interval(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, ping_interval=0.1)
    record = EventRecord(connection)
    await connection.open()
    await until(lambda: len(record.of(PongReceived)) >= 3)
    sent = record.times(PingSent)
    assert all(event.outstanding == 1 for event in record.of(PingSent)[:3])
    assert sent[2] - sent[0] > 0.15


# --- retry_on_initial_connect ------------------------------------------------------------------------------------


async def test_without_it_the_first_connect_makes_one_pass_and_fails(managed: Managed) -> None:
    connection = managed("nats://127.0.0.1:1", "nats://127.0.0.1:2")
    with pytest.raises(OpenError, match="none of 2 servers"):
        await connection.open()
    assert connection.state is ConnectionState.FAILED
    assert len([event for event in connection.events if isinstance(event, Attempt)]) == 2


@pytest.mark.parametrize("begin", ["open", "publish", "subscribe"])
async def test_with_it_operations_are_queued_from_the_first_use_on(
    nats_server_factory: Servers, managed: Managed, begin: str
) -> None:
    server = nats_server_factory()
    server.kill()
    connection = managed(server.url, retry_on_initial_connect=True)
    received: list[Message] = []
    if begin == "open":
        await connection.open()
    if begin == "publish":
        await connection.publish("first", b"0")
    subscription = await connection.subscribe("orders.>", received.append)

    async def answer(message: Message) -> None:
        await connection.publish(message.reply, b"pong")

    await connection.subscribe("svc.ping", answer)
    for number in range(5):
        await connection.publish("orders.new", b"%d" % number)
    confirming = asyncio.create_task(connection.publish_confirmed("orders.new", b"5", timeout=30))
    asking = asyncio.create_task(connection.request("svc.ping", timeout=30))
    await until(lambda: any(isinstance(event, AttemptFailed) for event in connection.events))
    assert connection.state is ConnectionState.OPENING
    assert connection.stats().buffered == (7 if begin == "publish" else 6)
    server.start()
    assert (await confirming).outcome is Outcome.CONFIRMED
    assert (await asking).data == b"pong"
    await until(lambda: len(received) == 6)
    assert [message.data for message in received] == [b"%d" % number for number in range(6)]
    assert subscription.active
    assert (connection.stats().opens, connection.stats().reconnects) == (1, 0)


async def test_with_it_a_request_says_when_no_server_came_in_time(managed: Managed) -> None:
    connection = managed("nats://127.0.0.1:1", retry_on_initial_connect=True)
    with pytest.raises(NotConnectedError, match="nothing was sent"):
        await connection.request("svc.ping", timeout=0.2)
    assert connection.state is ConnectionState.OPENING


@pytest.mark.parametrize(("limit", "attempts"), [(0, 1), (2, 3)])
async def test_with_it_max_reconnects_counts_what_follows_the_first_attempt(
    managed: Managed, limit: int, attempts: int
) -> None:
    connection = managed("nats://127.0.0.1:1", retry_on_initial_connect=True, max_reconnects=limit)
    record = EventRecord(connection)
    await connection.open()
    await until(lambda: connection.state is ConnectionState.FAILED)
    assert isinstance(connection.last_error, ReconnectsExhaustedError)
    await until(lambda: len(record.of(AttemptFailed)) == attempts)


# --- subjects, capacities ----------------------------------------------------------------------------------------


async def test_skip_subject_validation_is_for_publish_only(nats_server: NatsServer, managed: Managed) -> None:
    listener = managed(nats_server.url)
    received: list[Message] = []
    await listener.subscribe("odd.>", received.append)
    connection = managed(nats_server.url, skip_subject_validation=True)
    for subject in ("odd.*", "odd.>"):
        await connection.publish(subject)
    await connection.flush()
    await until(lambda: len(received) == 2)
    for subject in ("a b", "a..b", "a.>.b", ""):
        with pytest.raises(SubjectError):
            await connection.subscribe(subject, received.append)
    with pytest.raises(SubjectError, match="line break"):
        await connection.publish("odd\r\nPUB injected 0\r\n")
    with pytest.raises(SubjectError):
        await listener.publish("odd.*")


async def test_a_full_subscription_drops_counts_tells_and_goes_on(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, subscription_capacity=10)
    record = EventRecord(connection)
    begun, gate, handled = asyncio.Event(), asyncio.Event(), 0

    async def handler(_message: Message) -> None:
        nonlocal handled
        begun.set()
        await gate.wait()
        handled += 1

    subscription = await connection.subscribe("flood", handler)
    await connection.publish("flood")
    await begun.wait()
    for _ in range(99):
        await connection.publish("flood")
    await connection.flush()
    # One is with the handler, ten wait.
    assert (subscription.received, subscription.dropped) == (100, 89)
    assert connection.stats().dropped == 89
    assert (await record.first(SlowConsumer)).subject == "flood"
    await until(lambda: sum(event.dropped for event in record.of(SlowConsumer)) == 89)
    gate.set()
    await until(lambda: handled == 11)
    await connection.publish("flood")
    await until(lambda: handled == 12)
    assert (await connection.check_health()).healthy


async def test_a_full_client_refuses_and_keeps_what_it_took(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, client_capacity=5)
    received: list[Message] = []
    await connection.subscribe("orders", received.append)
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    for number in range(5):
        await connection.publish("orders", b"%d" % number)
    for _ in range(3):
        with pytest.raises(BufferFullError, match="client_capacity"):
            await connection.publish("orders", b"too many")
    assert (await connection.publish_confirmed("orders", b"too many")).outcome is Outcome.REFUSED
    assert connection.stats().buffered == 5
    nats_server.restart()
    await until(lambda: len(received) == 5, timeout=20)
    assert [message.data for message in received] == [b"0", b"1", b"2", b"3", b"4"]
    assert connection.stats().buffered == 0


async def test_the_read_buffer_is_as_large_as_asked_for(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, read_buffer_capacity=500)
    batches: list[int] = []
    await connection.subscribe("orders", batch=lambda records: batches.append(len(records)))
    for _ in range(50):
        await connection.publish("orders", b"x" * 400)
    await until(lambda: sum(batches) == 50)
    assert batches[0] == 1


# --- inboxes, addresses, echo, names, events ---------------------------------------------------------------------


async def test_the_custom_inbox_prefix_lets_a_user_receive_only_what_is_his(
    nats_server_factory: Servers, managed: Managed
) -> None:
    server = nats_server_factory(
        users=[
            {"user": "svc", "password": "pw"},
            {"user": "ann", "password": "pw", "permissions": {"publish": "svc.>", "subscribe": "_INBOX_ann.>"}},
        ]
    )
    service = managed(server.url, user="svc", password="pw")

    async def answer(message: Message) -> None:
        await service.publish(message.reply, message.reply.encode())

    await service.subscribe("svc.echo", answer)
    ann = managed(server.url, user="ann", password="pw", custom_inbox_prefix="_INBOX_ann")
    reply = await ann.request("svc.echo")
    assert reply.data.startswith(b"_INBOX_ann.")
    other = managed(server.url, user="ann", password="pw")
    for _ in range(2):
        with pytest.raises(PermissionDeniedError, match="custom_inbox_prefix"):
            await asyncio.wait_for(other.request("svc.echo", timeout=60), 10)
    with pytest.raises(PermissionDeniedError, match="publish to forbidden"):
        await asyncio.wait_for(ann.request("forbidden", timeout=60), 10)


@pytest.mark.parametrize(("given", "seen"), [("127.0.0.9", "127.0.0.9"), ("127.0.0.9:0", "127.0.0.9")])
async def test_the_local_address_is_where_one_connects_from(
    nats_server: NatsServer, managed: Managed, given: str, seen: str
) -> None:
    await managed(nats_server.url, local_address=given).open()
    assert [client["ip"] for client in nats_server.connections()] == [seen]


async def test_a_local_address_that_is_not_ours_is_told(nats_server: NatsServer, managed: Managed) -> None:
    with pytest.raises(TcpError, match="cannot be reached"):
        await managed(nats_server.url, local_address="192.0.2.1").open()


@pytest.mark.parametrize("no_echo", [False, True])
async def test_no_echo(nats_server: NatsServer, managed: Managed, no_echo: bool) -> None:
    connection, other = managed(nats_server.url, no_echo=no_echo), managed(nats_server.url)
    received: list[bytes] = []
    await connection.subscribe("orders", lambda message: received.append(message.data))
    await connection.publish("orders", b"own")
    await connection.flush()
    await other.publish("orders", b"another's")
    await until(lambda: b"another's" in received)
    assert (b"own" in received) is not no_echo


async def test_the_name_is_what_the_server_shows(nats_server: NatsServer, managed: Managed) -> None:
    await managed(nats_server.url, name="orders desk").open()
    assert [client["name"] for client in nats_server.connections()] == ["orders desk"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_event_callback_gets_every_event(
    nats_server: NatsServer, manager: ConnectionManager, is_async: bool
) -> None:
    told: list[object] = []

    async def later(event: object) -> None:
        told.append(event)

    callback: Callable[[Any], Any] = later if is_async else told.append
    connection: ManagedConnection = manager.add(ConnectOptions(servers=nats_server.url, event_callback=callback))
    await connection.open()
    await connection.close()
    await until(lambda: len(told) == len(connection.events))
    assert told == list(connection.events)
    assert any(isinstance(event, Connected) for event in told)


async def test_a_local_port_of_ones_own_is_taken_again_at_once(nats_server: NatsServer, managed: Managed) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    connection = managed(nats_server.url, local_address=f"127.0.0.1:{port}")
    await connection.open()
    await connection.force_reconnect()
    await until(lambda: connection.state is ConnectionState.CONNECTED, timeout=20)
    assert [client["port"] for client in nats_server.connections()] == [port]


async def test_headers_count_in_what_waits_for_a_handler(
    nats_server: NatsServer, managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("natstui.connection.subscription._BYTES_LIMIT", 1_000_000)
    connection, released = managed(nats_server.url), asyncio.Event()

    async def wait(_: Message) -> None:
        await released.wait()

    subscription = await connection.subscribe("orders", wait)
    for _ in range(30):
        await connection.publish("orders", b"", headers={"Note": "x" * 100_000})
    await connection.flush()
    await until(lambda: subscription.received == 30)
    assert 15 <= subscription.dropped <= 20
    released.set()


async def test_replies_that_nobody_takes_are_bounded_counted_and_told(
    nats_server: NatsServer, managed: Managed
) -> None:
    asking, answering = managed(nats_server.url, subscription_capacity=100), managed(nats_server.url)

    async def answer(message: Message) -> None:
        for _ in range(1_000):
            await answering.publish(message.reply, b"x")

    await answering.subscribe("svc", answer)
    record, got = EventRecord(asking), 0
    async with aclosing(asking.request_many("svc", timeout=10, stall=0.5)) as replies:  # type: ignore[type-var]
        async for _ in replies:
            if not got:
                await until(lambda: asking.stats().in_msgs == 1_000, timeout=9)
            got += 1
    dropped = asking.stats().dropped
    assert 100 <= got <= 101 and got + dropped == 1_000
    await until(lambda: sum(event.dropped for event in record.of(SlowConsumer)) == dropped)
