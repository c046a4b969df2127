"""ConnectOptions as nats-py takes them, for a client that connects once to one server."""

from __future__ import annotations

from typing import Any

from natstui.connection.options import ConnectOptions
from natstui.connection.pool import PoolServer


def nats_py_options(options: ConnectOptions, server: PoolServer) -> dict[str, Any]:
    """Return what `nats.aio.client.Client.connect` is called with.

    Nothing that authenticates is among it, nor what reconnects: natstui does both itself.
    """
    return {
        "servers": [server.url],
        "error_cb": _ignore,
        "allow_reconnect": False,
        "max_reconnect_attempts": 0,
        "connect_timeout": options.connection_timeout,
        "ping_interval": options.ping_interval,
        "max_outstanding_pings": options.max_outstanding_pings,
        "name": options.name or None,
        "no_echo": options.no_echo,
        "tls_hostname": options.tls_hostname or server.tls_name,
        "tls_handshake_first": options.tls_first,
        "inbox_prefix": options.custom_inbox_prefix,
    }


async def _ignore(_error: Exception) -> None:
    """What nats-py would tell its error callback is raised, or told by the client's own hooks."""
