"""One way to receive messages, in a process of its own: natstui's connection with some of its levers not pulled.

Answers as `benchmarks.bare` does: each line on its standard input with JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from nats.protocol.parser import Parser

from natstui.connection import client as client_module
from natstui.connection.manager import ConnectionManager
from natstui.connection.message import Message, Record
from natstui.connection.options import ConnectOptions
from natstui.stream.ring import MessageRing

LEVERS = ("chunk", "batch", "large-reads", "ring")
"""What can be pulled: the parser that walks chunks, lists of records for a subscription, reads of 256 kB, and a ring
that keeps 100,000 messages, which is no lever but what they are for."""

KEPT = 100_000


def let_go(levers: Sequence[str]) -> None:
    """Take the levers that are not named out of the client."""
    changed: Any = client_module
    if "chunk" not in levers:

        async def process_msg(
            self: Any, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
        ) -> None:
            waiting = self._deliver(b"%d" % sid, [(bytes(subject), bytes(reply), bytes(data), headers or b"")])
            if waiting is not None:
                await waiting

        changed.ChunkParser = lambda client, *_: Parser(client)
        changed.NatsClient._process_msg = process_msg
    if "large-reads" not in levers:
        changed._READ_AT_MOST = 0


async def run(url: str, subject: str, levers: Sequence[str]) -> None:
    """Subscribe, and answer until standard input ends."""
    let_go(levers)
    count = 0
    first = last = 0.0
    cpu = time.process_time()
    ring = MessageRing(KEPT) if "ring" in levers else None

    def counted(number: int) -> None:
        nonlocal count, first, last
        last = time.perf_counter()
        if not count:
            first = last
        count += number

    def batch(records: list[Record]) -> None:
        counted(len(records))
        if ring is not None:
            ring.extend(records)

    def handle(_message: Message) -> None:
        counted(1)

    over = asyncio.Event()

    def answer() -> None:
        nonlocal count, cpu
        if not sys.stdin.readline():
            over.set()
            return
        used = time.process_time()
        print(json.dumps({"received": count, "seconds": last - first, "cpu": used - cpu}), flush=True)
        count, cpu = 0, used

    async with ConnectionManager() as manager:
        connection = manager.add(ConnectOptions(servers=[url], name="lever"))
        if "batch" in levers:
            await connection.subscribe(subject, batch=batch)
        else:
            await connection.subscribe(subject, handle)
        await connection.flush()
        asyncio.get_running_loop().add_reader(0, answer)
        print("ready", flush=True)
        await over.wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], sys.argv[3:]))
