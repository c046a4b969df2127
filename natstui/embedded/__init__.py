"""`natstui demo`: a real nats-server and sample traffic that end with the program that started them."""

from __future__ import annotations

from natstui.embedded.binary import find_nats_server
from natstui.embedded.server import EmbeddedServer, EmbeddedServerError

__all__ = ["EmbeddedServer", "EmbeddedServerError", "find_nats_server"]
