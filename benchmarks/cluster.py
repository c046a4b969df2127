"""How long a cluster's faults keep a subscriber waiting, and what they cost: `python -m benchmarks.cluster`.

natstui beside bare nats-py on the same nodes, in the same run. README.md says what the columns mean.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from natstui.connection import ConnectionManager, ConnectOptions, ManagedConnection, ManagedConnectionError
from tests.clusters import NatsCluster
from tests.connection.ledger import SUBJECT, Arrivals, lost, publishing
from tests.servers import NatsServer
from tests.waiting import until

PATIENCE = 60.0
FREEZING_PINGS = {"ping_interval": 0.5, "max_outstanding_pings": 2}
ACKED = 400


@dataclass
class Fault:
    """What happens to the node that both subscribers are on."""

    name: str
    strike: Callable[[NatsServer], None]
    pings: dict[str, float] = field(default_factory=dict)


FAULTS = (
    Fault("kill -9", NatsServer.kill),
    Fault("SIGTERM", NatsServer.terminate),
    Fault("lame duck", NatsServer.lame_duck),
    Fault("freeze, ping 0.5 s × 2", NatsServer.freeze, FREEZING_PINGS),
)


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

    def __init__(self) -> None:
        self.arrived_at: dict[int, float] = {}

    async def subscribe(self, node: NatsServer, pings: dict[str, float]) -> Client:
        client = await nats.connect(node.url, max_reconnect_attempts=-1, error_cb=_say_nothing, **pings)
        await client.subscribe(SUBJECT, cb=self._take)
        await client.flush()
        return client

    async def _take(self, message: Msg) -> None:
        self.arrived_at.setdefault(int(message.data), time.time())


async def _say_nothing(_error: Exception) -> None:
    pass


def longest_silence(arrivals: Sequence[float], since: float) -> float:
    """The longest time between two arrivals, the last one before `since` included."""
    times = sorted(arrivals)
    first = max((at for at in times if at <= since), default=since)
    times = [first, *(at for at in times if at > since)]
    return max(later - earlier for earlier, later in pairwise(times))


async def strike(fault: Fault, toll: Toll) -> None:
    """One run: three nodes, a publisher and a collector on stable ones, both subscribers on the one that is struck."""
    with NatsCluster(3, lame_duck_duration=30.0, lame_duck_grace_period=0.2) as cluster:
        doomed, near, stable = cluster.nodes
        async with ConnectionManager() as manager:

            def connection(node: NatsServer, **options: float) -> ManagedConnection:
                return manager.add(ConnectOptions(servers=node.url, **options))  # type: ignore[arg-type]

            subscriber = await Arrivals(connection(doomed, **fault.pings)).subscribe()
            collector = await Arrivals(connection(stable)).subscribe()
            bare = BareArrivals()
            client = await bare.subscribe(doomed, fault.pings)
            async with publishing(connection(near)) as publisher:
                for arrivals in (subscriber, collector):
                    await arrivals.keep_up_with(publisher)
                since = time.time()
                fault.strike(doomed)
                away = lambda: subscriber.connection.stats().reconnects == 1  # noqa: E731
                await until(away, timeout=PATIENCE)
                await subscriber.keep_up_with(publisher)
                goal = publisher.next
                await until(lambda: client.stats["reconnects"] == 1, timeout=PATIENCE)
                await until(lambda: max(bare.arrived_at) > goal, timeout=PATIENCE)
                await collector.keep_up_with(publisher)
            await until(lambda: max(publisher.confirmed) in collector.arrived_at, timeout=PATIENCE)
            toll.natstui.append(longest_silence([at.timestamp() for at in subscriber.arrived_at.values()], since))
            toll.bare.append(longest_silence(list(bare.arrived_at.values()), since))
            toll.confirmed += len(publisher.confirmed)
            toll.lost += len(lost(publisher, collector))
            toll.missed += len(subscriber.missing(publisher))
            toll.unmarked += len(subscriber.unmarked(publisher))
            await client.close()


async def stored_while(disturb: Callable[[NatsCluster], Awaitable[None]]) -> tuple[int, int]:
    """Publish to a stream of three replicas through natstui while nodes fall; return (acknowledged, lost)."""
    with NatsCluster(3, jetstream=True) as cluster:
        await until(lambda: made_stream(cluster), timeout=PATIENCE)
        acknowledged: set[int] = set()
        async with ConnectionManager() as manager:
            connection = manager.add(ConnectOptions(servers=cluster.urls))
            disturbing = asyncio.create_task(disturb(cluster))
            number = 0
            while number < ACKED or not disturbing.done():
                headers = {"Nats-Msg-Id": str(number)}
                try:
                    reply = await connection.request("acked", b"%d" % number, timeout=2, headers=headers)
                    taken = "error" not in json.loads(reply.data)
                except ManagedConnectionError:
                    taken = False
                if taken:
                    acknowledged.add(number)
                    number += 1
                else:
                    await asyncio.sleep(0.05)
            await disturbing
        cluster.wait_until_formed(PATIENCE)
        reader = await nats.connect(cluster.urls)
        stored = await read_all(reader, acknowledged)
        await reader.close()
        return len(acknowledged), len(acknowledged - stored)


async def made_stream(cluster: NatsCluster) -> bool:
    """Whether the stream could be made; a cluster just formed has no peers for it yet."""
    client = await nats.connect(cluster.urls)
    try:
        await client.jetstream().add_stream(name="ACKED", subjects=["acked"], num_replicas=3)
    except nats.errors.Error:
        return False
    finally:
        await client.close()
    return True


async def read_all(reader: Client, wanted: set[int]) -> set[int]:
    """What the stream holds; asked again while it has no leader."""
    stored: set[int] = set()
    for _ in range(5):
        try:
            subscription = await reader.jetstream(timeout=10).subscribe("acked", stream="ACKED", ordered_consumer=True)
            while wanted - stored:
                stored.add(int((await subscription.next_msg(timeout=5)).data))
            break
        except nats.errors.Error:
            continue
    return stored


async def kill_one(cluster: NatsCluster) -> None:
    """kill -9 of one node, which comes back."""
    await asyncio.sleep(0.3)
    cluster.nodes[0].kill()
    await asyncio.sleep(1)
    cluster.nodes[0].restart()


async def restart_all(cluster: NatsCluster) -> None:
    """A rolling restart: the next node when the last one is back."""
    for node in cluster.nodes:
        await asyncio.sleep(0.3)
        node.terminate()
        node.restart()
        await asyncio.to_thread(cluster.wait_until_formed, 60.0)


def figures(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:>10.0f}{max(seconds) * 1000:>10.0f}"


async def main(runs: int) -> None:
    """Print both tables."""
    logging.disable(logging.CRITICAL)
    print(f"{'':<24}{'natstui, ms':>20}{'bare nats-py, ms':>20}")
    heads = "".join(f"{head:>10}" for head in ("p50", "max", "p50", "max", "confirmed", "lost", "missed", "unmarked"))
    print(f"{'fault, ' + str(runs) + ' runs each':<24}{heads}")
    for fault in FAULTS:
        toll = Toll()
        for _ in range(runs):
            await strike(fault, toll)
        counts = "".join(f"{count:>10,}" for count in (toll.confirmed, toll.lost, toll.missed, toll.unmarked))
        print(f"{fault.name:<24}{figures(toll.natstui)}{figures(toll.bare)}{counts}", flush=True)
    print()
    print(f"{'stream of three replicas':<24}{'acked':>10}{'lost':>10}")
    for name, disturb in (("kill -9 of one node", kill_one), ("rolling restart", restart_all)):
        acknowledged, missing = await stored_while(disturb)
        print(f"{name:<24}{acknowledged:>10,}{missing:>10,}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="runs of each fault (default 10)")
    asyncio.run(main(parser.parse_args().runs))
