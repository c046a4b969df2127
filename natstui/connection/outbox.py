"""Messages published while no server is connected."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from natstui.connection.errors import BufferFullError

if TYPE_CHECKING:
    from natstui.connection.client import NatsClient

_BYTES_LIMIT = 64 << 20


@dataclass(slots=True, eq=False)
class Buffered:
    """One message that waits."""

    subject: str
    reply: str
    payload: bytes
    header_block: bytes
    written: asyncio.Future[NatsClient] | None = None
    """The client that it was handed to, once it was; fails when the message is given up."""


class Outbox:
    """A queue of at most `capacity` messages and 64 MiB, in the order of publishing."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._messages: deque[Buffered] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Buffered) -> None:
        """Queue a message.

        Raises:
            BufferFullError: it does not fit.
        """
        size = len(message.payload) + len(message.header_block)
        if len(self._messages) >= self._capacity:
            raise BufferFullError(
                f"not connected, and {len(self._messages):,} messages wait already",
                "wait for the reconnect, or raise client_capacity",
            )
        if self._bytes + size > _BYTES_LIMIT:
            raise BufferFullError(
                f"not connected, and {self._bytes >> 20:,} of {_BYTES_LIMIT >> 20} MiB wait already",
                "wait for the reconnect",
            )
        self._messages.append(message)
        self._bytes += size

    def take(self) -> Buffered | None:
        """Return the message that has waited longest, off the queue; None when empty."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._bytes -= len(message.payload) + len(message.header_block)
        return message

    def withdraw(self, message: Buffered) -> bool:
        """Take a message back; False where it has gone out already."""
        try:
            self._messages.remove(message)
        except ValueError:
            return False
        self._bytes -= len(message.payload) + len(message.header_block)
        return True

    def discard(self, error: Exception) -> int:
        """Give all of it up; return how many messages that were."""
        count = len(self._messages)
        while (message := self.take()) is not None:
            if message.written is not None and not message.written.done():
                message.written.set_exception(error)
        return count
