"""Runs a command to its end, or until a signal ends it; connections are closed either way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine


def run_until_ended(command: Coroutine[object, object, int]) -> int:
    """Run a command on an event loop of its own and return its exit code; 128 + the signal where one ended it."""
    return asyncio.run(_run(command))


async def _run(command: Coroutine[object, object, int]) -> int:
    loop = asyncio.get_running_loop()
    task = loop.create_task(command, name="natstui command")
    ended_by: list[int] = []

    def end(number: int) -> None:
        ended_by.append(number)
        task.cancel()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        try:
            number = getattr(signal, name)
            loop.add_signal_handler(number, end, number)
        except (AttributeError, NotImplementedError, RuntimeError, ValueError):
            continue
    try:
        return await task
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return 128 + ended_by[0]
