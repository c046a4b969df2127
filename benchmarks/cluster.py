"""How long a cluster's faults keep a subscriber waiting, and what they cost: `python -m benchmarks.cluster`.

natstui beside bare nats-py on the same nodes, in the same run. README.md says what the columns mean.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.cluster_load import Toll, load
from benchmarks.cluster_stream import CASES as STREAM_CASES
from benchmarks.cluster_stream import stored_while
from natstui.connection import ServerDiscovered, ServerRemoved
from tests.clusters import NatsCluster
from tests.faults import Proxy
from tests.islands import NoNamespaceError, cluster_with, island
from tests.servers import NatsServer

PINGS = {"ping_interval": 0.5, "max_outstanding_pings": 2}
"""Where silence has to be noticed; of both clients, and of the servers too."""
SERVER_PINGS = {"ping_interval": 0.5, "ping_max": 2}
LAME_DUCK = {"lame_duck_duration": 30.0, "lame_duck_grace_period": 0.2}


async def node_struck(strike: Callable[[NatsServer], None], toll: Toll, publisher_too: bool = False) -> None:
    """The subscribers' node ends; the publisher is on another one, or on that one."""
    with NatsCluster(3, **LAME_DUCK) as cluster:
        doomed, near, stable = cluster.nodes
        publishers_node = doomed if publisher_too else near
        async with load(toll, doomed.url, [[publishers_node.url]], [[stable.url]]) as running:
            running.disturbed()
            await asyncio.to_thread(strike, doomed)
            await running.left(doomed.url)


async def node_frozen(toll: Toll) -> None:
    """The subscribers' node stops in its tracks, its sockets open."""
    with NatsCluster(3, **SERVER_PINGS) as cluster:
        doomed, near, stable = cluster.nodes
        async with load(toll, doomed.url, [[near.url]], [[stable.url]], PINGS) as running:
            running.disturbed()
            await asyncio.to_thread(doomed.freeze)
            await running.left(doomed.url)


async def rolling_restart(toll: Toll) -> None:
    """Each node in turn, while two publishers and two collectors see to it that one of each is never struck."""
    with NatsCluster(3) as cluster:
        first, second, third = cluster.nodes
        never_both = [[second.url, first.url], [third.url, first.url]]
        async with load(toll, first.url, never_both, never_both) as running:
            for node in cluster.nodes:
                running.disturbed()
                await asyncio.to_thread(node.restart)
                await asyncio.to_thread(cluster.wait_until_formed, 60.0)
                await running.goes_on()


async def added_and_removed(toll: Toll) -> None:
    """A fourth node comes, the subscribers' node leaves for good, then the fourth does, whoever may be on it."""
    with NatsCluster(3) as cluster:
        leaving, near, stable = cluster.nodes
        async with load(toll, leaving.url, [[near.url]], [[stable.url]]) as running:
            added = await asyncio.to_thread(cluster.add_node)
            await running.subscriber.record.first(ServerDiscovered, server=added.url)
            running.disturbed()
            await asyncio.to_thread(cluster.remove_node, leaving)
            await running.left(leaving.url)
            await asyncio.to_thread(cluster.remove_node, added)
            await running.subscriber.record.first(ServerRemoved, server=added.url)
            await running.left(added.url)


async def cut_off(toll: Toll) -> None:
    """A network namespace with the subscribers' node and one publisher's falls out of reach, then comes back."""
    with island() as made, cluster_with(made, **SERVER_PINGS) as (far, near, stable):
        async with load(toll, far.url, [[near.url], [far.url]], [[stable.url]], PINGS) as running:
            running.disturbed()
            await asyncio.to_thread(made.cut)
            await running.left(far.url)
            await asyncio.to_thread(made.mend)
            await running.goes_on()


async def silent_proxy(toll: Toll) -> None:
    """The same with a proxy that passes nothing on and keeps all sockets open."""
    with NatsCluster(3, **SERVER_PINGS) as cluster:
        far, near, stable = cluster.nodes
        async with (
            Proxy(far.url) as proxy,
            load(toll, proxy.url, [[near.url], [proxy.url]], [[stable.url]], PINGS) as running,
        ):
            running.disturbed()
            proxy.silence()
            await running.left(proxy.url)
            proxy.pass_on()
            await running.goes_on()


CASES: dict[str, Callable[[Toll], Awaitable[None]]] = {
    "kill -9": partial(node_struck, NatsServer.kill),
    "kill -9, publisher there": partial(node_struck, NatsServer.kill, publisher_too=True),
    "SIGTERM": partial(node_struck, NatsServer.terminate),
    "lame duck": partial(node_struck, NatsServer.lame_duck),
    "rolling restart of all": rolling_restart,
    "added, removed": added_and_removed,
    "freeze": node_frozen,
    "partition, namespaces": cut_off,
    "partition, silent proxy": silent_proxy,
}


def figures(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:>10.0f}{max(seconds) * 1000:>10.0f}"


async def main(runs: int, wanted: list[str]) -> None:
    """Print both tables."""
    logging.disable(logging.CRITICAL)
    print(f"{'':<26}{'natstui, ms':>20}{'bare nats-py, ms':>20}")
    heads = "".join(f"{head:>10}" for head in ("p50", "max", "p50", "max", "confirmed", "lost", "missed", "unmarked"))
    print(f"{'fault, ' + str(runs) + ' runs each':<26}{heads}")
    for name, case in CASES.items():
        if wanted and not any(word in name for word in wanted):
            continue
        toll = Toll()
        try:
            for _ in range(runs):
                await case(toll)
        except NoNamespaceError as problem:
            print(f"{name:<26}  not run, no network namespace to be had: {problem}")
            continue
        counts = "".join(f"{count:>10,}" for count in (toll.confirmed, toll.lost, toll.missed, toll.unmarked))
        print(f"{name:<26}{figures(toll.natstui)}{figures(toll.bare)}{counts}", flush=True)
    if wanted:
        return
    print()
    print(f"{'stream of three replicas':<26}{'acked':>10}{'lost':>10}")
    for name, disturb in STREAM_CASES.items():
        acknowledged, missing = await stored_while(disturb)
        print(f"{name:<26}{acknowledged:>10,}{missing:>10,}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", help="only those whose name holds one of these words")
    parser.add_argument("--runs", type=int, default=10, help="runs of each fault (default 10)")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.runs, arguments.faults))
