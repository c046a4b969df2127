"""The proxy and the scripted server do to a client what they say."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors
import pytest

from tests.conftest import Connect
from tests.faults import Peer, Proxy, ScriptedServer
from tests.servers import NatsServer
from tests.waiting import until

Proxies = Callable[..., Awaitable[Proxy]]

# --- proxy -------------------------------------------------------------------------------------------


async def test_the_proxy_passes_on_and_counts(
    nats_server: NatsServer, proxy_factory: Proxies, connect: Connect
) -> None:
    proxy = await proxy_factory(nats_server.url)
    first = await connect(proxy.url)
    await connect(proxy.url)
    assert await first.rtt() > 0
    assert (proxy.accepted, proxy.open_connections) == (2, 2)
    await first.close()
    await until(lambda: proxy.open_connections == 1)


async def test_a_silent_proxy_fills_the_clients_buffer_and_passes_all_on_later(
    nats_server: NatsServer, proxy_factory: Proxies
) -> None:
    proxy = await proxy_factory(nats_server.url, receive_buffer=4096)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    await reader.readline()
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    proxy.silence()
    await until(lambda: _fill(writer), what="the send buffer fills", timeout=10)
    proxy.pass_on()
    await until(lambda: writer.transport.get_write_buffer_size() == 0, timeout=10)
    writer.write(b"PING\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"PONG\r\n"), 10)).endswith(b"PONG\r\n")
    writer.close()


def _fill(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"PUB fill 8192\r\n" + b"x" * 8192 + b"\r\n")
    return writer.transport.get_write_buffer_size() > 0


async def test_a_proxy_that_drops_lets_the_clients_bytes_through(
    nats_server: NatsServer, proxy_factory: Proxies, connect: Connect
) -> None:
    proxy = await proxy_factory(nats_server.url)
    behind, direct = await connect(proxy.url), await connect(nats_server.url)
    heard = await direct.subscribe("up")
    await direct.flush()
    proxy.drop_from_server()
    await behind.publish("up", b"x")
    assert (await heard.next_msg(5)).data == b"x"
    with pytest.raises(nats.errors.TimeoutError):
        await behind.rtt(0.2)  # type: ignore[arg-type]


@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_ends_the_connection(nats_server: NatsServer, proxy_factory: Proxies, reset: bool) -> None:
    proxy = await proxy_factory(nats_server.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    await reader.readline()
    await proxy.cut(reset=reset)
    if reset:
        with pytest.raises(ConnectionResetError):
            await reader.read()
    else:
        assert await reader.read() == b""
    assert proxy.open_connections == 0
    writer.transport.abort()
    await until(lambda: not nats_server.connections())


async def test_a_delay_holds_each_way(nats_server: NatsServer, proxy_factory: Proxies, connect: Connect) -> None:
    proxy = await proxy_factory(nats_server.url)
    client = await connect(proxy.url)
    proxy.delay(0.1)
    assert await client.rtt() >= 0.2


async def test_a_refusing_proxy_comes_back_on_its_port(nats_server: NatsServer, proxy_factory: Proxies) -> None:
    proxy = await proxy_factory(nats_server.url)
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", proxy.port)
    await proxy.accept()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert (await reader.readline()).startswith(b"INFO")
    writer.transport.abort()


# --- scripted server ---------------------------------------------------------------------------------


async def test_a_scripted_server_is_a_server_to_nats_py(
    scripted_server: Callable[..., Awaitable[ScriptedServer]], connect: Connect
) -> None:
    said: list[dict[str, Any]] = []

    async def script(peer: Peer) -> None:
        said.append(await peer.handshake(max_payload=77))
        await peer.serve()

    server = await scripted_server(script)
    client = await connect(server.url, name="me")
    await client.publish("a.b", b"hello\r\n")
    await client.flush()
    assert client.max_payload == 77
    assert said[0]["name"] == "me"
    assert server.accepted == 1
    assert b"hello\r\n" in server.peers[0].received
    assert json.dumps(said[0])


async def test_a_scripted_server_sends_what_no_server_would(
    scripted_server: Callable[..., Awaitable[ScriptedServer]],
) -> None:
    async def script(peer: Peer) -> None:
        await peer.send_info(nonce=f"n{peer.number}", headers=None)
        await peer.send(b"-ERR\r\n")
        peer.eof()
        await peer.hold()

    server = await scripted_server(script)
    for number in (1, 2):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        text = await reader.read()
        assert json.loads(text.split(b"\r\n")[0].removeprefix(b"INFO "))["nonce"] == f"n{number}"
        assert b"headers" not in text
        assert text.endswith(b"-ERR\r\n")
        writer.close()


async def test_a_wrong_step_of_the_script_fails_the_test() -> None:
    async def script(peer: Peer) -> None:
        await peer.expect(b"CONNECT")

    server = await ScriptedServer(script).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"PING\r\n")
    await reader.read()
    writer.close()
    with pytest.raises(AssertionError, match="expected b'CONNECT', got b'PING'"):
        await server.stop()
