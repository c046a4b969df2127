"""What everything is compared with: nats-py alone, one subscription with a callback that counts. A process of its own.

Each line on its standard input is answered with JSON: the messages counted since the last, the seconds from the first
of them to the last, and the CPU seconds used since.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import nats
from nats.aio.msg import Msg


async def run(url: str, subject: str) -> None:
    """Subscribe, and answer until standard input ends."""
    count = 0
    first = last = 0.0
    cpu = time.process_time()

    async def counted(_message: Msg) -> None:
        nonlocal count, first, last
        last = time.perf_counter()
        if not count:
            first = last
        count += 1

    async def ignore(_error: Exception) -> None:
        """A slow consumer is told once per message dropped."""

    over = asyncio.Event()

    def answer() -> None:
        nonlocal count, cpu
        if not sys.stdin.readline():
            over.set()
            return
        used = time.process_time()
        print(json.dumps({"received": count, "seconds": last - first, "cpu": used - cpu}), flush=True)
        count, cpu = 0, used

    client = await nats.connect(url, name="bare", error_cb=ignore)
    await client.subscribe(subject, cb=counted)
    await client.flush()
    asyncio.get_running_loop().add_reader(0, answer)
    print("ready", flush=True)
    await over.wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))
