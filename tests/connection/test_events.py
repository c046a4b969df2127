"""Events: kept, in order, and harmless whatever a listener does."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import typing

import pytest

from natstui.connection import (
    AuthenticationError,
    ClientError,
    Closed,
    Connected,
    ConnectionEvent,
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    Disconnected,
    Draining,
    Event,
    HealthCheckFailed,
    Reconnected,
    SlowConsumer,
    StateChanged,
)
from tests.connection.hand_clock import HandClock
from tests.servers import NatsServer
from tests.waiting import until

KINDS = typing.get_args(ConnectionEvent)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_frozen_slotted_and_prints_one_line(kind: type[Event]) -> None:
    values = {
        "str": "nats://n1:4222",
        "int": 2,
        "int | None": 3,
        "float": 0.5,
        "float | None": 0.5,
        "tuple[str, ...]": ("no pong",),
        "ConnectionState": ConnectionState.IDLE,
        "Stage": AuthenticationError.stage,
        "Exception": AuthenticationError("nats://n1:4222", "refused"),
    }
    fields = [field for field in dataclasses.fields(kind) if field.name not in ("at", "connection_id")]
    event = kind(*(values[str(field.type)] for field in fields), connection_id="orders")
    assert event.connection_id == "orders" and event.at.tzinfo is not None
    assert str(event) and "\n" not in str(event) and not str(event).startswith(kind.__name__ + "(")
    assert not hasattr(event, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.connection_id = "other"  # type: ignore[misc]


async def test_a_life_is_told_in_order(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url), "orders")
    told: list[Event] = []
    connection.add_listener(told.append)
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.RECONNECTING)
    nats_server.restart()
    await until(lambda: connection.state is ConnectionState.CONNECTED)
    await connection.drain()
    await until(lambda: told == list(connection.events))
    telling = [e for e in told if isinstance(e, Connected | Disconnected | Reconnected | Draining | Closed)]
    assert [type(event) for event in telling] == [Connected, Disconnected, Connected, Reconnected, Draining, Closed]
    moves = [(e.old, e.new) for e in told if isinstance(e, StateChanged)]
    assert [new for _, new in moves] == [
        "opening",
        "connected",
        "reconnecting",
        "connected",
        "draining",
        "closed",
    ]
    assert all(old == new for (_, new), (old, _) in itertools.pairwise(moves))
    assert {event.connection_id for event in told} == {"orders"}


async def test_the_last_thousand_events_are_kept_oldest_first(
    nats_server: NatsServer, hand_manager: ConnectionManager, hand_clock: HandClock
) -> None:
    connection = hand_manager.add(ConnectOptions(servers=nats_server.url))
    await connection.open()
    for _ in range(1_100):
        hand_clock.advance(1)
        await connection.flush()
    assert len(connection.events) == 1_000
    assert [event.at for event in connection.events] == sorted(event.at for event in connection.events)
    assert connection.events[-1].at == hand_clock.wall()


async def test_a_listener_that_raises_harms_nobody(nats_server: NatsServer, manager: ConnectionManager) -> None:
    told: list[Event] = []

    def raise_always(event: Event) -> None:
        raise RuntimeError("listener")

    async def raise_later(event: Event) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("async listener")

    connection = manager.add(ConnectOptions(servers=nats_server.url, event_callback=raise_later))
    connection.add_listener(raise_always)
    connection.add_listener(told.append)
    await connection.open()
    nats_server.kill()
    await until(lambda: any(isinstance(event, Disconnected) for event in told))
    nats_server.restart()
    await until(lambda: any(isinstance(event, Reconnected) for event in told))


async def test_a_listener_that_never_returns_holds_up_nobody(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    stuck = asyncio.Event()

    async def never(event: Event) -> None:
        await stuck.wait()

    connection = manager.add(ConnectOptions(servers=nats_server.url, event_callback=never))
    for _ in range(50):
        await connection.flush(5)
    await connection.close()
    stuck.set()
    assert connection.state is ConnectionState.CLOSED


async def test_a_removed_listener_hears_nothing_more(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    told: list[Event] = []
    everything: list[Event] = []
    remove = connection.add_listener(told.append)
    connection.add_listener(everything.append)
    remove()
    remove()
    await connection.open()
    await until(lambda: len(everything) == len(connection.events))
    assert told == []


async def test_a_listener_may_close_the_connection(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    closing: list[asyncio.Task[None]] = []

    def close_on_loss(event: Event) -> None:
        if isinstance(event, Disconnected):
            closing.append(asyncio.ensure_future(connection.close()))

    connection.add_listener(close_on_loss)
    await connection.open()
    nats_server.kill()
    await until(lambda: connection.state is ConnectionState.CLOSED)
    await asyncio.gather(*closing)


async def test_a_handler_that_raises_is_told_and_goes_on(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    seen: list[bytes] = []

    def handle(message: typing.Any) -> None:
        seen.append(message.data)
        raise ValueError("bad order")

    await connection.subscribe("orders.>", handle)
    await connection.publish("orders.new", b"1")
    await connection.publish("orders.new", b"2")
    await connection.flush()
    assert seen == [b"1", b"2"]
    assert [str(e.error) for e in connection.events if isinstance(e, ClientError)] == ["bad order", "bad order"]


async def test_a_slow_handler_drops_counts_and_tells_but_not_once_a_message(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url, subscription_capacity=10))
    handled: list[bytes] = []
    go_on = asyncio.Event()

    async def handle(message: typing.Any) -> None:
        await go_on.wait()
        handled.append(message.data)

    subscription = await connection.subscribe("orders.>", handle)
    publisher = manager.add(ConnectOptions(servers=nats_server.url))
    for number in range(1_000):
        await publisher.publish("orders.new", b"%d" % number)
    await publisher.flush()
    await until(lambda: subscription.received == 1_000)
    go_on.set()
    await until(lambda: len(handled) + subscription.dropped == 1_000)
    assert handled[:10] == [b"%d" % number for number in range(10)]
    told = [event.dropped for event in connection.events if isinstance(event, SlowConsumer)]
    assert 1 <= len(told) < 20
    assert connection.stats().dropped == subscription.dropped > 900


async def test_a_failed_health_check_is_told_and_harms_nothing(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    asleep = await connection.check_health()
    assert not asleep.healthy and asleep.problems == ("not connected: new",)
    await connection.open()
    nats_server.freeze()
    report = await connection.check_health(timeout=0.1)
    nats_server.thaw()
    assert not report.healthy and report.rtt is None
    assert report.problems == ("the server did not answer a ping within 0.1 s",)
    assert [e.problems for e in connection.events if isinstance(e, HealthCheckFailed)] == [report.problems]
    healthy = await connection.check_health()
    assert healthy.healthy and healthy.rtt is not None and healthy.problems == ()
    assert connection.stats().reconnects == 0
