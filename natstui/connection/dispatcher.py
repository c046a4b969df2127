"""Events on their way to listeners: emission never blocks and never raises into the protocol."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from natstui.connection.events import Event
from natstui.connection.tasks import begin

_logger = logging.getLogger("natstui.connection")

Listener = Callable[[Any], Any]

_QUEUE_LIMIT = 10_000
_ASYNC_CALLS_LIMIT = 1_000
_SLOW_LISTENER = 0.1


class EventDispatcher:
    """A bounded queue and one dispatcher, which calls one listener per turn of the event loop.

    Listeners are called in the order of the events. One that raises is logged; one that is slow is named in the
    log, and never holds up more than its own call. When listeners fall 10,000 events behind, the oldest go; an async
    listener with 1,000 calls unfinished is not called for more.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._waiting: deque[tuple[Listener, Event]] = deque(maxlen=_QUEUE_LIMIT)
        self._scheduled = False
        self._async_calls: set[asyncio.Task[None]] = set()

    def add(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the function returned removes it, at once and more than once."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    def emit(self, event: Event) -> None:
        """Queue an event for every listener there is now."""
        for listener in self._listeners:
            self._waiting.append((listener, event))
        self._schedule()

    def _schedule(self) -> None:
        if self._scheduled or not self._waiting:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._scheduled = True
        loop.call_soon(self._dispatch_one)

    def _dispatch_one(self) -> None:
        self._scheduled = False
        if self._waiting:
            self._call(*self._waiting.popleft())
        self._schedule()

    def flush(self) -> None:
        """Deliver everything that waits, now."""
        while self._waiting:
            self._call(*self._waiting.popleft())

    async def settle(self, patience: float) -> None:
        """Deliver everything, and give async listeners `patience` seconds to finish."""
        self.flush()
        calls = {task for task in self._async_calls if task is not asyncio.current_task()}
        if calls:
            _, late = await asyncio.wait(calls, timeout=patience)
            for task in late:
                task.cancel()

    def _call(self, listener: Listener, event: Event) -> None:
        if listener not in self._listeners:
            return
        began = time.perf_counter()
        try:
            result = listener(event)
            if inspect.iscoroutine(result):
                if len(self._async_calls) >= _ASYNC_CALLS_LIMIT:
                    result.close()
                    return
                task = begin(self._await(result), "natstui listener")
                self._async_calls.add(task)
                task.add_done_callback(self._async_calls.discard)
        except Exception:
            _logger.exception("an event listener raised on %s", type(event).__name__)
        took = time.perf_counter() - began
        if took > _SLOW_LISTENER:
            _logger.warning("an event listener took %.0f ms for %s", took * 1000, type(event).__name__)

    @staticmethod
    async def _await(result: Any) -> None:
        try:
            await result
        except Exception:
            _logger.exception("an async event listener raised")
