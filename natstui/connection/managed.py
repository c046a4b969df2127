"""ManagedConnection: a NATS connection that reopens when it is needed, and tells the truth about itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, contextmanager
from datetime import datetime, timedelta
from typing import Any

from natstui.connection import events
from natstui.connection.address import parse_servers
from natstui.connection.drill import DrilledConnection
from natstui.connection.durations import format_duration
from natstui.connection.errors import (
    ConnectionClosedError,
    ConnectionLostError,
    ManagedConnectionError,
    NoRespondersError,
    OperationTimeoutError,
    PermissionDeniedError,
    ReadOnlyError,
)
from natstui.connection.message import Headers, Message, Reply, check_size, encode_headers
from natstui.connection.outbox import Buffered
from natstui.connection.outcome import Outcome, PublishOutcome
from natstui.connection.requests import ReplyQueue
from natstui.connection.state import ConnectionState
from natstui.connection.stats import ConnectionStats, HealthReport
from natstui.connection.subjects import check_publish_subject, check_queue_group, check_subscription_subject
from natstui.connection.subscription import Batch, Handler, Subscription

_logger = logging.getLogger("natstui.connection")

_DEFAULT_MAX_PAYLOAD = 1_048_576


class ManagedConnection(DrilledConnection):
    """One NATS connection, made by `ConnectionManager.add`.

    Every use opens or reopens it as needed; fifty uses at once make one TCP connection. While a lost server is being
    replaced, `publish` queues, `subscribe` registers, and `request` waits.
    """

    # -- publishing ---------------------------------------------------------------------------------------------

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Headers | None = None
    ) -> None:
        """Publish a message: written to the server, or queued while reconnecting.

        Returning does not mean that the server has it: see `publish_confirmed`, or `flush` afterwards.

        Raises:
            ReadOnlyError: the options forbid it.
            SubjectError, HeaderError, PayloadTooLargeError: it cannot be sent as it is.
            BufferFullError: reconnecting, and `client_capacity` messages wait already.
            OpenError, ConnectionLostError, ConnectionClosedError: there is no connection for it.
        """
        message = self._checked_message(subject, reply, payload, headers)
        with self._using():
            if self._must_queue():
                self._outbox.put(message)
                return
            client = await self._ready(while_draining=True)
            await client.send(message.subject, message.reply, message.payload, message.header_block)
            self._tally.last_out = self._wall_clock()

    async def publish_confirmed(
        self,
        subject: str,
        payload: bytes = b"",
        reply: str = "",
        headers: Headers | None = None,
        timeout: float | None = None,
        on_buffered: Callable[[], None] | None = None,
        wait_when_buffered: bool = False,
    ) -> PublishOutcome:
        """Publish a message and find out what became of it (DESIGN part 5).

        While reconnecting the message is queued: `on_buffered` is called at once, and when `timeout` (default
        `request_timeout`) ends before a server has taken it, the outcome is *buffered*, and it still goes out. With
        `wait_when_buffered` it is waited for instead, however long, and `timeout` counts from when it was written.
        Never raises but for a caller's cancellation.
        """
        began = asyncio.get_running_loop().time()
        patience = self.options.request_timeout if timeout is None else timeout
        message: Buffered | None = None

        def outcome(kind: Outcome, reason: str = "") -> PublishOutcome:
            return PublishOutcome(kind, asyncio.get_running_loop().time() - began, reason)

        sent = False
        try:
            message = self._checked_message(subject, reply, payload, headers)
            with self._using(), self._watching_denials(subject) as denied:
                async with asyncio.timeout(patience) as deadline:
                    if self._must_queue():
                        message.written = asyncio.get_running_loop().create_future()
                        self._outbox.put(message)
                        if on_buffered is not None:
                            on_buffered()
                        if wait_when_buffered:
                            deadline.reschedule(None)
                        client = await message.written
                        sent = True
                        if wait_when_buffered:
                            deadline.reschedule(asyncio.get_running_loop().time() + patience)
                    else:
                        client = await self._ready()
                        sent = True
                        await client.send(message.subject, message.reply, message.payload, message.header_block)
                    self._tally.last_out = self._wall_clock()
                    await client.flush(patience)
                if denied:
                    return outcome(Outcome.REFUSED, f"the server does not let this user publish to {subject}")
                return outcome(Outcome.CONFIRMED)
        except TimeoutError:
            if message is not None and message.written is not None and not sent:
                return outcome(Outcome.BUFFERED, "not connected; it goes out when a server is there again")
            if not sent:
                return outcome(Outcome.REFUSED, f"no connection within {patience:g} s; nothing was sent")
            return outcome(Outcome.UNKNOWN, f"the server did not confirm within {patience:g} s; it may still arrive")
        except ManagedConnectionError as error:
            if isinstance(error, ConnectionLostError) and sent:
                return outcome(Outcome.UNKNOWN, f"{error}; it may have arrived")
            return outcome(Outcome.REFUSED, str(error))

    def _checked_message(self, subject: str, reply: str, payload: bytes, headers: Headers | None) -> Buffered:
        if self.options.read_only:
            raise ReadOnlyError
        skip = self.options.skip_subject_validation
        check_publish_subject(subject, skip_tokens=skip)
        if reply:
            check_publish_subject(reply, "the reply subject", skip_tokens=skip)
        header_block = encode_headers(headers)
        limit = self._server_info.get("max_payload", _DEFAULT_MAX_PAYLOAD)
        if self._server_info:
            check_size(len(payload) + len(header_block), limit)
        return Buffered(subject, reply, bytes(payload), header_block)

    @contextmanager
    def _watching_denials(self, subject: str) -> Any:
        denied: list[str] = []

        def watch(denied_subject: str) -> None:
            if denied_subject == subject:
                denied.append(denied_subject)

        self._publish_denied.add(watch)
        try:
            yield denied
        finally:
            self._publish_denied.discard(watch)

    async def flush(self, timeout: float | None = None) -> None:
        """Return once the server has processed everything published before.

        Raises:
            OperationTimeoutError: no answer within `timeout` seconds (default `request_timeout`).
            ConnectionLostError, NotConnectedError, OpenError: there was no connection to flush.
        """
        patience = self.options.request_timeout if timeout is None else timeout
        with self._using():
            client = await self._ready(patience)
            await client.flush(patience)

    # -- subscribing --------------------------------------------------------------------------------------------

    async def subscribe(
        self,
        subject: str,
        handler: Handler | None = None,
        *,
        batch: Batch | None = None,
        queue: str = "",
        max_msgs: int = 0,
    ) -> Subscription:
        """Subscribe; the subscription is restored on every server that the connection comes to.

        `handler(message)` is called for each message (and awaited where it is async); or `batch(records)` once per
        chunk read, with raw ``(subject, reply, payload, header block)`` tuples. Returns when the server has accepted
        it; while reconnecting, at once: it is registered and comes into force with the connection.

        Raises:
            SubjectError: subject or queue group is malformed.
            PermissionDeniedError: the server refused it.
            OpenError, ConnectionClosedError: there is no connection for it.
        """
        check_subscription_subject(subject)
        check_queue_group(queue)
        if max_msgs < 0:
            raise ValueError(f"max_msgs must not be negative, but it was {max_msgs}")
        if (handler is None) == (batch is None):
            raise TypeError("subscribe takes either a handler or batch=")
        capacity = self.options.subscription_capacity
        subscription = Subscription(self, subject, queue, max_msgs, handler, batch, capacity)
        with self._using():
            client = None if self._must_queue() else await self._ready()
            self._subscriptions.append(subscription)
            if client is not None:
                client.attach(subscription)
                try:
                    await client.flush(self.options.request_timeout)
                except (OperationTimeoutError, ConnectionLostError):
                    pass
                except asyncio.CancelledError:
                    subscription.stop()
                    await self.unsubscribe(subscription)
                    raise
                if subscription.denied:
                    refusal = subscription.denied
                    self._forget(subscription)
                    raise PermissionDeniedError(
                        f"the server refused the subscription to {subject} ({refusal})",
                        "ask for the permission, or subscribe to less",
                    )
        return subscription

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """The subscriptions that are restored on reopening, oldest first."""
        return tuple(s for s in self._subscriptions if not s.internal)

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Take a subscription off the server and forget it; `Subscription.unsubscribe` calls this."""
        self._forget(subscription)
        if self._client is not None:
            self._touch()
            self._client.detach(subscription)

    # -- requesting ---------------------------------------------------------------------------------------------

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float | None = None,
        headers: Headers | None = None,
        inbox: str | None = None,
    ) -> Message:
        """Publish a request and return its reply.

        With an `inbox` of one's own, the multiplexer is bypassed and a subscription is made for this request alone.

        Raises:
            ReadOnlyError: the options forbid it.
            NoRespondersError: nobody is subscribed to the subject.
            PermissionDeniedError: the server refused the request, or the inbox for its reply.
            OperationTimeoutError: no reply within `timeout` seconds (default `request_timeout`).
            ConnectionLostError: the connection broke before the reply; whether the request arrived is unknown.
            NotConnectedError, OpenError, ConnectionClosedError: there was no connection for it; nothing was sent.
            SubjectError, HeaderError, PayloadTooLargeError: it cannot be sent as it is.
        """
        replies = self._replies(subject, payload, timeout, headers, inbox, max_replies=1, stall=None)
        async with aclosing(replies):
            async for reply in replies:
                return reply.message
        patience = self.options.request_timeout if timeout is None else timeout
        raise OperationTimeoutError(f"no reply from {subject} within {patience:g} s", "is its service slow or stuck?")

    def request_many(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float | None = None,
        headers: Headers | None = None,
        max_replies: int = 0,
        stall: float | None = None,
    ) -> AsyncIterator[Reply]:
        """Publish a request and yield every reply with its latency.

        It ends after `timeout` seconds (default `request_timeout`), after `max_replies` (0 for no limit), or when
        `stall` seconds pass between two replies.

        Raises: as `request`, but no OperationTimeoutError: no reply at all yields nothing.
        """
        return self._replies(subject, payload, timeout, headers, None, max_replies=max_replies, stall=stall)

    async def _replies(
        self,
        subject: str,
        payload: bytes,
        timeout: float | None,
        headers: Headers | None,
        inbox: str | None,
        *,
        max_replies: int,
        stall: float | None,
    ) -> AsyncGenerator[Reply]:
        loop = asyncio.get_running_loop()
        patience = self.options.request_timeout if timeout is None else timeout
        deadline = loop.time() + patience
        own: Subscription | None = None

        def dropped() -> None:
            if (subscription := own or self._multiplexer_subscription) is not None:
                self.messages_dropped(subscription, 1)

        arrived = ReplyQueue(self.options.subscription_capacity, dropped)
        sink = arrived.put

        def refuse(denied: str) -> None:
            if denied == subject:
                sink(PermissionDeniedError(f"the server does not let this user publish to {subject}"))

        message = self._checked_message(subject, inbox or "", payload, headers)
        with self._using():
            client = await self._ready(patience)
            if inbox is None:
                self._ensure_multiplexer()
                message.reply = self._multiplexer.add(sink)
            else:
                check_subscription_subject(inbox)
                capacity = self.options.subscription_capacity
                own = Subscription(self, inbox, "", max_replies, sink, None, capacity, internal=True)
                self._subscriptions.append(own)
                client.attach(own)
                self._request_sinks[own] = sink
            try:
                self._publish_denied.add(refuse)
                sent = loop.time()
                await client.send(message.subject, message.reply, message.payload, message.header_block)
                self._tally.last_out = self._wall_clock()
                count = 0
                while True:
                    limit = deadline if stall is None or not count else min(deadline, loop.time() + stall)
                    try:
                        async with asyncio.timeout_at(limit):
                            at, item = await arrived.get()
                    except TimeoutError:
                        return
                    if isinstance(item, Exception):
                        raise item
                    if item.status == "503" and not item.data:
                        raise NoRespondersError(
                            f"nobody answers on {subject}", "start its service, or check the subject"
                        )
                    count += 1
                    yield Reply(item, at - sent)
                    if max_replies and count >= max_replies:
                        return
            finally:
                self._publish_denied.discard(refuse)
                if own is None:
                    self._multiplexer.remove(message.reply)
                else:
                    self._request_sinks.pop(own, None)
                    own.stop()
                    await self.unsubscribe(own)

    def _ensure_multiplexer(self) -> None:
        if self._multiplexer_subscription is None:
            self._multiplexer_subscription = Subscription(
                self, self._multiplexer.subject, "", 0, None, self._multiplexer.accept, 1, internal=True
            )
            self._subscriptions.append(self._multiplexer_subscription)
            if self._client is not None:
                self._client.attach(self._multiplexer_subscription)

    # -- health and stats ---------------------------------------------------------------------------------------

    async def check_health(self, timeout: float | None = None) -> HealthReport:
        """Check state, the client's own tasks, and that the server answers a ping within `timeout` seconds.

        The default is `request_timeout`. It opens nothing, counts as no use, and harms nothing when it times out or is
        cancelled. Problems found are logged and told as `HealthCheckFailed`, except that the connection is asleep.
        """
        patience = self.options.request_timeout if timeout is None else timeout
        client, problems, rtt = self._client, [], None
        if self._state is not ConnectionState.CONNECTED or client is None:
            why = f" ({self.last_error})" if self.last_error else ""
            problems.append(f"not connected: {self._state}{why}")
        else:
            if not client.is_alive:
                problems.append("the client's own tasks have ended")
            began = asyncio.get_running_loop().time()
            try:
                await client.flush(patience)
                rtt = asyncio.get_running_loop().time() - began
            except ManagedConnectionError as error:
                problems.append(str(error))
            if client.pings_outstanding and rtt is None:
                problems.append(f"{client.pings_outstanding} of {self.options.max_outstanding_pings} pings unanswered")
        if problems and self._state not in (ConnectionState.NEW, ConnectionState.IDLE, ConnectionState.CLOSED):
            self._emit(events.HealthCheckFailed, tuple(problems))
            _logger.warning("%s: health check failed: %s", self.connection_id, "; ".join(problems))
        return HealthReport(not problems, rtt, tuple(problems))

    def stats(self) -> ConnectionStats:
        """Return a snapshot; cheap enough for once a second and panel."""
        client, tally, options = self._client, self._tally, self.options
        connected = self._state is ConnectionState.CONNECTED and client is not None and client.is_alive
        remaining = self.idle_remaining if connected and options.idle_timeout else 0.0
        info = self._server_info
        return ConnectionStats(
            connection_id=self.connection_id,
            last_activity=self._last_activity_at,
            idle_timeout=format_duration(options.idle_timeout),
            time_remaining=format_duration(int(remaining)),
            is_healthy=connected and client is not None and client.pings_outstanding <= 1,
            is_connected=connected,
            state=self._state,
            name=options.name,
            server=self._pool.current.url if self._pool.current else None,
            server_name=info.get("server_name"),
            server_version=info.get("version"),
            rtt_ms=self._rtt_ms(),
            pings_outstanding=client.pings_outstanding if client else 0,
            max_outstanding_pings=options.max_outstanding_pings,
            ping_interval=options.ping_interval,
            last_in=tally.last_in,
            last_out=tally.last_out,
            reconnects=tally.reconnects,
            opens=tally.opens,
            in_msgs=tally.in_msgs + (client.in_msgs if client else 0),
            out_msgs=tally.out_msgs + (client.out_msgs if client else 0),
            in_bytes=tally.in_bytes + (client.bytes_in if client else 0),
            out_bytes=tally.out_bytes + (client.bytes_out if client else 0),
            subscriptions=len(self.subscriptions),
            dropped=tally.dropped,
            buffered=len(self._outbox),
            last_error=str(self.last_error) if self.last_error else None,
            client_id=info.get("client_id") if connected else None,
            max_payload=info.get("max_payload"),
            held_by=self.held_by,
            attempt=self._attempt_number,
            next_attempt=self._next_attempt(),
            down_since=self._down_since_at,
            server_pool=self._pool.snapshot(),
        )

    def _next_attempt(self) -> datetime | None:
        # Reckoned anew each time: the wall clock may have been set since the wait began.
        if self._next_attempt_due is None:
            return None
        return self._wall_clock() + timedelta(seconds=max(0.0, self._next_attempt_due - self._clock()))

    def _rtt_ms(self) -> float | None:
        if self._client is None:
            return None
        rtt = self._client.last_rtt if self._client.last_rtt is not None else self._client.handshake_rtt
        return None if rtt is None else round(rtt * 1000, 3)

    # -- servers ------------------------------------------------------------------------------------------------

    def set_server_pool(self, servers: str | Iterable[str]) -> None:
        """Replace the server pool (a comma-separated text is taken as well); the next reconnect uses it.

        Servers that stand in both pools keep their state; the reconnect attempt counter starts anew. Credentials in
        the URLs are taken; elsewhere the options' hold.

        Raises:
            OptionError: the pool is empty, mixes websocket with other URLs, or holds something that is no URL.
            ConnectionClosedError: it was closed for good.
        """
        if self._state.is_final:
            raise ConnectionClosedError(f"connection {self.connection_id} is {self._state}", "open another one")
        self._pool.replace(parse_servers(servers))
        self._attempts_made = 0
        if self._hurry is not None:
            self._hurry.set()
        self._call_off_attempt("its server is not in the new pool", lambda server, _took: server in self._pool.servers)
