"""A subscription that outlives the connections it is restored on."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from natstui.connection.message import Message, Record
from natstui.connection.tasks import begin

Handler = Callable[[Message], Any]
Batch = Callable[[list[Record]], None]

_BYTES_LIMIT = 128 << 20
_SLICE_SECONDS = 0.01


class SubscriptionOwner(Protocol):
    """What a subscription asks of, and tells, its managed connection."""

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Take it off the server and forget it."""

    def subscription_ended(self, subscription: Subscription) -> None:
        """`max_msgs` messages have come."""

    def messages_dropped(self, subscription: Subscription, count: int) -> None:
        """The handler did not keep up."""

    def handler_raised(self, subscription: Subscription, error: Exception) -> None:
        """The handler raised."""


class Subscription:
    """Interest in a subject, restored on every server that the connection comes to.

    Messages go to `batch` at once, a chunk at a time; or one by one to `handler`, which may be async, from a queue of
    `capacity` messages (and 128 MiB): what does not fit is dropped, counted and told.
    """

    def __init__(
        self,
        owner: SubscriptionOwner,
        subject: str,
        queue: str,
        max_msgs: int,
        handler: Handler | None,
        batch: Batch | None,
        capacity: int,
        *,
        internal: bool = False,
    ) -> None:
        self.subject = subject
        self.queue = queue
        """The queue group; empty for none."""
        self.max_msgs = max_msgs
        """Messages after which it ends by itself; 0 for never."""
        self.received = 0
        """Messages that came for it, dropped ones included."""
        self.dropped = 0
        """Messages dropped because the handler did not keep up."""
        self.denied = ""
        """What the server said when it refused the subscription; empty while it stands."""
        self.active = True
        """Whether it is (or will be, once connected) subscribed."""
        self.internal = internal
        """Whether it serves requests, and so neither holds a connection open nor is shown."""
        self._owner = owner
        self._batch = batch
        self._handler = handler
        self._is_async = handler is not None and _is_async(handler)
        self._capacity = capacity
        self._waiting: deque[Record] = deque()
        self._waiting_bytes = 0
        self._pump_task: asyncio.Task[None] | None = None

    @property
    def remaining(self) -> int:
        """What remains of `max_msgs`; 0 without a limit."""
        return max(0, self.max_msgs - self.received) if self.max_msgs else 0

    @property
    def is_delivered(self) -> bool:
        """Whether everything received has been handled."""
        return not self._waiting and (self._pump_task is None or self._pump_task.done())

    async def delivered(self) -> None:
        """Wait until everything received has been handled."""
        while self._pump_task is not None and not self._pump_task.done():
            await asyncio.wait({self._pump_task})

    async def unsubscribe(self) -> None:
        """End it: no message is delivered after this returns."""
        self.stop()
        await self._owner.unsubscribe(self)

    def stop(self) -> None:
        """Deliver nothing more."""
        self.active = False
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._pump_task is not None and self._pump_task is not asyncio.current_task():
            self._pump_task.cancel()

    def accept(self, records: list[Record]) -> bool:
        """Take a chunk's messages; return whether it ended with them. Never raises, never blocks for long."""
        if self.max_msgs and len(records) > self.remaining:
            records = records[: self.remaining]
        self.received += len(records)
        if self._batch is not None:
            try:
                self._batch(records)
            except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the connection
                self._owner.handler_raised(self, error)
        else:
            self._enqueue(records)
        ended = bool(self.max_msgs) and self.received >= self.max_msgs
        if ended:
            self.active = False
            self._owner.subscription_ended(self)
        return ended

    def _enqueue(self, records: list[Record]) -> None:
        fresh: Iterator[Record] = iter(records)
        result = None
        if not self._is_async and self.is_delivered:
            result = self._handle_slice(fresh)
        dropped = 0
        for record in fresh:
            if len(self._waiting) >= self._capacity or self._waiting_bytes > _BYTES_LIMIT:
                dropped += 1
                continue
            self._waiting.append(record)
            self._waiting_bytes += len(record[2]) + len(record[3])
        if (result is not None or self._waiting) and (self._pump_task is None or self._pump_task.done()):
            self._start_pump(result)
        if dropped:
            self.dropped += dropped
            self._owner.messages_dropped(self, dropped)

    def _start_pump(self, result: Awaitable[Any] | None) -> None:
        self._pump_task = begin(self._pump(result), "natstui handler")
        self._pump_task.add_done_callback(self._pump_ended)

    def _pump_ended(self, task: asyncio.Task[None]) -> None:
        if task is self._pump_task and task.cancelled() and self._waiting:
            # What a handler awaited was cancelled, and the task with it: that ends one message, not the rest.
            self._start_pump(None)

    def _take_waiting(self) -> Iterator[Record]:
        while self._waiting:
            record = self._waiting.popleft()
            self._waiting_bytes -= len(record[2]) + len(record[3])
            yield record

    def _handle_slice(self, records: Iterator[Record]) -> Awaitable[Any] | None:
        """Hand over messages until the time is up or the handler returns something to await."""
        assert self._handler is not None
        deadline = perf_counter() + _SLICE_SECONDS
        for record in records:
            try:
                result = self._handler(Message(record))
            except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the connection
                self._owner.handler_raised(self, error)
            else:
                if inspect.isawaitable(result):
                    self._is_async = True
                    return result
            if perf_counter() > deadline:
                break
        return None

    async def _pump(self, result: Awaitable[Any] | None) -> None:
        yield_at = perf_counter() + _SLICE_SECONDS
        while result is not None or self._waiting:
            if result is not None:
                try:
                    await result
                except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the connection
                    self._owner.handler_raised(self, error)
            if perf_counter() > yield_at:
                await asyncio.sleep(0)
                yield_at = perf_counter() + _SLICE_SECONDS
            result = self._handle_slice(self._take_waiting())


def _is_async(handler: Handler) -> bool:
    function = handler.func if isinstance(handler, partial) else handler
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
