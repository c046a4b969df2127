"""What a client tells the managed connection that owns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from natstui.connection.client import NatsClient


class ClientOwner(Protocol):
    """What a client tells its managed connection; every call is synchronous and must not raise."""

    def ping_sent(self, client: NatsClient, outstanding: int) -> None:
        """A keep-alive PING was written."""

    def pong_received(self, client: NatsClient, rtt: float, outstanding: int) -> None:
        """A PONG was read."""

    def info_received(self, client: NatsClient, info: dict[str, Any]) -> None:
        """The server sent INFO, in the handshake or later."""

    def server_error(self, client: NatsClient, text: str) -> None:
        """The server sent -ERR."""

    def messages_received(self, client: NatsClient, count: int) -> None:
        """Messages were read."""

    def client_lost(self, client: NatsClient, reason: Exception) -> None:
        """The connection is gone; said once."""
