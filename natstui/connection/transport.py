"""nats-py's transports with what they lack: one deadline, stages, counted bytes, a handshake that reads on.

Only this file and `client.py` touch nats-py's private names; `nats_py_contract.py` checks them at import.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import ParseResult

from nats.aio.transport import TcpTransport, WebSocketTransport
from nats.errors import ProtocolError, UnexpectedEOF

from natstui.connection.address import parse_local_address
from natstui.connection.errors import Stage
from natstui.connection.flow import Flow
from natstui.connection.name_lookup import look_up
from natstui.connection.options import ConnectOptions
from natstui.connection.pool import PoolServer
from natstui.connection.tasks import begin

WRITE_BUFFER_HIGH = 1 << 20
"""Bytes that may wait for the socket before publishers are held back."""
_READ_LIMIT = 1 << 18
_GIVE_BACK_PATIENCE = 0.5
_PING = b"PING\r\n"
_PONG = b"PONG\r\n"


class TransportWatcher(Protocol):
    """What a transport tells its client while connecting."""

    def reached(self, stage: Stage) -> None:
        """A stage begins."""

    def early_info(self, line: bytes) -> None:
        """An INFO came ahead of the handshake's PONG."""


class _Handshake:
    """Reads the handshake line by line and hands nats-py only the lines that it can take.

    nats-py takes whatever comes after CONNECT for the answer to its PING: an INFO or PING ahead of the PONG leaves it
    CONNECTING for ever, and the end of the stream counts as success (nats-py-2.16.md, defect 13).
    """

    watcher: TransportWatcher
    bytes_in = 0
    bytes_out = 0

    def __init__(self) -> None:
        self.flow = Flow(self.write)
        """What a fault drill stops."""
        self.addresses: list[tuple[str, int]] = []
        """What the name lookup found."""
        self._greeted = False
        self._first_ping_at: float | None = None
        self.first_rtt: float | None = None
        """Seconds between the handshake's PING and its PONG."""

    async def _next_line(self) -> bytes:
        raise NotImplementedError

    def write(self, payload: bytes) -> None:
        """Hand bytes to the network; never blocks."""
        raise NotImplementedError

    def _count_write(self, payload: bytes) -> None:
        self.bytes_out += len(payload)
        if payload == _PING and self._first_ping_at is None:
            self._first_ping_at = asyncio.get_running_loop().time()
            self.watcher.reached(Stage.FIRST_PING)

    async def _handshake_line(self, write: Callable[[bytes], Any]) -> bytes:
        while True:
            line = await self._next_line()
            self.bytes_in += len(line)
            if not line.endswith(b"\n"):
                raise UnexpectedEOF
            if not self._greeted:
                if line.startswith((b"PING", b"+OK")):
                    continue
                self._greeted = line.startswith(b"INFO")
                return line
            if line.startswith(b"PONG"):
                if self._first_ping_at is not None:
                    self.first_rtt = asyncio.get_running_loop().time() - self._first_ping_at
                return line
            if line.startswith(b"-ERR"):
                return line
            if line.startswith(b"PING"):
                write(_PONG)
            elif line.startswith(b"INFO"):
                self.watcher.early_info(line)
            elif not line.startswith(b"+OK"):
                raise ProtocolError


class TcpLink(_Handshake, TcpTransport):  # type: ignore[misc,unused-ignore]
    """TCP, and TLS over it."""

    _io_reader: Any
    _io_writer: Any
    _bare_io_writer: Any

    def __init__(self, options: ConnectOptions, watcher: TransportWatcher) -> None:
        _Handshake.__init__(self)
        TcpTransport.__init__(self)  # type: ignore[no-untyped-call]
        self._options = options
        self.watcher = watcher
        self._connect_line = b""

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Look the name up, then try its addresses one after the other.

        Raises:
            OSError: nothing answered; the last address's error.
        """
        self.watcher.reached(Stage.NAME_LOOKUP)
        addresses = self.addresses = await look_up(uri.hostname or "", uri.port or 4222)
        self.watcher.reached(Stage.TCP)
        limit = max(_READ_LIMIT, self._options.read_buffer_capacity)
        patience = self._options.connection_timeout / len(addresses)
        failure: OSError = OSError("the name has no address")
        for host, port in addresses:
            try:
                async with asyncio.timeout(None if len(addresses) == 1 else patience):
                    reader, writer = await self._dial(host, port, limit)
            except OSError as error:
                failure = error
                continue
            writer.transport.set_write_buffer_limits(high=WRITE_BUFFER_HIGH)
            self._bare_io_reader = self._io_reader = reader
            self._bare_io_writer = self._io_writer = writer
            self.watcher.reached(Stage.HANDSHAKE)
            return
        raise failure

    async def _dial(self, host: str, port: int, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        local = _local_address(self._options)
        if local is None or not local[1]:
            return await asyncio.open_connection(host, port, limit=limit, local_addr=local)
        # Without SO_REUSEADDR a port of one's own is refused for a minute after each connection from it.
        dialled = _reusing_socket((socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 0))
        try:
            dialled.bind(local)
            await asyncio.get_running_loop().sock_connect(dialled, (host, port))
            return await asyncio.open_connection(sock=dialled, limit=limit)
        except BaseException:
            dialled.close()
            raise

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        """Upgrade to TLS.

        Raises:
            ssl.SSLError: the peer's certificate was refused, or ours, or the peer speaks no TLS.
        """
        self.watcher.reached(Stage.TLS)
        reader = asyncio.StreamReader(limit=max(_READ_LIMIT, self._options.read_buffer_capacity))
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(
            self._io_writer.transport,
            protocol,
            ssl_context,
            server_hostname=uri if isinstance(uri, str) else uri.hostname,
        )
        if transport is None:
            raise ConnectionResetError("the connection closed during the TLS handshake")
        transport.set_write_buffer_limits(high=WRITE_BUFFER_HIGH)
        # start_tls leaves this out, and without it the reader can hold nobody back.
        protocol.connection_made(transport)
        self._io_reader = reader
        self._io_writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self.watcher.reached(Stage.HANDSHAKE)

    async def _next_line(self) -> bytes:
        line: bytes = await self._io_reader.readline()
        return line

    async def readline(self) -> bytes:
        """Return the next handshake line that nats-py can take."""
        return await self._handshake_line(self.write)

    async def read(self, buffer_size: int) -> bytes:
        """Return what has come, up to the read buffer's capacity; b"" at the end."""
        data = await self.flow.arriving(self._io_reader.read(buffer_size))
        self.bytes_in += len(data)
        return data

    def write(self, payload: bytes) -> None:
        """Hand bytes to the socket; never blocks.

        CONNECT leaves together with the PING behind it: where the server has hung up already, a second write fails
        before what it said (such as "maximum connections exceeded") is read.
        """
        if self.flow.is_stalled:
            self.flow.hold(payload)
            return
        self._count_write(payload)
        if payload.startswith(b"CONNECT "):
            self._connect_line = payload
            return
        self._io_writer.write(self._connect_line + payload)
        self._connect_line = b""

    async def drain(self) -> None:
        """Wait until the socket takes more, or the connection is gone."""
        await self.flow.going()
        await TcpTransport.drain(self)  # type: ignore[no-untyped-call]

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """Tasks that have to run as long as the connection stands: none."""
        return ()

    def unwritten(self) -> int:
        """Bytes that the socket has not taken yet."""
        waiting: int = 0 if self._io_writer is None else self._io_writer.transport.get_write_buffer_size()
        return waiting + self.flow.held_bytes

    def tls_object(self) -> ssl.SSLObject | None:
        """The TLS session, if there is one."""
        found: ssl.SSLObject | None = self._io_writer.get_extra_info("ssl_object") if self._io_writer else None
        return found

    def reset(self) -> None:
        """Cut the connection with a TCP reset, as a fault would: the reading side finds out by itself."""
        self.flow.reset()
        if self._bare_io_writer is not None:
            _reset_on_close(self._bare_io_writer.get_extra_info("socket"))
            self._bare_io_writer.transport.abort()

    def abort(self) -> None:
        """Close at once: no flush, no TLS farewell, nothing to wait for."""
        self.flow.end()
        for writer in (self._io_writer, self._bare_io_writer):
            if writer is not None:
                writer.transport.abort()


class WebSocketLink(_Handshake, WebSocketTransport):  # type: ignore[misc,unused-ignore]
    """NATS over a websocket, through aiohttp (the extra ``natstui[websocket]``)."""

    _ws: Any
    _client: Any

    def __init__(self, options: ConnectOptions, watcher: TransportWatcher, server: PoolServer) -> None:
        _Handshake.__init__(self)
        WebSocketTransport.__init__(self)
        self._options = options
        self.watcher = watcher
        self._url = server.url
        self._tls_name = options.tls_hostname or server.tls_name
        self._unread = b""
        self._unsent = 0
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Look the name up and open the websocket."""
        await self._open(uri, None)

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        """Open the websocket over TLS; nothing to do where it is open already."""
        if self._ws is None:
            assert not isinstance(uri, str)
            await self._open(uri, ssl_context)

    async def _open(self, uri: ParseResult, ssl_context: ssl.SSLContext | None) -> None:
        import aiohttp

        self.watcher.reached(Stage.NAME_LOOKUP)
        await self._client.close()
        addresses = self.addresses = await look_up(uri.hostname or "", uri.port or 80)
        self.watcher.reached(Stage.TCP)
        connector = aiohttp.TCPConnector(
            local_addr=_local_address(self._options),
            resolver=_LookedUp(addresses),  # type: ignore[arg-type,unused-ignore]
            socket_factory=_reusing_socket,
        )
        self._client = aiohttp.ClientSession(connector=connector)
        try:
            self._ws = await self._client.ws_connect(
                self._url,
                ssl=ssl_context if ssl_context is not None else True,
                server_hostname=self._tls_name if ssl_context is not None else None,
                max_msg_size=0,
                autoping=True,
            )
        except aiohttp.ClientConnectorCertificateError as error:
            raise error.certificate_error from error
        except aiohttp.ClientConnectorError as error:
            raise error.os_error from error
        except aiohttp.WSServerHandshakeError as error:
            raise ConnectionError(0, f"no websocket there: it answered with HTTP status {error.status}") from error
        except aiohttp.ClientError as error:
            raise ConnectionError(0, "no websocket there: it answers as no web server does") from error
        self._using_tls = ssl_context is not None
        self._sender = begin(self._send_frames(), "natstui websocket sender")
        self._sender.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.watcher.reached(Stage.HANDSHAKE)

    async def _send_frames(self) -> None:
        while True:
            frame = await self._frames.get()
            try:
                await self._ws.send_bytes(frame)
            finally:
                self._unsent -= len(frame)
                self._frames.task_done()

    async def _frame(self) -> bytes:
        data: bytes = await WebSocketTransport.readline(self)  # type: ignore[no-untyped-call]
        return data

    async def _next_line(self) -> bytes:
        while b"\n" not in self._unread:
            frame = await self._frame()
            if not frame:
                return b""
            self._unread += frame
        line, separator, self._unread = self._unread.partition(b"\n")
        return line + separator

    async def readline(self) -> bytes:
        """Return the next handshake line that nats-py can take."""
        return await self._handshake_line(self.write)

    async def read(self, buffer_size: int) -> bytes:
        """Return the next frame; b"" at the end."""
        data = self._unread or await self.flow.arriving(self._frame())
        self._unread = b""
        self.bytes_in += len(data)
        return data

    def write(self, payload: bytes) -> None:
        """Queue a frame; never blocks."""
        if self.flow.is_stalled:
            self.flow.hold(payload)
            return
        self._count_write(payload)
        self._unsent += len(payload)
        self._frames.put_nowait(payload)

    async def drain(self) -> None:
        """Wait until the frames are with the socket, or the connection is gone."""
        await self.flow.going()
        if self._sender is None or self._sender.done():
            raise ConnectionResetError("the websocket is closed")
        joining = asyncio.ensure_future(self._frames.join())
        try:
            await asyncio.wait({joining, self._sender}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            joining.cancel()

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """Tasks that have to run as long as the connection stands."""
        return () if self._sender is None else (self._sender,)

    def unwritten(self) -> int:
        """Bytes that the socket has not taken yet."""
        return self._unsent + self.flow.held_bytes

    def tls_object(self) -> ssl.SSLObject | None:
        """The TLS session, if there is one."""
        found: ssl.SSLObject | None = self._ws.get_extra_info("ssl_object") if self._ws is not None else None
        return found

    def reset(self) -> None:
        """Cut the connection with a TCP reset, as a fault would: the reading side finds out by itself."""
        self.flow.reset()
        _reset_on_close(self._carrier)
        self._shut_carrier()

    def close(self) -> None:
        """Close at once: a websocket's farewell would wait for a peer that may be frozen."""
        self.abort()

    async def wait_closed(self) -> None:
        """Wait until everything is given back."""
        if self._closing is not None:
            await asyncio.shield(self._closing)

    def abort(self) -> None:
        """Close at once: no close frame, nothing to wait for."""
        if self._closing is not None:
            return
        self.flow.end()
        if self._sender is not None:
            self._sender.cancel()
        self._shut_carrier()
        self._closing = begin(self._give_back(), "natstui websocket close")
        _closing.add(self._closing)
        self._closing.add_done_callback(_closing.discard)

    @property
    def _carrier(self) -> Any:
        return None if self._ws is None else self._ws.get_extra_info("socket")

    def _shut_carrier(self) -> None:
        carrier = self._carrier
        if carrier is not None:
            try:
                carrier.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    async def _give_back(self) -> None:
        """Let aiohttp close what it holds. The socket is shut already, so its close frame waits for nobody."""
        try:
            if self._ws is not None:
                async with asyncio.timeout(_GIVE_BACK_PATIENCE):
                    await self._ws.close()
        except TimeoutError:
            pass
        finally:
            await self._client.close()


class _LookedUp:
    """aiohttp's resolver, for a name that has been looked up already: its own does that in threads that hold up the end
    of the process when a name server never answers."""

    def __init__(self, addresses: list[tuple[str, int]]) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address, port in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


_closing: set[asyncio.Task[None]] = set()

Link = TcpLink | WebSocketLink


def _reset_on_close(carrier: Any) -> None:
    """Have the socket send RST in place of FIN when it is closed."""
    if carrier is not None:
        try:
            carrier.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass


def _reusing_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket that may bind a port of which an earlier connection is not long gone."""
    made = socket.socket(*info[:3])
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def _local_address(options: ConnectOptions) -> tuple[str, int] | None:
    return None if options.local_address is None else parse_local_address(options.local_address)
