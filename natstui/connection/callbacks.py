"""Callers' async callbacks, called so that they can neither hang nor end what calls them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from natstui.connection.tasks import begin


async def call_within(seconds: float, what: str, callback: Callable[..., Any], *arguments: Any) -> Any:
    """Call `callback`, await it where it is to be awaited, and return what it returns.

    It has a task of its own: one that swallows its cancellation is left behind, and one that raises CancelledError
    does not cancel its caller.

    Raises:
        TimeoutError: it did not return within `seconds`; the message names it as `what`.
        Exception: whatever it raised.
    """
    task = begin(_result(callback, arguments), f"natstui {what}")
    _running.add(task)
    task.add_done_callback(_forget)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not task.done():
        raise TimeoutError(f"{what} did not return within {seconds:g} s")
    if task.cancelled():
        raise RuntimeError(f"{what} cancelled itself")
    return task.result()


async def _result(callback: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    result = callback(*arguments)
    return await result if inspect.isawaitable(result) else result


def _forget(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()


_running: set[asyncio.Task[Any]] = set()
