"""Requests: one wildcard subscription for all replies, and a token for each (async-nats's multiplexer)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from natstui.connection.message import Message, Record

Sink = Callable[[Message | Exception], None]

_BYTES_LIMIT = 128 << 20


class ReplyQueue:
    """Replies to one request that wait to be looked at: at most `capacity` of them, and 128 MiB.

    `dropped` is called for each reply that does not fit. An error always fits: it ends the request.
    """

    def __init__(self, capacity: int, dropped: Callable[[], None]) -> None:
        self._capacity = capacity
        self._dropped = dropped
        self._waiting: asyncio.Queue[tuple[float, Message | Exception]] = asyncio.Queue()
        self._bytes = 0

    def put(self, item: Message | Exception) -> None:
        """Take a reply, or what ended the request."""
        if isinstance(item, Message):
            if self._waiting.qsize() >= self._capacity or self._bytes > _BYTES_LIMIT:
                self._dropped()
                return
            self._bytes += _size(item)
        self._waiting.put_nowait((asyncio.get_running_loop().time(), item))

    async def get(self) -> tuple[float, Message | Exception]:
        """Return the next reply, or what ended the request, and when it came (the event loop's time)."""
        at, item = await self._waiting.get()
        if isinstance(item, Message):
            self._bytes -= _size(item)
        return at, item


def _size(message: Message) -> int:
    return len(message.data) + len(message.header_block)


class RequestMultiplexer:
    """Hands each reply to the request whose token ends its subject."""

    def __init__(self, inbox_prefix: str) -> None:
        self.prefix = f"{inbox_prefix}.{secrets.token_hex(11)}."
        self._sinks: dict[str, Sink] = {}

    @property
    def subject(self) -> str:
        """The subject of the one subscription."""
        return f"{self.prefix}*"

    def add(self, sink: Sink) -> str:
        """Return a reply subject; what comes on it, and the loss of the connection, goes to `sink`."""
        token = secrets.token_hex(8)
        self._sinks[token] = sink
        return self.prefix + token

    def remove(self, reply: str) -> None:
        """Forget a request; replies that are late for it are dropped."""
        self._sinks.pop(reply[len(self.prefix) :], None)

    def accept(self, records: list[Record]) -> None:
        """Take the replies of one chunk."""
        for record in records:
            sink = self._sinks.get(record[0][len(self.prefix) :].decode("ascii", "replace"))
            if sink is not None:
                sink(Message(record))

    def fail(self, error: Exception) -> None:
        """Fail every request in flight."""
        for sink in list(self._sinks.values()):
            sink(error)
