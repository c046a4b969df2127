"""Typed failures of a managed connection: what failed, at which stage, and what to do about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from natstui.connection.durations import format_duration


class Stage(StrEnum):
    """The stages of establishing a connection, in their order."""

    NAME_LOOKUP = "name lookup"
    TCP = "TCP"
    TLS = "TLS"
    HANDSHAKE = "handshake"
    AUTHENTICATION = "authentication"
    FIRST_PING = "first ping"


class ManagedConnectionError(Exception):
    """The base of every failure that `natstui.connection` raises.

    ``str()`` is one sentence (or two) fit for a screen: what went wrong and what to do.
    No secret ever stands in it.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        """What went wrong."""
        self.remedy = remedy
        """What the reader can do about it; empty where there is nothing to add."""

    def __str__(self) -> str:
        return f"{self.problem}: {self.remedy}" if self.remedy else self.problem


class OptionError(ManagedConnectionError, ValueError):
    """An option has a value that cannot work; refused when it is set."""

    def __init__(self, option: str, problem: str, accepted: str = "") -> None:
        super().__init__(f"{option} {problem}", accepted)
        self.option = option
        """The option's name, as in `ConnectOptions`."""


class OpenError(ManagedConnectionError):
    """A connection could not be established. `stage` says how far it came."""

    stage: Stage = Stage.TCP

    def __init__(self, server: str, problem: str, remedy: str = "", stage: Stage | None = None) -> None:
        super().__init__(f"{server}: {problem}" if server else problem, remedy)
        self.server = server
        """The server's URL, without credentials."""
        if stage is not None:
            self.stage = stage


class NameLookupError(OpenError):
    """The server's host name does not resolve."""

    stage = Stage.NAME_LOOKUP


class TcpError(OpenError):
    """No TCP (or websocket) connection came about: refused, unreachable, or no answer in time."""

    stage = Stage.TCP


class TlsError(OpenError):
    """TLS could not be established: unknown authority, wrong host name, no TLS on offer, a certificate refused."""

    stage = Stage.TLS


class HandshakeError(OpenError):
    """The peer did not speak NATS, closed, or stayed silent between TCP and the first ping."""

    stage = Stage.HANDSHAKE


class AuthenticationError(OpenError):
    """The server refused the credentials, or they could not be read or signed with."""

    stage = Stage.AUTHENTICATION


class FirstPingError(OpenError):
    """The server took CONNECT, but never answered the first PING."""

    stage = Stage.FIRST_PING


class NoServerAvailableError(OpenError):
    """Every server of the pool failed; `attempts` holds each one's own error, and `stage` is the last one's."""

    def __init__(self, attempts: tuple[OpenError, ...]) -> None:
        last = attempts[-1]
        told = "; ".join(dict.fromkeys(error.problem for error in attempts))
        super().__init__("", f"none of {len(attempts)} servers could be reached: {told}", last.remedy, last.stage)
        self.attempts = attempts


class ReconnectsExhaustedError(OpenError):
    """`max_reconnects` attempts failed one after another; with 0, the connection was lost."""

    def __init__(self, attempts: int, last: OpenError) -> None:
        given_up = f"gave up after {attempts} attempt{'' if attempts == 1 else 's'}, the last"
        super().__init__(
            "",
            f"{given_up if attempts else 'max_reconnects is 0, and the connection was lost'}: {last.problem}",
            last.remedy or "the next use tries again",
            last.stage,
        )
        self.server = last.server


class ServerNotInPoolError(ManagedConnectionError):
    """`reconnect_to_server_callback` chose a server that is not in the pool; the default choice was taken instead."""

    def __init__(self, server: str) -> None:
        super().__init__(
            f"reconnect_to_server_callback chose {server}, which is not in the server pool",
            "the default choice was taken; return one of the servers it was given",
        )


class ExpiryWarning(ManagedConnectionError):
    """Something that the connection rests on expires within 14 days; carried by a `ClientError` event."""

    def __init__(self, server: str, what: str, expires_at: datetime, now: datetime) -> None:
        left = expires_at - now
        days = left.days
        when = f"in {days} day{'' if days == 1 else 's'}" if days > 0 else f"in {format_duration(left.seconds)}"
        expires = "has expired" if days < 0 else f"expires {when}"
        super().__init__(f"{server}: {what} {expires} ({expires_at:%Y-%m-%d %H:%M} UTC)", "renew it")
        self.what = what
        """"the server's certificate", "our client certificate" or "the user JWT"."""
        self.expires_at = expires_at
        """Wall clock, UTC."""


class ConnectionClosedError(ManagedConnectionError):
    """The connection was closed for good; it takes no further use."""


class ConnectionLostError(ManagedConnectionError):
    """The connection broke while the call was under way: whether the server took it is unknown."""


class StaleError(ConnectionLostError):
    """The server left more pings unanswered than allowed."""


class NotConnectedError(ManagedConnectionError):
    """The connection was down for as long as the call could wait; nothing was sent."""


class OperationTimeoutError(ManagedConnectionError, TimeoutError):
    """The server (or a responder) did not answer in time; what was sent may still arrive."""


class NoRespondersError(ManagedConnectionError):
    """Nobody is subscribed to the request's subject (status 503, ADR-22)."""


class PayloadTooLargeError(ManagedConnectionError, ValueError):
    """Headers and payload together exceed the server's ``max_payload``; nothing was sent."""


class SubjectError(ManagedConnectionError, ValueError):
    """A subject, reply subject or queue group is malformed; nothing was sent."""


class HeaderError(ManagedConnectionError, ValueError):
    """A header's name or value cannot be sent; nothing was sent."""


class BufferFullError(ManagedConnectionError):
    """The buffer for operations while reconnecting is full (`client_capacity`); nothing was sent."""


class PermissionDeniedError(ManagedConnectionError):
    """The server refused the operation for this user."""


class ReadOnlyError(ManagedConnectionError):
    """The connection is read-only (`ConnectOptions.read_only`); nothing was sent."""

    def __init__(self) -> None:
        super().__init__(
            "this connection is read-only, so nothing was sent",
            "publish and request on a connection without read_only",
        )


class FaultDrillError(ManagedConnectionError):
    """Fault drills are not allowed on this connection (`fault_drill`); nothing was done to it."""


class ProtocolMismatchError(ManagedConnectionError, ImportError):
    """The installed nats-py is not the one that `natstui.connection` is built on."""
