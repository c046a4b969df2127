"""A network partition made with a network namespace: one node of three is out of everybody's reach, then back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from natstui.connection import Disconnected, Outcome, Reconnected, StaleConnection
from tests.connection.conftest import Managed
from tests.connection.ledger import Arrivals, lost, publishing
from tests.islands import Island, NoNamespaceError, cluster_with, island
from tests.waiting import until

PING_INTERVAL, ALLOWED = 0.2, 2


@pytest.fixture
def cut_off_island() -> Iterator[Island]:
    """A namespace; skips where none can be made."""
    try:
        with island() as made:
            yield made
    except NoNamespaceError as problem:
        pytest.skip(f"no network namespace to be had ({problem}); the silent proxy stands in (test_cluster.py)")


async def test_a_partition_with_namespaces(cut_off_island: Island, managed: Managed) -> None:
    with cluster_with(cut_off_island) as (far, near, stable):
        pings = {"ping_interval": PING_INTERVAL, "max_outstanding_pings": ALLOWED}
        subscriber = await Arrivals(managed(far.url, **pings)).subscribe()
        collector = await Arrivals(managed(stable.url)).subscribe()
        cut_off = managed(far.url, **pings)
        async with publishing(cut_off) as publisher, publishing(managed(near.url), 1_000_000) as other:
            for arrivals in (subscriber, collector):
                await arrivals.keep_up_with(other)
                await arrivals.keep_up_with(publisher)
            cut_off_island.cut()
            await subscriber.record.first(StaleConnection, noticed_by="client", timeout=20)
            await subscriber.record.first(Reconnected, timeout=20)
            await until(lambda: cut_off.stats().reconnects == 1, timeout=20)
            await subscriber.keep_up_with(other)
            await collector.keep_up_with(publisher)
            cut_off_island.mend()
            returned = await Arrivals(managed(far.url, connection_timeout=20.0)).subscribe()
            for arrivals in (subscriber, returned):
                await arrivals.keep_up_with(other)
            await collector.keep_up_with(publisher)
        for each in (publisher, other):
            assert len(each.confirmed) >= 60
            await until(lambda each=each: not lost(each, collector), timeout=10)
        assert subscriber.missing(other)
        assert subscriber.unmarked(other) == []
        assert publisher.outcomes[Outcome.UNKNOWN] <= 1
        assert not collector.record.of(Disconnected)
        assert subscriber.connection.stats().server in (near.url, stable.url)
