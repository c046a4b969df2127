"""What of a JetStream stream's acknowledged messages a cluster's faults lose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client

from natstui.connection import ConnectionManager, ConnectOptions, ManagedConnectionError
from tests.clusters import NatsCluster
from tests.waiting import until

PATIENCE = 60.0
ACKED = 400


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


CASES = {"kill -9 of one node": kill_one, "rolling restart": restart_all}
