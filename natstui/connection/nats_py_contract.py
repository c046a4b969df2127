"""The self-check: what natstui relies on in nats-py must be there, as it was in 2.16."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from nats.aio import transport
from nats.aio.client import Client
from nats.aio.transport import TcpTransport, WebSocketTransport
from nats.protocol.parser import Parser

from natstui.connection.errors import ProtocolMismatchError

EXPECTED_VERSION = "2.16.*"
"""The nats-py release that `natstui.connection` is built on."""


def check_nats_py() -> None:
    """Check all that `client.py`, `transport.py` and `nats_py_import.py` rely on; called when the client is imported.

    Raises:
        ProtocolMismatchError: something is missing or has changed; the message names it and the version expected.
    """
    check_signatures(
        Client,
        {
            "_select_next_server": "self",
            "_process_info": "self info initial_connection",
            "_process_connect_init": "self",
            "_connect_command": "self",
            "_read_loop": "self",
            "_ping_interval": "self",
            "_flusher": "self",
            "_send_ping": "self future",
            "_process_ping": "self",
            "_process_pong": "self",
            "_process_err": "self err_msg",
            "_process_op_err": "self e",
            "_process_msg": "self sid subject reply data headers",
            "_send_command": "self cmd priority",
            "_flush_pending": "self force_flush",
            "_close": "self status do_cbs",
            "ssl_context": "self",
        },
    )
    check_signatures(Parser, {"parse": "self data", "reset": "self"})
    check_signatures(
        TcpTransport,
        {
            "connect": "self uri buffer_size connect_timeout",
            "connect_tls": "self uri ssl_context buffer_size connect_timeout",
            "readline": "self",
            "read": "self buffer_size",
            "write": "self payload",
            "drain": "self",
            "close": "self",
            "wait_closed": "self",
        },
    )
    check_signatures(WebSocketTransport, {"__init__": "self ws_headers", "readline": "self", "drain": "self"})
    if not hasattr(transport, "aiohttp"):
        raise _mismatch("nats.aio.transport.aiohttp is missing")
    check_attributes(
        TcpTransport(),  # type: ignore[no-untyped-call]
        {name: type(None) for name in ("_io_reader", "_io_writer", "_bare_io_reader", "_bare_io_writer")},
    )
    check_attributes(
        Client(),
        {
            "_ps": Parser,
            "_server_pool": list,
            "_server_info": dict,
            "_max_payload": int,
            "_pending": list,
            "_pending_data_size": int,
            "_pings_outstanding": int,
            "_pongs_received": int,
            "_sid": int,
            "_status": int,
            "_reading_task": type(None),
            "_ping_interval_task": type(None),
            "_flusher_task": type(None),
            "_transport": type(None),
            "_current_server": type(None),
        },
    )


def check_signatures(owner: type, expected: Mapping[str, str]) -> None:
    """Compare methods' parameter lists with those relied on.

    Raises:
        ProtocolMismatchError: one is missing or takes other parameters; the message names it.
    """
    for name, parameters in expected.items():
        found = getattr(owner, name, None)
        if found is None:
            raise _mismatch(f"{owner.__name__}.{name} is missing")
        target: Any = found.fget if isinstance(found, property) else found
        given = " ".join(inspect.signature(target).parameters)
        if given != parameters:
            raise _mismatch(f"{owner.__name__}.{name} takes ({given}) instead of ({parameters})")


def check_attributes(instance: object, expected: Mapping[str, type | tuple[type, ...]]) -> None:
    """Compare a fresh instance's attributes with those relied on.

    Raises:
        ProtocolMismatchError: one is missing or of another type; the message names it.
    """
    owner = type(instance).__name__
    for name, kind in expected.items():
        if not hasattr(instance, name):
            raise _mismatch(f"{owner}.{name} is missing")
        if not isinstance(getattr(instance, name), kind):
            raise _mismatch(f"{owner}.{name} is a {type(getattr(instance, name)).__name__}")


def _mismatch(what: str) -> ProtocolMismatchError:
    try:
        installed = version("nats-py")
    except PackageNotFoundError:
        installed = "unknown"
    return ProtocolMismatchError(
        f"natstui is built on nats-py {EXPECTED_VERSION}, but {installed} is installed and {what}",
        f"pip install 'nats-py[nkeys]=={EXPECTED_VERSION}'",
    )
