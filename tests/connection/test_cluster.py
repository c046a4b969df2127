"""A cluster of three that loses, restarts, gains and silences nodes under load: what is lost, missed and told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from natstui.connection import (
    ConnectionState,
    Disconnected,
    LameDuck,
    Outcome,
    Reconnected,
    ServerDiscovered,
    ServerRemoved,
    StaleConnection,
)
from tests.clusters import NatsCluster
from tests.connection.conftest import Managed
from tests.connection.ledger import Arrivals, Publishing, lost, publishing
from tests.faults import Proxy
from tests.waiting import until

Clusters = Callable[..., NatsCluster]
Proxies = Callable[..., Awaitable[Proxy]]


async def nothing_confirmed_is_lost(
    publisher: Publishing, *collectors: Arrivals, but_for: Collection[int] = ()
) -> None:
    """Every confirmed message comes to at least one of the collectors, one of which was always connected."""
    assert len(publisher.confirmed) >= 60
    await until(
        lambda: lost(publisher, *collectors) <= set(but_for), timeout=10, what="every confirmed message has come"
    )


async def test_a_node_killed_under_load(nats_cluster_factory: Clusters, managed: Managed) -> None:
    cluster = nats_cluster_factory(3)
    doomed, _, stable = cluster.nodes
    subscriber = await Arrivals(managed(doomed.url)).subscribe()
    collector = await Arrivals(managed(stable.url)).subscribe()
    await collector.hear_from(*(managed(url) for url in cluster.urls))
    async with publishing(managed(doomed.url)) as publisher:
        await subscriber.keep_up_with(publisher)
        await collector.keep_up_with(publisher)
        # A node may answer the ping and be killed before it has passed the message on to the others; no client can
        # know that of core NATS. So what had not come to the collector by then may be lost.
        seen = publisher.latest(collector.arrived_at)
        doomed.kill()
        last_breath = range(seen + 1, max(publisher.confirmed) + 2)
        await subscriber.record.first(Reconnected, timeout=20)
        await subscriber.keep_up_with(publisher)
        await collector.keep_up_with(publisher)
    await nothing_confirmed_is_lost(publisher, collector, but_for=last_breath)
    assert publisher.outcomes[Outcome.REFUSED] == publisher.outcomes[Outcome.BUFFERED] == 0
    assert publisher.outcomes[Outcome.UNKNOWN] <= 1
    assert subscriber.unmarked(publisher) == []
    assert set(collector.missing(publisher)) <= set(last_breath)
    assert not collector.record.of(Disconnected)


async def test_a_rolling_restart(nats_cluster_factory: Clusters, managed: Managed) -> None:
    cluster = nats_cluster_factory(3)
    first, second, third = cluster.nodes
    # No restart reaches both: each is on a node that is not restarted while the other's is.
    collectors = [
        await Arrivals(managed(url, first.url, ignore_discovered_servers=True)).subscribe()
        for url in (second.url, third.url)
    ]
    subscriber = await Arrivals(managed(*cluster.urls)).subscribe()
    async with publishing(managed(*cluster.urls)) as publisher:
        everybody = [subscriber, *collectors]
        for node in cluster.nodes:
            for arrivals in everybody:
                await arrivals.keep_up_with(publisher)
            node.restart()
            cluster.wait_until_formed()
            for arrivals in everybody:
                await arrivals.keep_up_with(publisher)
    await nothing_confirmed_is_lost(publisher, *collectors)
    assert all(arrivals.unmarked(publisher) == [] for arrivals in everybody)
    assert all(arrivals.record.of(Reconnected) for arrivals in everybody)


async def test_lame_duck_mode(nats_cluster_factory: Clusters, managed: Managed) -> None:
    cluster = nats_cluster_factory(3, lame_duck_duration=30.0, lame_duck_grace_period=0.2)
    leaving, _, stable = cluster.nodes
    subscriber = await Arrivals(managed(leaving.url)).subscribe()
    collector = await Arrivals(managed(stable.url)).subscribe()
    await collector.hear_from(*(managed(url) for url in cluster.urls))
    async with publishing(managed(leaving.url)) as publisher:
        await subscriber.keep_up_with(publisher)
        await collector.keep_up_with(publisher)
        leaving.lame_duck()
        await subscriber.record.first(LameDuck, server=leaving.url)
        await subscriber.record.first(Reconnected, timeout=40)
        await until(lambda: publisher.connection.stats().reconnects == 1, timeout=40)
        await subscriber.keep_up_with(publisher)
        await collector.keep_up_with(publisher)
    await nothing_confirmed_is_lost(publisher, collector)
    assert subscriber.unmarked(publisher) == []
    assert subscriber.connection.stats().server != leaving.url
    assert publisher.connection.stats().server != leaving.url


async def test_a_node_added_and_a_node_removed(nats_cluster_factory: Clusters, managed: Managed) -> None:
    cluster = nats_cluster_factory(3)
    first, second, stable = cluster.nodes
    subscriber = await Arrivals(managed(first.url)).subscribe()
    collector = await Arrivals(managed(stable.url)).subscribe()
    await collector.hear_from(*(managed(url) for url in cluster.urls))
    async with publishing(managed(first.url)) as publisher:
        await collector.keep_up_with(publisher)
        added = cluster.add_node()
        await collector.hear_from(managed(added.url))
        await subscriber.record.first(ServerDiscovered, server=added.url)
        cluster.remove_node(second)
        await subscriber.record.first(ServerRemoved, server=second.url)
        await subscriber.keep_up_with(publisher)
        assert not subscriber.record.of(Disconnected)
        cluster.remove_node(first)
        await subscriber.record.first(Reconnected, timeout=20)
        await subscriber.keep_up_with(publisher)
        await collector.keep_up_with(publisher)
    await nothing_confirmed_is_lost(publisher, collector)
    assert subscriber.unmarked(publisher) == []
    pool = {server.url for server in subscriber.connection.stats().server_pool}
    assert pool == {first.url, stable.url, added.url}


async def test_a_node_behind_a_network_that_falls_silent(
    nats_cluster_factory: Clusters, managed: Managed, proxy_factory: Proxies
) -> None:
    cluster = nats_cluster_factory(3)
    far, near, stable = cluster.nodes
    proxy = await proxy_factory(far.url)
    pings = {"ping_interval": 0.2, "max_outstanding_pings": 2}
    subscriber = await Arrivals(managed(proxy.url, **pings)).subscribe()
    collector = await Arrivals(managed(stable.url)).subscribe()
    await collector.hear_from(*(managed(url) for url in cluster.urls))
    cut_off = managed(proxy.url, **pings)
    async with publishing(cut_off) as publisher, publishing(managed(near.url), 1_000_000) as other:
        await subscriber.keep_up_with(other)
        await collector.keep_up_with(other)
        proxy.silence()
        await subscriber.record.first(StaleConnection, noticed_by="client")
        await subscriber.record.first(Reconnected, timeout=20)
        await until(lambda: cut_off.state is ConnectionState.CONNECTED and cut_off.stats().reconnects == 1, timeout=20)
        await subscriber.keep_up_with(other)
        await collector.keep_up_with(other)
        seen = len(publisher.confirmed)
        await until(lambda: len(publisher.confirmed) > seen + 30, timeout=20)
    await nothing_confirmed_is_lost(other, collector)
    await nothing_confirmed_is_lost(publisher, collector)
    assert subscriber.missing(other)
    assert subscriber.unmarked(other) == []
    assert publisher.outcomes[Outcome.UNKNOWN] <= 1
    assert cut_off.stats().server != proxy.url
