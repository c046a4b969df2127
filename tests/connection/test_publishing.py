"""What became of a published message: confirmed, buffered, unknown, refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from natstui.connection import (
    BufferFullError,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    HeaderError,
    ManagedConnection,
    Outcome,
    PayloadTooLargeError,
    PermissionDenied,
    PermissionDeniedError,
    SubjectError,
)
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

ProxyFactory = Callable[..., Awaitable[Proxy]]
ServerFactory = Callable[..., NatsServer]


async def _collect(manager: ConnectionManager, url: str) -> list[bytes]:
    received: list[bytes] = []
    listener = manager.add(ConnectOptions(servers=url))
    await listener.subscribe("orders.>", lambda message: received.append(message.data))
    return received


async def _down(connection: ManagedConnection, server: NatsServer) -> None:
    server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)


async def test_confirmed_means_that_the_server_has_it(nats_server: NatsServer, manager: ConnectionManager) -> None:
    received = await _collect(manager, nats_server.url)
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    outcome = await connection.publish_confirmed("orders.new", b"1", headers={"Nats-Msg-Id": "7"})
    assert outcome.outcome is Outcome.CONFIRMED
    await until(lambda: received == [b"1"])


async def test_buffered_while_reconnecting_and_confirmed_once_the_server_is_back(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    received: list[bytes] = []
    await connection.subscribe("orders.>", lambda message: received.append(message.data))
    await _down(connection, nats_server)
    buffered: list[bool] = []
    impatient = await connection.publish_confirmed("orders.new", b"1", timeout=0.05)
    patient = asyncio.create_task(
        connection.publish_confirmed("orders.new", b"2", timeout=30, on_buffered=lambda: buffered.append(True))
    )
    await until(lambda: buffered)
    await connection.publish("orders.new", b"3")
    assert impatient.outcome is Outcome.BUFFERED
    assert connection.stats().buffered == 3
    nats_server.restart()
    assert (await patient).outcome is Outcome.CONFIRMED
    await until(lambda: received == [b"1", b"2", b"3"])


async def test_a_buffered_message_may_be_waited_for_past_its_timeout(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    await connection.open()
    await _down(connection, nats_server)
    before = connection.stats().last_out
    patient = asyncio.create_task(connection.publish_confirmed("orders.new", b"1", timeout=2, wait_when_buffered=True))
    impatient = await connection.publish_confirmed("orders.new", b"2", timeout=2.1)
    assert impatient.outcome is Outcome.BUFFERED
    assert not patient.done()
    nats_server.restart()
    assert (await patient).outcome is Outcome.CONFIRMED
    assert connection.stats().last_out != before


async def test_unknown_when_the_server_does_not_answer_in_time(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    await connection.open()
    nats_server.freeze()
    outcome = await connection.publish_confirmed("orders.new", b"1", timeout=0.1)
    nats_server.thaw()
    assert outcome.outcome is Outcome.UNKNOWN
    assert "may still arrive" in outcome.reason


async def test_unknown_when_the_connection_breaks_before_the_answer(
    nats_server: NatsServer, manager: ConnectionManager, proxy_factory: ProxyFactory
) -> None:
    proxy = await proxy_factory(nats_server.url)
    connection = manager.add(ConnectOptions(servers=proxy.url))
    await connection.open()
    proxy.drop_from_server()
    publishing = asyncio.create_task(connection.publish_confirmed("orders.new", b"1", timeout=30))
    await until(lambda: nats_server.varz()["in_msgs"] == 1)
    await proxy.cut()
    assert (await publishing).outcome is Outcome.UNKNOWN


async def test_refused_with_the_reason_where_the_user_may_not(
    nats_server_factory: ServerFactory, manager: ConnectionManager
) -> None:
    server = nats_server_factory(
        user="u", password="p", permissions={"publish": {"deny": ["secret.>"]}, "subscribe": {"deny": ["secret.>"]}}
    )
    connection = manager.add(ConnectOptions(servers=server.url, user="u", password="p"))
    outcome = await connection.publish_confirmed("secret.a", b"1")
    assert outcome.outcome is Outcome.REFUSED
    assert "does not let this user publish to secret.a" in outcome.reason
    assert (await connection.publish_confirmed("open.a", b"1")).outcome is Outcome.CONFIRMED
    with pytest.raises(PermissionDeniedError, match=r"subscription to secret\.>"):
        await connection.subscribe("secret.>", print)
    assert connection.subscriptions == ()
    denied = [(e.operation, e.subject) for e in connection.events if isinstance(e, PermissionDenied)]
    assert denied == [("publish", "secret.a"), ("subscription", "secret.>")]
    assert connection.state is ConnectionState.CONNECTED


async def test_refused_where_no_server_is(nats_server: NatsServer, manager: ConnectionManager) -> None:
    nats_server.kill()
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    outcome = await connection.publish_confirmed("orders.new", b"1")
    assert outcome.outcome is Outcome.REFUSED
    assert "nothing listens there" in outcome.reason


async def test_buffered_messages_that_are_given_up_are_told_as_refused(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    await connection.open()
    await _down(connection, nats_server)
    publishing = asyncio.create_task(connection.publish_confirmed("orders.new", b"1"))
    await until(lambda: connection.stats().buffered)
    await connection.close()
    assert (await publishing).outcome is Outcome.REFUSED


async def test_the_buffer_is_bounded_and_says_so(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url, client_capacity=3))
    await connection.open()
    await _down(connection, nats_server)
    for _ in range(3):
        await connection.publish("orders.new", b"1")
    with pytest.raises(BufferFullError, match="3 messages wait already"):
        await connection.publish("orders.new", b"1")
    assert (await connection.publish_confirmed("orders.new", b"1")).outcome is Outcome.REFUSED


async def test_a_payload_over_the_servers_limit_is_refused_before_it_is_sent(
    nats_server_factory: ServerFactory, manager: ConnectionManager
) -> None:
    server = nats_server_factory(max_payload=1_000)
    connection = manager.add(ConnectOptions(servers=server.url))
    await connection.publish("orders.new", b"x" * 1_000)
    with pytest.raises(PayloadTooLargeError, match="the server takes 1,000 at most"):
        await connection.publish("orders.new", b"x" * 1_001)
    with pytest.raises(PayloadTooLargeError):
        await connection.publish("orders.new", b"x" * 990, headers={"A": "b"})
    await connection.flush()
    assert connection.stats().reconnects == 0


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("", "is empty"),
        ("a b", "white space"),
        ("a..b", "empty token"),
        (".a", "empty token"),
        ("a.*", "wildcard"),
        ("a.>", "wildcard"),
        ("a\r\nPUB b 0", "line break"),
    ],
)
async def test_a_bad_subject_is_refused_with_what_is_wrong(
    nats_server: NatsServer, manager: ConnectionManager, subject: str, said: str
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    with pytest.raises(SubjectError, match=said):
        await connection.publish(subject)
    outcome = await connection.publish_confirmed(subject)
    assert outcome.outcome is Outcome.REFUSED and said in outcome.reason
    assert connection.state is ConnectionState.NEW


@pytest.mark.parametrize("subject", ["", "a b", "a..b", "a.>.b", "a>", "a*.b", "a\r\nSUB b 2"])
async def test_a_bad_subject_is_not_subscribed_to(
    nats_server: NatsServer, manager: ConnectionManager, subject: str
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    with pytest.raises(SubjectError):
        await connection.subscribe(subject, print)
    with pytest.raises(SubjectError):
        await connection.subscribe("a", print, queue="two words")
    assert connection.subscriptions == ()


async def test_headers_arrive_as_they_were_sent_and_bad_ones_are_refused(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    blocks: list[bytes] = []
    headers: list[dict[str, str]] = []

    def receive(message: object) -> None:
        blocks.append(message.header_block)  # type: ignore[attr-defined]
        headers.append(message.headers)  # type: ignore[attr-defined]

    await connection.subscribe("orders.>", receive)
    await connection.publish("orders.new", b"1", headers={"Trace": "é ü", "Tag": ["a", "b"]})
    await connection.flush()
    assert headers == [{"Trace": "é ü", "Tag": "a"}]
    assert blocks == ["NATS/1.0\r\nTrace: é ü\r\nTag: a\r\nTag: b\r\n\r\n".encode()]
    for bad in ({"A B": "c"}, {"": "c"}, {"A": "b\r\nC: d"}):
        with pytest.raises(HeaderError):
            await connection.publish("orders.new", b"1", headers=bad)
