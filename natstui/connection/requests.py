"""Requests: one wildcard subscription for all replies, and a token for each (async-nats's multiplexer)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from natstui.connection.message import Message, Record

Sink = Callable[[Message | Exception], None]


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
