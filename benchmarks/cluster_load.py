"""A cluster's load: publishers, a managed subscription and a bare one on the same node, and what it all cost."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from natstui.connection import ConnectionManager, ConnectionState, ConnectOptions, ManagedConnection
from tests.connection.ledger import SUBJECT, Arrivals, Publishing, lost, publishing
from tests.waiting import until

PATIENCE = 60.0
MORE = 30
"""Messages after which one more is taken for delivery resumed."""
APART = 1_000_000
"""Between the first numbers of two publishers."""


@dataclass
class Toll:
    """What one fault cost, over all runs."""

    natstui: list[float] = field(default_factory=list)
    """Seconds of the longest silence."""
    bare: list[float] = field(default_factory=list)
    confirmed: int = 0
    lost: int = 0
    missed: int = 0
    unmarked: int = 0


class BareArrivals:
    """What a bare nats-py subscription receives."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.arrived_at: dict[int, float] = {}

    @classmethod
    async def subscribed(cls, url: str, pings: dict[str, float]) -> BareArrivals:
        client = await nats.connect(url, max_reconnect_attempts=-1, error_cb=_say_nothing, **pings)
        arrivals = cls(client)
        await client.subscribe(SUBJECT, cb=arrivals._take)
        await client.flush()
        return arrivals

    async def _take(self, message: Msg) -> None:
        self.arrived_at.setdefault(int(message.data), time.time())


async def _say_nothing(_error: Exception) -> None:
    pass


@dataclass
class Load:
    """What goes on in the cluster while it is disturbed."""

    subscriber: Arrivals
    bare: BareArrivals
    collectors: list[Arrivals]
    publishers: list[Publishing]
    since: float = 0.0
    """When it was disturbed first (wall clock)."""

    def disturbed(self) -> None:
        """Now."""
        self.since = self.since or time.time()

    async def goes_on(self, *stopped: Publishing) -> None:
        """Until everybody gets what is published from now on, by all but those publishers."""
        publishers = [publisher for publisher in self.publishers if publisher not in stopped]
        goals = {publisher: publisher.next + MORE for publisher in publishers}
        arrived = [each.arrived_at for each in (self.subscriber, self.bare, *self.collectors)]
        for publisher, goal in goals.items():
            for numbers in arrived:
                await until(
                    lambda: publisher.latest(numbers) >= goal,  # noqa: B023
                    timeout=PATIENCE,
                    what=f"delivery of number {goal}",
                )
        await until(lambda: self.subscriber.connection.state is ConnectionState.CONNECTED, timeout=PATIENCE)

    async def left(self, url: str) -> None:
        """Until both subscribers are on another server than this one, and get messages."""
        port = urlsplit(url).port

        def are_away() -> bool:
            ours, theirs = self.subscriber.connection.stats(), self.bare.client.connected_url
            is_ours_away = ours.is_connected and not ours.server.endswith(f":{port}")
            return is_ours_away and theirs is not None and theirs.port != port

        await until(are_away, timeout=PATIENCE, what=f"both subscribers left {url}")
        await self.goes_on()

    async def settle(self, toll: Toll) -> None:
        """Wait for what is still under way, once the publishers have stopped, and add it all up."""
        last = {publisher: max(publisher.confirmed) for publisher in self.publishers}
        for publisher, number in last.items():
            await until(
                lambda: any(publisher.latest(each.arrived_at) >= number for each in self.collectors),  # noqa: B023
                timeout=PATIENCE,
            )
        ours = [at.timestamp() for at in self.subscriber.arrived_at.values()]
        toll.natstui.append(longest_silence(ours, self.since))
        toll.bare.append(longest_silence(self.bare.arrived_at.values(), self.since))
        for publisher in self.publishers:
            toll.confirmed += len(publisher.confirmed)
            toll.lost += len(lost(publisher, *self.collectors))
            toll.missed += len(self.subscriber.missing(publisher))
            toll.unmarked += sum(len(each.unmarked(publisher)) for each in (self.subscriber, *self.collectors))


def longest_silence(arrivals: Iterable[float], since: float) -> float:
    """The longest time between two arrivals, the last one before `since` included."""
    times = sorted(arrivals)
    first = max((at for at in times if at <= since), default=since)
    times = [first, *(at for at in times if at > since)]
    return max(later - earlier for earlier, later in pairwise(times))


@asynccontextmanager
async def load(
    toll: Toll,
    subscribe_on: str,
    publish_on: Sequence[Sequence[str]],
    collect_on: Sequence[Sequence[str]],
    pings: dict[str, float] | None = None,
) -> AsyncIterator[Load]:
    """Publish, subscribe and collect; at the end add the cost to the toll.

    Args:
        subscribe_on: where both subscribers are; what else there is they have to discover.
        publish_on: the servers of each publisher, in order of preference; where there are several, no others.
        collect_on: the same for each collector. What comes to none of them is lost.
        pings: ping settings of all who may have to notice a silence.
    """
    pings = pings or {}
    async with ConnectionManager() as manager:

        def connection(urls: Sequence[str]) -> ManagedConnection:
            return manager.add(
                ConnectOptions(
                    servers=urls,
                    retain_servers_order=len(urls) > 1,
                    ignore_discovered_servers=len(urls) > 1,
                    **pings,  # type: ignore[arg-type]
                )
            )

        subscriber = await Arrivals(connection([subscribe_on])).subscribe()
        collectors = [await Arrivals(connection(urls)).subscribe() for urls in collect_on]
        bare = await BareArrivals.subscribed(subscribe_on, pings)
        try:
            async with AsyncExitStack() as publications:
                publishers = [
                    await publications.enter_async_context(publishing(connection(urls), number * APART))
                    for number, urls in enumerate(publish_on)
                ]
                made = Load(subscriber, bare, collectors, publishers)
                await made.goes_on()
                yield made
            await made.settle(toll)
        finally:
            await bare.client.close()
