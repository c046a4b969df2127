"""One nats-py client for one TCP connection, with the defects of nats-py 2.16 kept from its user.

Reconnecting, the server pool, buffering and restoring subscriptions are not nats-py's here: `ManagedConnection` makes a
fresh client for every attempt, and this client only ever connects once and is lost once.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable
from typing import Any

from nats.aio.client import Client, Srv
from nats.protocol import command

from natstui.connection.address import UserInfo
from natstui.connection.auth import connect_fields
from natstui.connection.awaited_pongs import AwaitedPongs
from natstui.connection.boot_clock import seconds_since_boot
from natstui.connection.client_owner import ClientOwner
from natstui.connection.errors import (
    ConnectionLostError,
    OpenError,
    OperationTimeoutError,
    ReadOnlyError,
    Stage,
    StaleError,
    TcpError,
)
from natstui.connection.failures import connection_loss, open_failure
from natstui.connection.message import Record, check_size, holds_publish
from natstui.connection.nats_py_contract import check_nats_py
from natstui.connection.nats_py_options import nats_py_options
from natstui.connection.options import ConnectOptions
from natstui.connection.parser import ChunkParser
from natstui.connection.ping_schedule import PingSchedule, Tick
from natstui.connection.pool import PoolServer
from natstui.connection.subscription import Subscription
from natstui.connection.tls import tls_context, tls_not_offered
from natstui.connection.transport import WRITE_BUFFER_HIGH, Link, TcpLink, WebSocketLink

_PING = b"PING\r\n"
_PONG = b"PONG\r\n"
_WRITE_AHEAD = 1 << 16
_READ_AT_MOST = 1 << 18
_CLOSE_PATIENCE = 0.5


class NatsClient(Client):  # type: ignore[misc,unused-ignore]
    """A nats-py client that connects once, to one server, within one deadline, and never hangs."""

    _reading_task: Any
    _ping_interval_task: Any

    def __init__(self, options: ConnectOptions, server: PoolServer, owner: ClientOwner) -> None:
        super().__init__()
        self._ps = ChunkParser(self, self._deliver, self._server_error)
        self._connect_options = options
        self._server = server
        self._owner = owner
        self._link: Link | None = None
        self._lost: Exception | None = None
        self._established = False
        self._auth_fields: dict[str, str] = {}
        self._subscriptions: dict[bytes, Subscription] = {}
        self._awaited_pongs = AwaitedPongs()
        self._write_scheduled = False
        self._last_server_error = ""
        self._last_read: float | None = None
        self.quiet_before = 0.0
        """Seconds without a byte before what was read last."""
        self.in_msgs = 0
        self.out_msgs = 0
        self.last_rtt: float | None = None
        """Seconds of the last PING's round trip."""
        self.timeline: list[tuple[Stage, float]] = []
        """The stages reached while connecting, each with when it began (`time.perf_counter`)."""

    # -- establishing -------------------------------------------------------------------------------------------

    async def establish(self, userinfo: UserInfo | None = None) -> None:
        """Connect: name lookup, TCP, TLS, INFO, CONNECT and first ping, within `connection_timeout` altogether.

        Raises:
            OpenError: typed by the stage that failed.
        """
        options = self._connect_options
        self._userinfo = userinfo
        try:
            async with asyncio.timeout(options.connection_timeout):
                await self.connect(**nats_py_options(options, self._server))
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, it gets its type and its sentence
            self._lose(error)
        if self._lost is not None:
            raise self._failure(self._lost)
        self._established = True
        for task in self._own_tasks:
            task.add_done_callback(self._task_ended)

    def reached(self, stage: Stage) -> None:
        """Note that a stage of connecting begins."""
        self.timeline.append((stage, time.perf_counter()))

    @property
    def stage(self) -> Stage:
        """The stage of connecting reached last."""
        return self.timeline[-1][0] if self.timeline else Stage.NAME_LOOKUP

    def early_info(self, line: bytes) -> None:
        """Take an INFO that came ahead of the handshake's PONG."""
        try:
            self._take_info(json.loads(line[4:]))
        except ValueError:
            pass

    def _failure(self, error: BaseException) -> OpenError:
        return open_failure(error, self._server.address, self.stage, self._auth_fields, self._connect_options)

    async def _select_next_server(self) -> None:
        server: Srv = self._server_pool[0]
        self._current_server = server
        address = self._server.address
        if address.is_websocket:
            if self._connect_options.wants_tls and not address.wants_tls:
                raise tls_not_offered(address.url, "use wss:// in place of ws://")
            try:
                link: Link = WebSocketLink(self._connect_options, self, self._server)
            except ImportError:
                raise TcpError(address.url, "websocket URLs need aiohttp", "pip install 'natstui[websocket]'") from None
        else:
            link = TcpLink(self._connect_options, self)
        self._link = self._transport = link
        if address.scheme == "wss":
            await link.connect_tls(server.uri, self.ssl_context, 0, 0)
        else:
            await link.connect(server.uri, 0, 0)

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The context to connect with, made from the options anew."""
        return tls_context(self._connect_options, self._server.url)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if not initial_connection:
            self._take_info(info)
            return
        options, address = self._connect_options, self._server.address
        if (options.wants_tls or address.wants_tls) and not address.is_websocket:
            if not (info.get("tls_required") or info.get("tls_available")) and not options.tls_first:
                raise tls_not_offered(address.url, "connect without TLS options, or turn TLS on in the server")
            info["tls_required"] = True
        self._owner.info_received(self, info)
        self.reached(Stage.AUTHENTICATION)
        nonce = str(info.get("nonce", "")).encode()
        self._auth_fields = await connect_fields(options, self._userinfo, nonce, address.url)
        self.reached(Stage.HANDSHAKE)

    def _take_info(self, info: dict[str, Any]) -> None:
        self._server_info = {**self._server_info, **info}
        self._max_payload = info.get("max_payload", self._max_payload)
        self._owner.info_received(self, info)

    def _connect_command(self) -> bytes:
        fields = json.loads(super()._connect_command().split(b" ", 1)[1])
        return b"CONNECT " + json.dumps({**fields, **self._auth_fields}, sort_keys=True).encode() + b"\r\n"

    # -- what the server told -----------------------------------------------------------------------------------

    @property
    def server_info(self) -> dict[str, Any]:
        """The server's INFO, as last told."""
        info: dict[str, Any] = self._server_info
        return info

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._lost is not None

    @property
    def pings_outstanding(self) -> int:
        """Keep-alive pings without an answer."""
        count: int = self._pings_outstanding
        return count

    @property
    def is_alive(self) -> bool:
        """Whether the connection stands and the client's own tasks run."""
        return not self.is_lost and not any(task.done() for task in self._own_tasks)

    @property
    def _own_tasks(self) -> tuple[asyncio.Task[None], ...]:
        assert self._link is not None
        return (self._reading_task, self._ping_interval_task, *self._link.tasks)

    @property
    def bytes_in(self) -> int:
        """Bytes read from the network."""
        return self._link.bytes_in if self._link else 0

    @property
    def bytes_out(self) -> int:
        """Bytes handed to the network."""
        return self._link.bytes_out if self._link else 0

    @property
    def link(self) -> Link | None:
        """The transport, as soon as there is one."""
        return self._link

    @property
    def handshake_rtt(self) -> float | None:
        """Seconds that the handshake's ping took."""
        return self._link.first_rtt if self._link else None

    @property
    def presented_jwt(self) -> str:
        """The user JWT that went into CONNECT; empty for none."""
        return self._auth_fields.get("jwt", "")

    def silent_for(self) -> float | None:
        """Seconds since anything was read; None once the server has closed the connection in order."""
        return None if self._last_read is None else seconds_since_boot() - self._last_read

    # -- reading ------------------------------------------------------------------------------------------------

    async def _read_loop(self) -> None:
        # nats-py makes this task before the connection is anybody's; where tasks start eagerly it would read at once.
        await asyncio.sleep(0)
        link, capacity = self._link, self._connect_options.read_buffer_capacity
        assert link is not None
        self._last_read = seconds_since_boot()
        reason: ConnectionLostError
        try:
            while self._lost is None:
                data = await link.read(capacity)
                if not data:
                    self._last_read = None
                    break
                self.quiet_before, self._last_read = (now := seconds_since_boot()) - self._last_read, now
                self._last_server_error = ""
                if len(data) == capacity:
                    capacity = min(2 * capacity, max(capacity, _READ_AT_MOST))
                await self._ps.parse(data)
            said = self._last_server_error
            reason = ConnectionLostError(
                f"the server closed the connection, saying: {said}" if said else "the server closed the connection"
            )
        except Exception as error:  # noqa: BLE001 - nats-py leaves a zombie here (defect 8)
            reason = connection_loss(error)
        self._lose(reason)

    def _deliver(self, sid: bytes, records: list[Record]) -> Awaitable[None] | None:
        self.in_msgs += len(records)
        subscription = self._subscriptions.get(sid)
        if subscription is None:
            return self._deliver_to_nats_py(int(sid), records)
        self._owner.messages_received(self, len(records))
        if subscription.accept(records):
            del self._subscriptions[sid]
        return None

    async def _deliver_to_nats_py(self, sid: int, records: list[Record]) -> None:
        for subject, reply, payload, header_block in records:
            await self._process_msg(sid, subject, reply, payload, header_block)

    def _server_error(self, text: str) -> None:
        self._last_server_error = text
        self._owner.server_error(self, text)

    async def _process_err(self, err_msg: str) -> None:
        self._server_error(err_msg)

    # -- pinging ------------------------------------------------------------------------------------------------

    async def _ping_interval(self) -> None:
        """Ping every interval, and give the server up when it leaves as many unanswered as allowed."""
        loop = asyncio.get_running_loop()
        interval, allowed = self._connect_options.ping_interval, self._connect_options.max_outstanding_pings
        schedule = PingSchedule(interval, allowed, loop.time())
        while self._lost is None:
            await asyncio.sleep(schedule.next_tick - loop.time())
            todo = schedule.tick(loop.time(), self._pings_outstanding)
            if todo is Tick.STALE:
                self._lose(StaleError(f"no pong: {allowed} of {allowed} pings unanswered, one every {interval:g} s"))
            elif todo is Tick.PING:
                self._pings_outstanding += 1
                self._ping(None)
                self._owner.ping_sent(self, self._pings_outstanding)

    def _ping(self, answered: asyncio.Future[None] | None) -> None:
        self._awaited_pongs.sent(answered)
        self._write(_PING)

    async def _send_ping(self, future: asyncio.Future[None] | None = None) -> None:
        self._ping(future)

    async def _process_pong(self) -> None:
        self._pings_outstanding = 0
        self._pongs_received += 1
        self._last_server_error = ""
        rtt = self._awaited_pongs.answer()
        if rtt is not None:
            self.last_rtt = rtt
            self._owner.pong_received(self, rtt, 0)

    async def _process_ping(self) -> None:
        self._write(_PONG)

    async def flush(self, timeout: float = 10) -> None:
        """Return once the server has processed all that was written before.

        Raises:
            OperationTimeoutError: no answer within `timeout` seconds; the connection is left as it is.
            ConnectionLostError: the connection broke first.
        """
        if self._lost is not None:
            raise self._lost_error()
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ping(answered)
        try:
            async with asyncio.timeout(timeout):
                await answered
        except TimeoutError:
            raise OperationTimeoutError(f"the server did not answer a ping within {timeout:g} s") from None

    # -- writing ------------------------------------------------------------------------------------------------

    def _write(self, payload: bytes) -> None:
        if self._connect_options.read_only and holds_publish(payload):
            raise ReadOnlyError
        if self._lost is not None:
            return
        self._pending.append(payload)
        self._pending_data_size += len(payload)
        if not self._write_scheduled:
            self._write_scheduled = True
            asyncio.get_running_loop().call_soon(self._write_pending)

    def _write_pending(self) -> None:
        self._write_scheduled = False
        if self._pending and self._lost is None and self._link is not None:
            payload = b"".join(self._pending)
            self._pending.clear()
            self._pending_data_size = 0
            self._link.write(payload)

    async def _send_command(self, cmd: bytes, priority: bool = False) -> None:
        self._write(cmd)
        await self._keep_pace()

    async def _flush_pending(self, force_flush: bool = False) -> None:
        return None

    async def _flusher(self) -> None:
        return None

    async def _keep_pace(self) -> None:
        """Wait while the socket takes no more; ended by the loss of the connection at the latest."""
        assert self._link is not None
        if self._pending_data_size < _WRITE_AHEAD and self._link.unwritten() < WRITE_BUFFER_HIGH:
            return
        self._write_pending()
        try:
            await self._link.drain()
        except OSError:
            raise self._lost_error() from None
        if self._lost is not None:
            raise self._lost_error()
        await asyncio.sleep(0)

    def _lost_error(self) -> ConnectionLostError:
        return ConnectionLostError(f"the connection was lost: {self._lost}")

    def post(self, subject: str, reply: str, payload: bytes, header_block: bytes) -> None:
        """Write one message, without waiting for the socket.

        Raises:
            ReadOnlyError: the options forbid it.
            PayloadTooLargeError: the server would not take it.
        """
        check_size(len(payload) + len(header_block), self._max_payload)
        if header_block:
            line = command.hpub_cmd(subject, reply, header_block, payload)
        else:
            line = command.pub_cmd(subject, reply, payload)
        self._write(line)
        self.out_msgs += 1

    async def send(self, subject: str, reply: str, payload: bytes, header_block: bytes) -> None:
        """Write one message, and wait while the socket takes no more.

        Raises:
            PayloadTooLargeError: the server would not take it.
            ConnectionLostError: the connection broke while the socket took no more.
        """
        self.post(subject, reply, payload, header_block)
        await self._keep_pace()

    def attach(self, subscription: Subscription) -> None:
        """Subscribe on this connection: SUB, and UNSUB with what remains of `max_msgs`."""
        self._sid += 1
        sid = str(self._sid).encode()
        self._subscriptions[sid] = subscription
        self._write(command.sub_cmd(subscription.subject, subscription.queue, self._sid))
        if subscription.remaining:
            self._write(command.unsub_cmd(self._sid, subscription.remaining))

    def detach(self, subscription: Subscription, *, keep_receiving: bool = False) -> None:
        """Unsubscribe; with `keep_receiving`, what the server sent before it took note is still delivered."""
        for sid, attached in list(self._subscriptions.items()):
            if attached is subscription:
                self._write(command.unsub_cmd(int(sid), 0))
                if not keep_receiving:
                    del self._subscriptions[sid]

    # -- the end ------------------------------------------------------------------------------------------------

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._lose(connection_loss(None if task.cancelled() else task.exception()))

    async def _process_op_err(self, e: Exception) -> None:
        self._lose(e)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        self.abort()

    def abort(self) -> None:
        """Close at once, and tell nobody."""
        self._end(ConnectionLostError("closed"))

    async def shut(self, patience: float = _CLOSE_PATIENCE) -> None:
        """Write what is pending, close, and abort after `patience` seconds."""
        if self._lost is None and self._link is not None:
            link = self._link
            self._write_pending()
            self._lost = ConnectionLostError("closed")
            try:
                async with asyncio.timeout(patience):
                    await link.drain()
                    link.close()
                    await link.wait_closed()
            except (OSError, TimeoutError):
                pass
            finally:
                self._lost = None
                self.abort()

    def _lose(self, reason: Exception) -> None:
        if self._lost is None:
            self._end(reason)
            if self._established:
                self._owner.client_lost(self, reason)

    def _end(self, reason: Exception) -> None:
        if self._lost is not None:
            return
        self._lost = reason
        self._status = Client.CLOSED
        self._pings_outstanding = 0
        self._pending.clear()
        self._pending_data_size = 0
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None and not task.done() and task is not asyncio.current_task():
                task.cancel()
        self._awaited_pongs.fail(self._lost_error())
        if self._link is not None:
            self._link.abort()


check_nats_py()
