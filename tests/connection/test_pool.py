"""The server pool: what is in it, in which order it is tried, and what is known of each server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from natstui.connection import (
    Attempt,
    AttemptFailed,
    AuthenticationError,
    ConnectionState,
    ConnectOptions,
    NoServerAvailableError,
    OptionError,
    Reconnected,
    ReconnectsExhaustedError,
    ServerDiscovered,
    ServerRemoved,
    ServerStats,
)
from natstui.connection.address import parse_servers
from natstui.connection.pool import PoolServer, ServerPool
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.event_record import EventRecord
from tests.faults import Peer, Script, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Servers = Callable[..., NatsServer]
Clusters = Callable[..., NatsCluster]
Scripted = Callable[[Script], Awaitable[ScriptedServer]]

A, B, C, D = (f"nats://{name}:4222" for name in "abcd")
DEAD = "nats://127.0.0.1:1"


def pool_of(*urls: str, retain_order: bool = False, seed: int = 1) -> ServerPool:
    """A pool without a network."""
    return ServerPool(parse_servers(urls), retain_order=retain_order, chance=random.Random(seed))


def one_pass(pool: ServerPool) -> list[str]:
    """The order in which a first connect tries the servers."""
    tried: list[PoolServer] = []
    while (server := pool.untried(tried)) is not None:
        tried.append(server)
    return [server.url for server in tried]


def urls(servers: Sequence[ServerStats]) -> list[str]:
    """The URLs of a pool's snapshot."""
    return [server.url for server in servers]


# --- order and delay, without a network --------------------------------------------------------------------------


def test_servers_are_shuffled_unless_their_order_is_retained() -> None:
    orders = {tuple(one_pass(pool_of(A, B, C, D, seed=seed))) for seed in range(50)}
    assert len(orders) > 10
    assert {tuple(sorted(order)) for order in orders} == {(A, B, C, D)}
    assert {tuple(one_pass(pool_of(A, B, C, D, retain_order=True, seed=seed))) for seed in range(50)} == {(A, B, C, D)}


def test_servers_that_failed_less_come_first() -> None:
    for seed in range(50):
        pool = pool_of(A, B, C, seed=seed)
        for server, failures in zip(pool.servers, (2, 0, 1), strict=True):
            for _ in range(failures):
                pool.failed(server, "refused")
        assert one_pass(pool) == [B, C, A]


def test_a_retained_order_goes_round_whatever_failed() -> None:
    pool = pool_of(A, B, C, retain_order=True)
    tried = []
    for second in range(7):
        server, _ = pool.next(float(second))
        pool.trying(server, float(second))
        pool.failed(server, "refused")
        tried.append(server.url)
    assert tried == [A, B, C, A, B, C, A]


def test_the_server_lost_last_is_not_preferred_to_its_equals() -> None:
    for seed in range(50):
        pool = pool_of(A, B, seed=seed)
        first = pool.servers[0]
        pool.trying(first, 0.0)
        pool.connected(first)
        pool.lost("gone", lived=60.0, stale=False)
        assert pool.next(60.0)[0].url == B


def test_the_delay_doubles_with_jitter_up_to_its_longest_and_a_server_not_tried_has_none() -> None:
    for seed in range(50):
        pool = pool_of(A, B, seed=seed)
        server, now = pool.servers[0], 100.0
        assert pool.delay(server, now) == 0
        delays = []
        for _ in range(40):
            pool.trying(server, now)
            pool.failed(server, "refused")
            delays.append(pool.delay(server, now))
        for number, delay in enumerate(delays):
            longest = min(4.0, 0.1 * 2**number)
            assert longest / 2 <= delay <= longest
        assert len(set(delays)) == len(delays)
        assert pool.delay(pool.servers[1], now) == 0
        assert pool.delay(server, now + 10) == 0


def test_a_server_that_lets_in_only_to_throw_out_is_waited_for_too() -> None:
    pool = pool_of(A)
    for _ in range(8):
        server, _ = pool.next(0.0)
        pool.trying(server, 0.0)
        pool.connected(server)
        pool.lost("thrown out", lived=0.1, stale=False)
    assert pool.delay(pool.servers[0], 0.0) >= 2
    pool.connected(pool.servers[0])
    pool.lost("gone", lived=60.0, stale=False)
    assert pool.delay(pool.servers[0], 0.0) == 0


# --- what is known of each server --------------------------------------------------------------------------------


async def test_failed_attempts_did_connect_and_last_error_are_kept_for_each_server(
    nats_server: NatsServer, managed: Managed
) -> None:
    connection = managed(DEAD, nats_server.url)
    await connection.open()
    dead, alive = connection.stats().server_pool
    assert (dead.url, dead.failed_attempts, dead.did_connect, dead.is_current) == (DEAD, 1, False, False)
    assert "connection refused" in str(dead.last_error)
    assert (alive.failed_attempts, alive.did_connect, alive.is_current, alive.last_error) == (0, True, True, None)
    nats_server.kill()
    await until(lambda: connection.stats().server_pool[1].failed_attempts >= 2, timeout=20)
    assert connection.stats().server_pool[1].did_connect
    nats_server.restart()
    await until(lambda: connection.state is ConnectionState.CONNECTED, timeout=20)
    alive = connection.stats().server_pool[1]
    assert (alive.failed_attempts, alive.last_error) == (0, None)
    assert connection.stats().server_pool[0].failed_attempts >= 1


async def test_the_order_given_is_the_order_tried_where_it_is_retained(managed: Managed) -> None:
    dead = [f"nats://127.0.0.1:{port}" for port in (4, 3, 2, 1)]
    connection = managed(*dead, retain_servers_order=True)
    record = EventRecord(connection)
    with pytest.raises(NoServerAvailableError, match="none of 4 servers"):
        await connection.open()
    await until(lambda: len(record.of(Attempt)) == 4)
    assert [event.server for event in record.of(Attempt)] == dead


# --- discovered servers ------------------------------------------------------------------------------------------


async def test_servers_that_the_cluster_tells_of_join_the_pool_and_leave_it_with_the_cluster(
    nats_cluster_factory: Clusters, managed: Managed
) -> None:
    cluster = nats_cluster_factory(2)
    first, second = cluster.nodes
    connection = managed(first.url)
    record = EventRecord(connection)
    await connection.open()
    await until(lambda: urls(connection.stats().server_pool) == [first.url, second.url])
    assert [server.discovered for server in connection.stats().server_pool] == [False, True]
    third = cluster.add_node()
    await record.first(ServerDiscovered, server=third.url)
    assert urls(connection.stats().server_pool) == [first.url, second.url, third.url]
    cluster.remove_node(second)
    await record.first(ServerRemoved, server=second.url)
    # The nodes' gossip may tell of a node that has left once more before it settles.
    await until(lambda: urls(connection.stats().server_pool) == [first.url, third.url])
    cluster.remove_node(third)
    await record.first(ServerRemoved, server=third.url)
    await until(lambda: urls(connection.stats().server_pool) == [first.url])


async def test_servers_named_explicitly_stay_though_the_cluster_loses_them(
    nats_cluster_factory: Clusters, managed: Managed
) -> None:
    cluster = nats_cluster_factory(3)
    first, second, third = cluster.nodes
    connection = managed(first.url, second.url)
    record = EventRecord(connection)
    await connection.open()
    cluster.remove_node(second)
    cluster.remove_node(third)
    await record.first(ServerRemoved, server=third.url)
    assert urls(connection.stats().server_pool) == [first.url, second.url]
    assert [event.server for event in record.of(ServerRemoved)] == [third.url]


async def test_ignore_discovered_servers(nats_cluster_factory: Clusters, managed: Managed) -> None:
    cluster = nats_cluster_factory(2)
    connection = managed(cluster.nodes[0].url, ignore_discovered_servers=True)
    record = EventRecord(connection)
    await connection.open()
    cluster.add_node()
    await connection.flush()
    assert urls(connection.stats().server_pool) == [cluster.nodes[0].url]
    cluster.nodes[0].kill()
    await until(lambda: len(record.of(AttemptFailed)) >= 2, timeout=20)
    assert {event.server for event in record.of(AttemptFailed)} == {cluster.nodes[0].url}
    assert not record.of(ServerDiscovered)


# --- set_server_pool ---------------------------------------------------------------------------------------------


async def test_a_new_pool_is_used_at_the_next_reconnect_and_keeps_what_is_known(
    nats_server_factory: Servers, managed: Managed
) -> None:
    first, second = nats_server_factory(), nats_server_factory()
    connection = managed(DEAD, first.url)
    record = EventRecord(connection)
    await connection.open()
    connection.set_server_pool([second.url, DEAD])
    assert connection.state is ConnectionState.CONNECTED
    assert connection.stats().server == first.url
    new, kept = connection.stats().server_pool
    assert (new.failed_attempts, new.did_connect) == (0, False)
    assert (kept.failed_attempts, "refused" in str(kept.last_error)) == (1, True)
    first.kill()
    await record.first(Reconnected, server=second.url)
    assert connection.stats().server_pool[0].did_connect


async def test_a_new_pool_ends_the_wait_for_the_old_one_and_counts_anew(
    nats_server: NatsServer, nats_server_factory: Servers, managed: Managed
) -> None:
    connection = managed(nats_server.url, reconnect_delay_callback=lambda attempts: 3600.0)
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await record.first(Attempt, delay=3600.0)
    other = nats_server_factory()
    connection.set_server_pool([other.url])
    attempt = await record.first(Attempt, server=other.url)
    assert attempt.number == 1
    # The delay is the callback's for this attempt too; a reconnect asked for does not wait.
    await connection.force_reconnect()
    await record.first(Reconnected, server=other.url)
    assert not record.of(AttemptFailed)


async def test_a_new_pool_resets_the_count_of_attempts(
    nats_server: NatsServer, nats_server_factory: Servers, managed: Managed
) -> None:
    connection = managed(nats_server.url, max_reconnects=4, reconnect_delay_callback=lambda attempts: 0.1)
    record = EventRecord(connection)
    await connection.open()
    nats_server.kill()
    await record.first(AttemptFailed, number=3)
    connection.set_server_pool([DEAD])
    await until(lambda: connection.state is ConnectionState.FAILED, timeout=20)
    assert isinstance(connection.last_error, ReconnectsExhaustedError)
    await until(lambda: len([event for event in record.of(AttemptFailed) if event.server == DEAD]) == 4)


async def test_a_new_pool_is_taken_in_the_middle_of_a_first_connect(managed: Managed, nats_server: NatsServer) -> None:
    connection = managed(*(f"nats://127.0.0.1:{port}" for port in range(1, 11)))

    def replace(event: object) -> None:
        if isinstance(event, AttemptFailed) and event.number == 1:
            connection.set_server_pool([nats_server.url])

    connection.add_listener(replace)
    await connection.open()
    assert connection.stats().server == nats_server.url


async def test_credentials_in_the_urls_of_a_new_pool_are_taken_and_not_shown(
    nats_server: NatsServer, nats_server_factory: Servers, managed: Managed
) -> None:
    guarded = nats_server_factory(user="ann", password="s3cr3t")
    connection = managed(nats_server.url)
    record = EventRecord(connection)
    await connection.open()
    connection.set_server_pool([guarded.url])
    await connection.force_reconnect()
    failed = await record.first(AttemptFailed)
    assert isinstance(failed.error, AuthenticationError)
    connection.set_server_pool([guarded.url.replace("://", "://ann:s3cr3t@")])
    await record.first(Reconnected, server=guarded.url)
    assert "s3cr3t" not in f"{connection.stats()!r} {record.entries!r} {connection.options!r}"


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        ([], "is empty"),
        (["nats://a:1", "ws://b:2"], "mixes websocket"),
        (["nats://a:1/path"], "has a path"),
        (["gopher://a:1"], "scheme"),
        (["nats://a:0"], "port is 0"),
        (["nats://a b:1"], "white space"),
    ],
)
async def test_a_pool_that_cannot_work_is_refused_and_the_old_one_stays(
    nats_server: NatsServer, managed: Managed, servers: list[str], said: str
) -> None:
    connection = managed(nats_server.url)
    with pytest.raises(OptionError, match=said):
        connection.set_server_pool(servers)
    assert urls(connection.stats().server_pool) == [nats_server.url]
    await connection.open()


@pytest.mark.parametrize("servers", [None, 4222, [None], [b"nats://a"]])
def test_what_is_no_list_of_urls_is_refused_as_such(servers: Any) -> None:
    with pytest.raises(OptionError, match="servers holds something that is no text"):
        ConnectOptions(servers=servers)


async def test_a_new_pool_may_be_a_text_with_commas(managed: Managed) -> None:
    connection = managed("nats://a:4222")
    connection.set_server_pool("nats://b, c:4333,")
    assert [server.url for server in connection.stats().server_pool] == ["nats://b:4222", "nats://c:4333"]
    with pytest.raises(OptionError, match="holds something that is no text"):
        connection.set_server_pool([None])  # type: ignore[list-item]


async def test_an_attempt_on_a_server_that_the_new_pool_does_not_have_is_called_off(
    nats_server: NatsServer, scripted_server: Scripted, managed: Managed
) -> None:
    silent = await scripted_server(Peer.hold)
    connection = managed(silent.url, connection_timeout=600)
    record = EventRecord(connection)
    opening = asyncio.create_task(connection.open())
    await until(lambda: silent.accepted == 1)
    connection.set_server_pool([silent.url, nats_server.url])
    assert not record.of(AttemptFailed)
    connection.set_server_pool([nats_server.url])
    await asyncio.wait_for(opening, 10)
    assert "called off: its server is not in the new pool" in str(record.of(AttemptFailed)[0])
    assert connection.stats().server == nats_server.url


async def test_a_reconnect_asked_for_calls_off_an_attempt_that_drags_on(
    nats_server_factory: Servers, scripted_server: Scripted, managed: Managed
) -> None:
    server, silent = nats_server_factory(), await scripted_server(Peer.hold)
    connection = managed(server.url, silent.url, connection_timeout=600)
    record = EventRecord(connection)
    await connection.open()
    server.restart()
    await until(lambda: silent.accepted == 1)

    async def asked() -> bool:
        await connection.force_reconnect()
        return bool(record.of(AttemptFailed))

    await until(asked, timeout=10)
    await record.first(Reconnected, server=server.url)
    assert "called off: a reconnect was asked for" in str(record.of(AttemptFailed)[0])
