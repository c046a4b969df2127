"""HeyNATS's idle management: what falls asleep when, what is held, and what waking restores."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from natstui.connection import (
    ConnectionManager,
    ConnectionState,
    ConnectOptions,
    IdleClosed,
    IdleClosing,
    IdleHeld,
    Message,
    NotConnectedError,
    Reopened,
    TcpError,
)
from tests.connection.hand_clock import HandClock
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

ProxyFactory = Callable[..., Awaitable[Proxy]]


async def test_the_seeds_defaults_hold(hand_manager: ConnectionManager) -> None:
    assert hand_manager.check_interval == 300
    assert ConnectOptions().idle_timeout == 1_800
    assert ConnectOptions().idle_policy == "hold"


async def test_an_unused_connection_falls_asleep_at_its_deadline_and_not_before(
    nats_server: NatsServer, hand_manager: ConnectionManager, hand_clock: HandClock
) -> None:
    connection = hand_manager.add(ConnectOptions(servers=nats_server.url), "orders")
    await connection.open()
    hand_clock.advance(1_799)
    assert await hand_manager.cleanup_idle_connections() == []
    assert connection.state is ConnectionState.CONNECTED
    hand_clock.advance(1)
    await hand_manager.cleanup_idle_connections()
    await until(lambda: connection.state is ConnectionState.IDLE)
    await until(lambda: not nats_server.connections())
    kinds = [type(event) for event in connection.events]
    assert kinds.index(IdleClosing) < kinds.index(IdleClosed)
    closing = next(event for event in connection.events if isinstance(event, IdleClosing))
    assert closing.idle_for == 1_800


async def test_the_reaper_keeps_the_deadline_though_its_sweeps_are_rare(nats_server: NatsServer) -> None:
    async with ConnectionManager(check_interval=300) as manager:
        connection = manager.add(ConnectOptions(servers=nats_server.url, idle_timeout=0.1))
        await connection.open()
        await until(lambda: connection.state is ConnectionState.IDLE)


@pytest.mark.parametrize("use", ["publish", "update_activity", "message"])
async def test_every_use_and_every_message_puts_the_sleep_off(
    nats_server: NatsServer, hand_manager: ConnectionManager, hand_clock: HandClock, use: str
) -> None:
    connection = hand_manager.add(ConnectOptions(servers=nats_server.url, idle_policy="close"), "orders")
    received: list[Message] = []
    await connection.subscribe("orders.>", received.append)
    hand_clock.advance(1_799)
    if use == "publish":
        await connection.publish("other")
    elif use == "update_activity":
        hand_manager.update_activity("orders")
    else:
        other = hand_manager.add(ConnectOptions(servers=nats_server.url))
        await other.publish("orders.new", b"1")
        await until(lambda: received)
    hand_clock.advance(2)
    await hand_manager.cleanup_idle_connections()
    assert connection.state is ConnectionState.CONNECTED
    assert connection.stats().time_remaining == "29m58s"


async def test_pings_health_checks_and_stats_are_no_use(
    nats_server: NatsServer, hand_manager: ConnectionManager, hand_clock: HandClock
) -> None:
    connection = hand_manager.add(ConnectOptions(servers=nats_server.url, ping_interval=0.05))
    await connection.open()
    hand_clock.advance(1_800)
    connection.stats()
    assert (await connection.check_health()).healthy
    assert connection.idle_remaining == 0


async def test_a_request_in_flight_is_not_cut_by_idleness(
    nats_server: NatsServer, hand_manager: ConnectionManager, hand_clock: HandClock
) -> None:
    service = hand_manager.add(ConnectOptions(servers=nats_server.url))
    asked = asyncio.Event()
    answer = asyncio.Event()

    async def respond(message: Message) -> None:
        asked.set()
        await answer.wait()
        await service.publish(message.reply, b"late")

    await service.subscribe("slow", respond)
    connection = hand_manager.add(ConnectOptions(servers=nats_server.url))
    request = asyncio.create_task(connection.request("slow"))
    await asked.wait()
    hand_clock.advance(3_600)
    await hand_manager.cleanup_idle_connections()
    assert connection.state is ConnectionState.CONNECTED
    answer.set()
    assert (await request).data == b"late"


async def test_live_subscriptions_hold_the_connection_and_it_says_so_once(
    nats_server: NatsServer, hand_manager: ConnectionManager, hand_clock: HandClock
) -> None:
    connection = hand_manager.add(ConnectOptions(servers=nats_server.url))
    subscription = await connection.subscribe("orders.>", lambda message: None)
    hand_clock.advance(1_800)
    await hand_manager.cleanup_idle_connections()
    await hand_manager.cleanup_idle_connections()
    assert connection.state is ConnectionState.CONNECTED
    assert [event.subscriptions for event in connection.events if isinstance(event, IdleHeld)] == [1]
    assert connection.stats().held_by == 1
    assert connection.stats().time_remaining == "0s"
    await subscription.unsubscribe()
    hand_clock.advance(1_800)
    await hand_manager.cleanup_idle_connections()
    await until(lambda: connection.state is ConnectionState.IDLE)


async def test_waking_restores_every_subscription_before_the_use_that_woke_it(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    plain: list[bytes] = []
    limited: list[bytes] = []
    shared: list[bytes] = []
    await connection.subscribe("orders.>", lambda message: plain.append(message.data))
    await connection.subscribe("orders.>", lambda message: limited.append(message.data), max_msgs=3)
    await connection.subscribe("orders.>", lambda message: shared.append(message.data), queue="workers")
    await connection.publish("orders.new", b"1")
    await connection.flush()
    await connection.sleep()
    assert connection.state is ConnectionState.IDLE
    for number in (b"2", b"3", b"4"):
        await connection.publish("orders.new", number)
    await connection.flush()
    assert plain == [b"1", b"2", b"3", b"4"]
    assert limited == [b"1", b"2", b"3"]
    assert shared == plain
    groups = nats_server.connz(subs="detail")["connections"][0]["subscriptions_list_detail"]
    assert [entry.get("qgroup") for entry in groups if entry["subject"] == "orders.>"].count("workers") == 1
    slept = [event.slept for event in connection.events if isinstance(event, Reopened)]
    assert len(slept) == 1 and slept[0] >= 0


async def test_fifty_uses_at_once_of_a_sleeping_connection_make_one_tcp_connection(
    nats_server: NatsServer, manager: ConnectionManager, proxy_factory: ProxyFactory
) -> None:
    proxy = await proxy_factory(nats_server.url)
    connection = manager.add(ConnectOptions(servers=proxy.url))
    await connection.open()
    await connection.sleep()
    before = proxy.accepted
    await asyncio.gather(*(connection.publish_confirmed("orders.new", b"x") for _ in range(50)))
    assert proxy.accepted - before == 1
    assert connection.stats().opens == 2


async def test_a_cancelled_waiter_cancels_nobody_else(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    nats_server.freeze()
    impatient = asyncio.create_task(connection.open())
    patient = asyncio.create_task(connection.open())
    await until(lambda: connection.state is ConnectionState.OPENING)
    impatient.cancel()
    nats_server.thaw()
    await patient
    assert connection.state is ConnectionState.CONNECTED
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_waking_where_no_server_is_fails_typed_and_the_next_use_tries_again(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    await connection.open()
    await connection.sleep()
    nats_server.kill()
    with pytest.raises(TcpError, match="nothing listens there"):
        await connection.publish("orders.new")
    assert connection.state is ConnectionState.FAILED
    assert isinstance(connection.last_error, TcpError)
    nats_server.restart()
    await connection.publish("orders.new")
    assert connection.state is ConnectionState.CONNECTED


async def test_get_or_reconnect_returns_a_dead_connection_alive(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    manager.add(ConnectOptions(servers=nats_server.url), "orders")
    assert (await manager.get_or_reconnect("orders")).state is ConnectionState.CONNECTED
    nats_server.kill()
    await until(lambda: manager.connections["orders"].state is ConnectionState.RECONNECTING)
    nats_server.restart()
    assert (await manager.get_or_reconnect("orders")).state is ConnectionState.CONNECTED
    with pytest.raises(KeyError):
        await manager.get_or_reconnect("nobody")


async def test_stats_have_the_seeds_keys_and_print_them_as_the_seed_does(
    nats_server: NatsServer, hand_manager: ConnectionManager, hand_clock: HandClock
) -> None:
    connection = hand_manager.add(ConnectOptions(servers=nats_server.url), "uuid-string")
    await connection.open()
    hand_clock.advance(270)
    printed = json.loads(hand_manager.stats("uuid-string").model_dump_json())
    assert {key: printed[key] for key in list(printed)[:6]} == {
        "connection_id": "uuid-string",
        "last_activity": "2026-01-01T00:00:00Z",
        "idle_timeout": "30m0s",
        "time_remaining": "25m30s",
        "is_healthy": True,
        "is_connected": True,
    }


async def test_counters_add_up_across_reopenings(nats_server: NatsServer, manager: ConnectionManager) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    await connection.subscribe("orders.>", lambda message: None)
    for _ in range(3):
        await connection.publish("orders.new", b"12345")
        await connection.flush()
        await connection.sleep()
    stats = connection.stats()
    assert (stats.opens, stats.in_msgs, stats.out_msgs, stats.subscriptions) == (3, 3, 3, 1)
    assert stats.in_bytes > 15 and stats.out_bytes > 15
    assert not stats.is_connected and stats.state is ConnectionState.IDLE


async def test_shutdown_stops_the_reaper_and_closes_all_with_a_frozen_server_too(
    nats_server_factory: Callable[..., NatsServer],
) -> None:
    healthy, frozen = nats_server_factory(), nats_server_factory()
    manager = ConnectionManager(shutdown_timeout=0.5)
    async with manager:
        connections = [manager.add(ConnectOptions(servers=server.url)) for server in (healthy, frozen)]
        for connection in connections:
            await connection.subscribe("orders.>", lambda message: None)
        frozen.freeze()
        async with asyncio.timeout(10):
            await manager.close()
    assert {connection.state for connection in connections} == {ConnectionState.CLOSED}
    await until(lambda: not healthy.connections())
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name().startswith("natstui")])


async def test_a_use_that_comes_while_falling_asleep_reopens_without_delay(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url))
    await connection.open()
    falling_asleep = asyncio.create_task(connection.sleep())
    async with asyncio.timeout(3):
        outcomes = await asyncio.gather(*(connection.publish_confirmed("orders.new") for _ in range(5)))
    await falling_asleep
    assert {outcome.outcome for outcome in outcomes} == {"confirmed"}
    assert connection.stats().opens == 2


async def test_a_request_on_a_sleeping_connection_keeps_to_its_own_timeout(
    nats_server: NatsServer, manager: ConnectionManager
) -> None:
    connection = manager.add(ConnectOptions(servers=nats_server.url, connection_timeout=20))
    await connection.open()
    await connection.sleep()
    nats_server.freeze()
    async with asyncio.timeout(10):
        with pytest.raises(NotConnectedError, match="nothing was sent"):
            await connection.request("svc.echo", timeout=0.2)
        outcome = await connection.publish_confirmed("orders.new", timeout=0.2)
    assert outcome.outcome == "refused"
    nats_server.thaw()
