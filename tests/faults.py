"""Faults of the network and of servers: a proxy that misbehaves on request, and a peer that plays a script."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Self
from urllib.parse import urlsplit

HOST = "127.0.0.1"
CHUNK = 65_536
QUEUED_CHUNKS = 16


class Proxy:
    """A TCP proxy in front of a server, in the test's own event loop. `async with Proxy(server.url) as proxy`.

    Starts by passing everything on. `receive_buffer` (bytes) shrinks the kernel's buffer towards the client, so that
    the client's send buffer fills soon once the proxy is silent.
    """

    def __init__(self, target: str, receive_buffer: int | None = None) -> None:
        address = urlsplit(target)
        assert address.hostname is not None and address.port is not None, target
        self._target = (address.hostname, address.port)
        self._scheme = address.scheme
        self._receive_buffer = receive_buffer
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._links: dict[asyncio.Task[None], list[socket.socket]] = {}
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._dropping = False
        self._delay = 0.0
        self.port = 0
        self.accepted = 0
        """Connections ever accepted."""
        self.bytes_from_client = 0
        self.bytes_from_server = 0
        self.said: bytearray | None = None
        """All that clients sent, once `record` was called."""

    @property
    def url(self) -> str:
        return f"{self._scheme}://{HOST}:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._links)

    def record(self) -> Self:
        """Keep what clients send from now on, in `said`."""
        self.said = bytearray()
        return self

    @property
    def publishes(self) -> list[bytes]:
        """The PUB and HPUB lines in what was recorded."""
        assert self.said is not None, "record() was not called"
        return [line for line in bytes(self.said).splitlines() if line.upper().startswith((b"PUB", b"HPUB"))]

    # --- faults: for present and later connections alike ----------------------------------------------

    def pass_on(self) -> None:
        """Healthy again; what a silent proxy held back goes out first."""
        self._dropping = False
        self._delay = 0.0
        self._flowing.set()

    def silence(self) -> None:
        """Read nothing from either side, keep all sockets open, accept new ones: the client's send buffer fills."""
        self._flowing.clear()

    def drop_from_server(self) -> None:
        """Throw away what the server sends; the client's bytes still arrive there."""
        self._dropping = True

    def delay(self, seconds: float) -> None:
        """Every chunk arrives `seconds` later, each way, in order and without narrowing the throughput."""
        self._delay = seconds

    async def cut(self, reset: bool = False) -> None:
        """Close all present connections on both sides, with FIN or with RST. New ones are accepted."""
        links = list(self._links.items())
        for task, sockets in links:
            if reset:
                for end in sockets:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            task.cancel()
        await asyncio.gather(*(task for task, _ in links), return_exceptions=True)

    async def refuse(self) -> None:
        """Stop listening: new connections are refused. Present ones go on."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._accepting = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        listener.setblocking(False)
        listener.bind((HOST, self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._accepting = asyncio.create_task(self._accept(listener))

    # --- life -----------------------------------------------------------------------------------------

    async def start(self) -> Self:
        await self.accept()
        return self

    async def stop(self) -> None:
        await self.refuse()
        await self.cut()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            self.accepted += 1
            sockets = [client]
            task = asyncio.create_task(self._link(client, sockets))
            self._links[task] = sockets
            task.add_done_callback(lambda done: self._links.pop(done, None))

    async def _link(self, client: socket.socket, sockets: list[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        server = socket.socket()
        sockets.append(server)
        try:
            for end in sockets:
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._flowing.wait()
            await loop.sock_connect(server, self._target)
            async with asyncio.TaskGroup() as group:
                for source, sink in ((client, server), (server, client)):
                    chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED_CHUNKS)
                    group.create_task(self._read(source, chunks, from_server=source is server))
                    group.create_task(self._write(sink, chunks))
        except* OSError:
            pass
        finally:
            for end in sockets:
                end.close()

    async def _read(self, source: socket.socket, chunks: asyncio.Queue[tuple[float, bytes]], from_server: bool) -> None:
        loop = asyncio.get_running_loop()
        data = b"-"
        while data:
            await self._flowing.wait()
            data = await loop.sock_recv(source, CHUNK)
            await self._flowing.wait()
            if from_server:
                self.bytes_from_server += len(data)
            else:
                self.bytes_from_client += len(data)
                if self.said is not None:
                    self.said += data
            if data and from_server and self._dropping:
                continue
            await chunks.put((loop.time() + self._delay, data))

    async def _write(self, sink: socket.socket, chunks: asyncio.Queue[tuple[float, bytes]]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await chunks.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await self._flowing.wait()
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            await loop.sock_sendall(sink, data)


class Peer:
    """One connection to a `ScriptedServer`, in its script's hands."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, info: dict[str, Any]
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        """1 for the first connection, 2 for the second …"""
        self.received: list[bytes] = []
        """Every line (and payload) read so far, without line ends."""
        self._info = info

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send_info(self, **overrides: Any) -> None:
        """INFO as a plain server sends it, with `overrides`; a value of None removes the key."""
        info = {key: value for key, value in (self._info | overrides).items() if value is not None}
        await self.send(b"INFO " + json.dumps(info).encode() + b"\r\n")

    async def read_line(self, timeout: float = 5.0) -> bytes:
        """The next line without its end; ConnectionResetError where the client has gone."""
        async with asyncio.timeout(timeout):
            line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the client has gone")
        line = line.rstrip(b"\r\n")
        self.received.append(line)
        return line

    async def read_operation(self, timeout: float = 5.0) -> tuple[bytes, bytes]:
        """The next operation's line and, for PUB and HPUB, what follows it (headers and payload)."""
        line = await self.read_line(timeout)
        if line.split(b" ", 1)[0].upper() not in (b"PUB", b"HPUB"):
            return line, b""
        async with asyncio.timeout(timeout):
            body = await self.reader.readexactly(int(line.rsplit(b" ", 1)[1]) + 2)
        self.received.append(body[:-2])
        return line, body[:-2]

    async def expect(self, start: bytes, timeout: float = 5.0) -> bytes:
        """The next line, which must begin with `start`; a wrong one fails the test when the server stops."""
        line = await self.read_line(timeout)
        assert line.startswith(start), f"expected {start!r}, got {line!r}"
        return line

    async def handshake(self, **overrides: Any) -> dict[str, Any]:
        """INFO, CONNECT, PING, PONG; returns what the client said in CONNECT."""
        await self.send_info(**overrides)
        connect = await self.expect(b"CONNECT ")
        await self.expect(b"PING")
        await self.send(b"PONG\r\n")
        said: dict[str, Any] = json.loads(connect.removeprefix(b"CONNECT "))
        return said

    async def serve(self, answer_pings: bool = True) -> None:
        """Read on (into `received`), answering PINGs, until the client goes."""
        while True:
            line, _ = await self.read_operation(timeout=3600)
            if answer_pings and line == b"PING":
                await self.send(b"PONG\r\n")

    async def hold(self) -> None:
        """Read nothing, keep the socket open until the server is stopped."""
        await asyncio.Event().wait()

    def eof(self) -> None:
        """FIN from here; the client may still send."""
        self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass

    def reset(self) -> None:
        """RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class ScriptedServer:
    """A TCP peer that plays `script(peer)` on every connection, for what no real server does.

    A connection is closed when its script returns. An exception in a script (other than "the client has gone" and
    the end of the server) is raised by `stop()`, so a wrong step fails the test.
    """

    def __init__(self, script: Script, ssl_context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._ssl = ssl_context
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self.peers: list[Peer] = []
        """All connections so far, oldest first."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    @property
    def accepted(self) -> int:
        return len(self.peers)

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._connected, HOST, self.port, ssl=self._ssl, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._errors:
            raise self._errors.pop(0)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _info(self) -> dict[str, Any]:
        return {
            "server_id": "SCRIPTED",
            "server_name": "scripted",
            "version": "2.11.0",
            "proto": 1,
            "go": "go1.24",
            "host": HOST,
            "port": self.port,
            "headers": True,
            "max_payload": 1_048_576,
            "client_id": len(self.peers),
            "client_ip": HOST,
        }

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, len(self.peers) + 1, {})
        self.peers.append(peer)
        peer._info = self._info()
        task = asyncio.get_running_loop().create_task(self._play(peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, peer: Peer) -> None:
        try:
            await self._script(peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:  # noqa: BLE001 - it is raised again by stop()
            self._errors.append(error)
        finally:
            peer.writer.close()
