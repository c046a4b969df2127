"""Waiting for a condition instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

POLL = 0.01


async def until(predicate: Callable[[], Any], timeout: float = 5.0, what: str = "") -> Any:
    """Wait until `predicate()` (plain or async) is true and return its value.

    Fails with the name of what was awaited and the last value seen after `timeout` seconds. The predicate is asked
    once more after the deadline, so a test process that got no CPU does not fail for that.
    """
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline
        value = predicate()
        if inspect.isawaitable(value):
            value = await _value(value)
        if value:
            return value
        if late:
            raise AssertionError(_failure(predicate, value, timeout, what))
        await asyncio.sleep(POLL)


def until_sync(predicate: Callable[[], Any], timeout: float = 5.0, what: str = "") -> Any:
    """`until` for tests and fixtures without an event loop."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline
        value = predicate()
        if value:
            return value
        if late:
            raise AssertionError(_failure(predicate, value, timeout, what))
        time.sleep(POLL)


async def _value(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _failure(predicate: Callable[[], Any], value: object, timeout: float, what: str) -> str:
    return f"not within {timeout:g} s: {what or _name(predicate)} (last value: {value!r})"


def _name(predicate: Callable[[], Any]) -> str:
    try:
        return " ".join(inspect.getsource(predicate).split())
    except (OSError, TypeError):
        return getattr(predicate, "__qualname__", repr(predicate))
