"""Reconnecting: when the next attempt is made, who chooses the server, and when it is given up."""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from natstui.connection import (
    Attempt,
    AttemptFailed,
    ClientError,
    ConnectionState,
    Disconnected,
    Reconnected,
    ReconnectsExhaustedError,
    ServerNotInPoolError,
    ServerStats,
    StateChanged,
)
from natstui.connection.client import NatsClient
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Proxy
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Proxies = Callable[..., Awaitable[Proxy]]

DEAD = "nats://127.0.0.1:1"
LEAST_PAUSE = 0.05
"""Seconds between two attempts on one server, whatever a callback wants."""


# --- backoff -----------------------------------------------------------------------------------------------------


async def test_attempts_on_one_server_are_further_and_further_apart_up_to_a_limit(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url)
    record = EventRecord(connection)
    await connection.open()
    record.clear()
    nats_server.kill()
    await until(lambda: len(record.of(Attempt)) == 5, timeout=30)
    delays = [event.delay for event in record.of(Attempt)]
    # A connection that lived for less than 5 s counts as one failure.
    for number, delay in enumerate(delays):
        assert delay <= 0.1 * 2**number
    assert delays[4] > 0.2
    assert connection.stats().next_attempt is not None
    assert [event.number for event in record.of(Attempt)] == [1, 2, 3, 4, 5]
    nats_server.restart()
    reconnected = await record.first(Reconnected, timeout=30)
    assert reconnected.downtime >= sum(delays[:4])


async def test_a_server_not_tried_yet_is_tried_at_once(nats_server_factory: Servers, managed: Managed) -> None:
    first, second = nats_server_factory(), nats_server_factory()
    connection = managed(first.url, second.url)
    record = EventRecord(connection)
    await connection.open()
    record.clear()
    first.kill()
    await record.first(Reconnected, server=second.url)
    assert [(event.server, event.delay) for event in record.of(Attempt)] == [(second.url, 0.0)]


async def test_a_reconnect_asked_for_leaves_the_server_and_ends_a_wait(
    nats_server_factory: Servers, managed: Managed
) -> None:
    first, second = nats_server_factory(), nats_server_factory()
    connection = managed(first.url, second.url)
    record = EventRecord(connection)
    await connection.open()
    await connection.force_reconnect()
    assert (await record.first(Disconnected, server=first.url)).reason == "reconnect requested"
    await record.first(Reconnected, server=second.url)
    waiting = managed(first.url, reconnect_delay_callback=lambda attempts: 3600.0)
    record = EventRecord(waiting)
    await waiting.open()
    first.kill()
    await record.first(Attempt, delay=3600.0)
    first.restart()
    await waiting.force_reconnect()
    await record.first(Reconnected, server=first.url)


async def test_a_reconnect_asked_for_on_a_connection_never_opened_opens_it(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(nats_server.url)
    await connection.force_reconnect()
    assert connection.state is ConnectionState.CONNECTED


# --- max_reconnects ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 1, 3])
async def test_max_reconnects_counts_failed_attempts_over_all_servers(
    nats_server_factory: Servers, managed: Managed, limit: int
) -> None:
    first, second = nats_server_factory(), nats_server_factory()
    connection = managed(first.url, second.url, max_reconnects=limit)
    record = EventRecord(connection)
    await connection.open()
    second.kill()
    first.kill()
    await until(lambda: connection.state is ConnectionState.FAILED, timeout=20)
    assert isinstance(connection.last_error, ReconnectsExhaustedError)
    await record.first(StateChanged, new=ConnectionState.FAILED)
    assert len(record.of(AttemptFailed)) == limit
    assert ("max_reconnects is 0" in str(connection.last_error)) is (limit == 0)
    second.restart()
    await connection.publish("orders", b"the next use tries again")
    assert connection.state is ConnectionState.CONNECTED


async def test_a_success_begins_the_count_anew(
    nats_server: NatsServer, managed: Managed, proxy_factory: Proxies
) -> None:
    proxy = await proxy_factory(nats_server.url)
    connection = managed(proxy.url, max_reconnects=2, reconnect_delay_callback=lambda attempts: 0.05)
    record = EventRecord(connection)
    await connection.open()
    for number in range(1, 5):
        await proxy.cut()
        await until(lambda number=number: len(record.of(Reconnected)) == number)
    assert connection.stats().reconnects == 4


async def test_without_a_limit_it_never_gives_up(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, reconnect_delay_callback=lambda attempts: 0.0)
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await until(lambda: len(record.of(AttemptFailed)) >= 20, timeout=30)
    assert connection.state is ConnectionState.RECONNECTING
    nats_server.restart()
    await record.first(Reconnected)


# --- reconnect_delay_callback ------------------------------------------------------------------------------------


async def test_the_delay_callback_is_asked_with_the_number_of_the_attempt(
    nats_server: NatsServer, managed: Managed
) -> None:
    asked: list[int] = []

    def delay(attempts: int) -> float:
        asked.append(attempts)
        return 0.06 + attempts / 1000

    connection = managed(nats_server.url, reconnect_delay_callback=delay)
    record = EventRecord(connection)
    await connection.open()
    record.clear()
    nats_server.kill()
    await until(lambda: len(record.of(Attempt)) >= 4, timeout=20)
    assert asked[:4] == [1, 2, 3, 4]
    assert [event.delay for event in record.of(Attempt)[:4]] == pytest.approx([0.061, 0.062, 0.063, 0.064])


def cancels(_attempts: int) -> float:
    raise asyncio.CancelledError


async def hangs_instead(_attempts: int) -> float:
    await asyncio.Event().wait()
    return 0.0


BAD_DELAYS: dict[str, Callable[[int], Any]] = {
    "raises": lambda attempts: 1 / 0,
    "cancels": cancels,
    "hangs": hangs_instead,
    "is negative": lambda attempts: -1.0,
    "is no number": lambda attempts: math.nan,
    "is infinite": lambda attempts: math.inf,
    "is thousands of years": lambda attempts: 1e12,
    "is text": lambda attempts: "soon",
    "is None": lambda attempts: None,
}


@pytest.mark.parametrize("fault", BAD_DELAYS)
async def test_a_delay_that_cannot_be_is_told_and_the_usual_one_taken(
    nats_server: NatsServer, managed: Managed, fault: str
) -> None:
    connection = managed(nats_server.url, reconnect_delay_callback=BAD_DELAYS[fault], connection_timeout=0.5)
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await until(lambda: len(record.of(AttemptFailed)) >= 2, timeout=20)
    assert len(record.of(ClientError)) >= 2
    nats_server.restart()
    await record.first(Reconnected, timeout=20)


# --- reconnect_to_server_callback --------------------------------------------------------------------------------


async def test_the_server_callback_chooses_by_pool_and_info_and_says_how_long_to_wait(
    nats_server_factory: Servers, managed: Managed
) -> None:
    servers = [nats_server_factory(name=f"s{number}") for number in range(3)]
    asked: list[tuple[list[str], str]] = []

    async def choose(pool: list[ServerStats], info: Mapping[str, Any]) -> tuple[str | ServerStats, float | None]:
        asked.append(([server.url for server in pool], info["server_name"]))
        return (pool[2], 0.01) if len(asked) == 1 else (servers[1].url, None)

    connection = managed(*(server.url for server in servers), reconnect_to_server_callback=choose)
    record = EventRecord(connection)
    await connection.open()
    record.clear()
    servers[0].kill()
    await record.first(Reconnected, server=servers[2].url)
    assert record.of(Attempt)[0].delay == 0.01
    assert asked == [([server.url for server in servers], "s0")]
    servers[2].kill()
    await record.first(Reconnected, server=servers[1].url)
    assert asked[1][1] == "s2"


async def test_none_from_the_server_callback_is_the_default_choice(
    nats_server_factory: Servers, managed: Managed
) -> None:
    first, second = nats_server_factory(), nats_server_factory()

    async def choose(_pool: list[ServerStats], _info: Mapping[str, Any]) -> None:
        return None

    connection = managed(first.url, second.url, reconnect_to_server_callback=choose)
    record = EventRecord(connection)
    await connection.open()
    first.kill()
    await record.first(Reconnected, server=second.url)
    assert not record.of(ClientError)


async def test_the_delay_callback_fills_in_where_the_server_callback_names_no_delay(
    nats_server: NatsServer, managed: Managed
) -> None:
    async def choose(pool: list[ServerStats], _info: Mapping[str, Any]) -> tuple[ServerStats, None]:
        return pool[0], None

    connection = managed(
        nats_server.url, reconnect_to_server_callback=choose, reconnect_delay_callback=lambda attempts: 0.077
    )
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await record.first(Attempt, delay=0.077)


async def test_a_server_that_is_not_in_the_pool_is_told_and_the_default_choice_taken(
    nats_server_factory: Servers, managed: Managed
) -> None:
    first, second, stranger = (nats_server_factory() for _ in range(3))

    async def choose(_pool: list[ServerStats], _info: Mapping[str, Any]) -> tuple[str, float]:
        return stranger.url, 0.0

    connection = managed(first.url, second.url, reconnect_to_server_callback=choose)
    record = EventRecord(connection)
    await connection.open()
    first.kill()
    await record.first(Reconnected, server=second.url)
    errors = [event.error for event in record.of(ClientError)]
    assert [type(error) for error in errors] == [ServerNotInPoolError]
    assert stranger.url in str(errors[0])
    assert not stranger.connections()


async def raises(_pool: list[ServerStats], _info: Mapping[str, Any]) -> Any:
    raise RuntimeError("no idea")


async def cancels_itself(_pool: list[ServerStats], _info: Mapping[str, Any]) -> Any:
    raise asyncio.CancelledError


async def hangs(_pool: list[ServerStats], _info: Mapping[str, Any]) -> Any:
    await asyncio.Event().wait()


async def swallows_its_cancellation(_pool: list[ServerStats], _info: Mapping[str, Any]) -> Any:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


def is_not_async(_pool: list[ServerStats], _info: Mapping[str, Any]) -> Any:
    return None


BAD_CHOICES: dict[str, Callable[..., Any]] = {
    "raises": raises,
    "cancels itself": cancels_itself,
    "hangs": hangs,
    "swallows its cancellation": swallows_its_cancellation,
    "returns garbage": lambda pool, info: 17,
    "returns a delay that cannot be": lambda pool, info: (pool[0], -5),
    "returns at once for ever": lambda pool, info: (pool[0], 0.0),
    "wants a server that is not there, at once": lambda pool, info: ("nats://nobody:1", 0.0),
    "takes the wrong arguments": lambda: None,
    "is not async": is_not_async,
}


@pytest.mark.parametrize("fault", BAD_CHOICES)
async def test_a_server_callback_that_misbehaves_neither_spins_nor_blocks(
    nats_server: NatsServer, managed: Managed, fault: str
) -> None:
    connection = managed(
        nats_server.url,
        reconnect_to_server_callback=BAD_CHOICES[fault],
        reconnect_delay_callback=lambda attempts: 0.0,
        connection_timeout=0.3,
    )
    record = EventRecord(connection)
    await connection.open()
    began = time.monotonic()
    nats_server.kill()
    await until(lambda: len(record.of(AttemptFailed)) >= 4, timeout=30)
    attempts = len(record.of(Attempt))
    assert attempts <= (time.monotonic() - began) / LEAST_PAUSE + 3
    nats_server.restart()
    await record.first(Reconnected, timeout=30)
    assert (await connection.check_health()).healthy


async def test_a_server_that_throws_everybody_out_is_not_hammered(
    nats_server: NatsServer, managed: Managed, proxy_factory: Proxies
) -> None:
    proxy = await proxy_factory(nats_server.url)
    connection = managed(proxy.url)
    record = EventRecord(connection)
    await connection.open()
    for number in range(1, 5):
        await proxy.cut(reset=True)
        await until(lambda number=number: len(record.of(Reconnected)) >= number, timeout=20)
    delays = [event.delay for event in record.of(Attempt)[1:]]
    assert delays[3] > 0.1


async def test_the_clients_of_failed_attempts_are_not_kept(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, reconnect_delay_callback=lambda _: 0)
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await until(lambda: len(record.of(AttemptFailed)) >= 10, timeout=20)
    gc.collect()
    assert sum(isinstance(found, NatsClient) for found in gc.get_objects()) <= 2


async def test_a_callback_that_misbehaves_is_named_with_what_it_did(nats_server: NatsServer, managed: Managed) -> None:
    mistake = KeyError("no such thing")

    def fails(_: int) -> float:
        raise mistake

    async def chooses_badly(pool: list[ServerStats], _: Mapping[str, Any]) -> Any:
        return pool[0]

    connection = managed(nats_server.url, reconnect_delay_callback=fails, reconnect_to_server_callback=chooses_badly)
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await until(lambda: len(record.of(ClientError)) >= 4, timeout=20)
    chosen = "TypeError (it returned a ServerStats, neither (server, delay) nor None)"
    told = {str(event) for event in record.of(ClientError)}
    assert told == {
        f"client error: reconnect_to_server_callback: {chosen}",
        "client error: reconnect_delay_callback: KeyError ('no such thing')",
    }


async def test_a_server_left_on_request_has_no_error(nats_server: NatsServer, managed: Managed) -> None:
    connection = managed(nats_server.url, "nats://127.0.0.1:1")
    await connection.open()
    await connection.force_reconnect()
    await until(lambda: connection.stats().reconnects == 1, timeout=20)
    assert connection.stats().server_pool[0].last_error is None


async def test_a_frozen_server_left_on_request_says_how_long_it_was_silent(
    nats_server_factory: Servers, managed: Managed
) -> None:
    server, other = nats_server_factory(), nats_server_factory()
    connection = managed(server.url, other.url)
    record = EventRecord(connection)
    await connection.open()
    server.freeze()
    await connection.force_reconnect()
    left = await record.first(Disconnected)
    assert left.silent_for is not None and left.silent_for >= 1
