"""aiohttp is imported for websockets, nats-py's JetStream for whoever uses it, and for nothing else."""

from __future__ import annotations

import subprocess
import sys

from tests.servers import NatsServer

CONNECT = """
import asyncio, sys
from natstui.connection import ConnectOptions, ConnectionManager

async def main(url):
    async with ConnectionManager() as manager:
        connection = manager.add(ConnectOptions(servers=[url]))
        await connection.open()
        await connection.flush(timeout=5)
    print("nats" in sys.modules, "nats.js" in sys.modules, "aiohttp" in sys.modules)

asyncio.run(main(sys.argv[1]))
"""


def _connect_to(url: str) -> str:
    done = subprocess.run([sys.executable, "-c", CONNECT, url], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_a_tcp_connection_does_without_aiohttp() -> None:
    with NatsServer() as server:
        assert _connect_to(server.url) == "True False False"


def test_a_websocket_has_it() -> None:
    with NatsServer(websocket=True) as server:
        assert _connect_to(server.websocket_url) == "True False True"


def test_who_imports_nats_py_afterwards_has_its_websockets() -> None:
    check = (
        "from natstui.connection.nats_py_import import import_nats_py; import_nats_py();"
        "import nats.aio.transport as t; print(t.aiohttp.WSMsgType.BINARY.name, bool(t.aiohttp))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "BINARY True"


def test_who_imports_nats_py_afterwards_has_its_jetstream() -> None:
    check = (
        "from natstui.connection.nats_py_import import import_nats_py; import_nats_py();"
        "import nats; client = nats.NATS(); print(type(client.jetstream()).__name__, nats.js.api.Header.STATUS.value);"
        "import nats.js as js; from nats.js import JetStreamContext; "
        "print(isinstance(client.jetstream(), JetStreamContext),"
        "js is nats.js, hasattr(nats, 'no_such_thing'))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["JetStreamContext", "Status", "True", "True", "False"]
