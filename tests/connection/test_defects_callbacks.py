"""nats-py's defects around callbacks and handlers (nats-py-2.16.md, part 2): none may reach a user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from natstui.connection import (
    AttemptFailed,
    Auth,
    AuthenticationError,
    ClientError,
    Disconnected,
    ManagedConnection,
    Message,
    Reconnected,
    SlowConsumer,
)
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]

IN_TIME = 15.0


async def test_callbacks_that_raise_do_not_stop_the_reconnecting(nats_server: NatsServer, managed: Managed) -> None:
    """Defect 7: with a callback that raises, nats-py is RECONNECTING for ever, or its read loop is dead."""
    asked: set[str] = set()

    def fail(name: str) -> Any:
        asked.add(name)
        raise ValueError(f"{name} is broken")

    async def choose(_servers: object, _info: object) -> None:
        fail("reconnect_to_server_callback")

    connection = managed(
        nats_server.url,
        event_callback=lambda _event: fail("event_callback"),
        reconnect_delay_callback=lambda _attempts: fail("reconnect_delay_callback"),
        reconnect_to_server_callback=choose,
    )
    connection.add_listener(lambda _event: fail("listener"))
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await record.first(Disconnected)
    nats_server.start()
    await record.first(Reconnected, timeout=IN_TIME)
    assert asked == {
        "event_callback",
        "listener",
        "reconnect_delay_callback",
        "reconnect_to_server_callback",
    }
    assert {str(event.error).split(" ")[0] for event in record.of(ClientError)} == {
        "reconnect_delay_callback",
        "reconnect_to_server_callback",
    }


async def test_an_auth_callback_that_raises_fails_the_attempt_and_no_more(
    nats_server_factory: Servers, managed: Managed
) -> None:
    """Defect 7: with a token callback that raises ValueError, nats-py is CONNECTING for ever."""
    server = nats_server_factory(token="right")
    answers: list[Auth | Exception] = [
        ValueError("no vault"),
        Auth(token="right"),
        ValueError("no vault"),
        Auth(token="right"),
    ]

    async def token(_nonce: bytes) -> Auth:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    connection = managed(server.url, auth_callback=token)
    with pytest.raises(AuthenticationError):
        await asyncio.wait_for(connection.open(), IN_TIME)
    await asyncio.wait_for(connection.open(), IN_TIME)
    record = EventRecord(connection)
    await connection.force_reconnect()
    assert isinstance((await record.first(AttemptFailed)).error, AuthenticationError)
    await record.first(Reconnected, timeout=IN_TIME)


@pytest.mark.parametrize("kind", ["sync", "async", "batch"])
async def test_a_handler_that_raises_is_told_and_called_again(
    nats_server: NatsServer, managed: Managed, kind: str
) -> None:
    """Defect 7, for handlers: the next message comes all the same."""
    connection = managed(nats_server.url)
    seen: list[bytes] = []

    def take(data: bytes) -> None:
        seen.append(data)
        if data == b"bad":
            raise RuntimeError("cannot handle this")

    async def take_later(message: Message) -> None:
        take(message.data)

    if kind == "batch":
        await connection.subscribe("flow", batch=lambda records: [take(record[2]) for record in records])  # type: ignore[arg-type,return-value]
    else:
        await connection.subscribe("flow", take_later if kind == "async" else lambda message: take(message.data))
    record = EventRecord(connection)
    for data in (b"bad", b"good"):
        await connection.publish("flow", data)
        await connection.flush()
    await until(lambda: seen == [b"bad", b"good"])
    assert "cannot handle this" in str(await record.first(ClientError))
    assert connection.stats().reconnects == 0


async def _published(connection: ManagedConnection, subject: str, count: int) -> None:
    for number in range(count):
        await connection.publish(subject, b"%d" % number)
    await connection.flush()


async def test_a_slow_handler_is_told_once_a_second_and_not_per_message(
    nats_server: NatsServer, managed: Managed
) -> None:
    """Defect 19: nats-py calls error_cb for each message dropped, 170 times in one burst."""
    connection = managed(nats_server.url, subscription_capacity=10)
    record = EventRecord(connection)
    go_on = asyncio.Event()

    async def handler(_message: Message) -> None:
        await go_on.wait()

    subscription = await connection.subscribe("flow", handler)
    began = asyncio.get_running_loop().time()
    for _ in range(5):
        await _published(connection, "flow", 100)
    await until(lambda: subscription.received == 500)
    go_on.set()
    assert subscription.dropped == connection.stats().dropped
    assert 480 <= subscription.dropped <= 490
    await until(lambda: sum(event.dropped for event in record.of(SlowConsumer)) == subscription.dropped)
    assert {event.subject for event in record.of(SlowConsumer)} == {"flow"}
    assert len(record.of(SlowConsumer)) <= 2 + (asyncio.get_running_loop().time() - began)


async def test_all_messages_of_a_limited_subscription_reach_a_handler_that_waits(
    nats_server: NatsServer, managed: Managed
) -> None:
    """Defect 20: of five messages asked for, nats-py delivers one."""
    connection = managed(nats_server.url)
    handled: list[bytes] = []

    async def handler(message: Message) -> None:
        await asyncio.sleep(0.01)
        handled.append(message.data)

    subscription = await connection.subscribe("flow", handler, max_msgs=5)
    await _published(connection, "flow", 10)
    await until(lambda: len(handled) == 5)
    await subscription.delivered()
    assert handled == [b"0", b"1", b"2", b"3", b"4"]
    assert not subscription.active
    assert connection.subscriptions == ()
    assert nats_server.connections()[0].get("subscriptions_list", []) == []
