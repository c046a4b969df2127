"""What went wrong while connecting, as a typed failure: one sentence, the stage, and what to do."""

from __future__ import annotations

import socket
import ssl

import nats.errors

from natstui.connection.address import ServerAddress
from natstui.connection.auth import expired_since
from natstui.connection.durations import format_duration
from natstui.connection.errors import (
    AuthenticationError,
    ConnectionLostError,
    FirstPingError,
    HandshakeError,
    NameLookupError,
    OpenError,
    Stage,
    TcpError,
    TlsError,
)
from natstui.connection.options import ConnectOptions
from natstui.connection.tls import tls_failure


def open_failure(
    error: BaseException,
    address: ServerAddress,
    stage: Stage,
    auth_fields: dict[str, str],
    options: ConnectOptions,
) -> OpenError:
    """Return the typed failure for what nats-py, asyncio or OpenSSL raised at a stage.

    It comes without the frames that the error came through: credentials stand in their variables.
    """
    if isinstance(error, OpenError):
        link: BaseException | None = error
        while link is not None:
            link.__traceback__ = None
            link = link.__cause__ or link.__context__
        return error
    server = address.url
    text = str(error).removeprefix("nats: ").strip().strip("'\"")
    if isinstance(error, ssl.SSLError):
        return tls_failure(server, error)
    if isinstance(error, socket.gaierror):
        return NameLookupError(
            server, f"the host name {address.host!r} does not resolve", "check its spelling, or your DNS"
        )
    if isinstance(error, TimeoutError):
        return _timed_out(server, stage, options.connection_timeout)
    if stage in (Stage.NAME_LOOKUP, Stage.TCP):
        return _tcp_failure(server, error)
    if isinstance(error, ValueError) and stage is Stage.TLS:
        return TlsError(server, f"TLS failed ({text})", "check tls_hostname and the certificates")
    if "authorization" in text.lower() or "authentication" in text.lower():
        return _authentication_failure(server, text, auth_fields)
    if isinstance(error, nats.errors.UnexpectedEOF | ConnectionError):
        if stage is Stage.TLS:
            return TlsError(server, "the peer closed the connection during the TLS handshake", "check its TLS settings")
        return HandshakeError(
            server,
            "the server closed the connection before the first ping was answered",
            "is it a NATS client port? its log tells why",
            stage,
        )
    if "INFO" in text or isinstance(error, nats.errors.ProtocolError):
        return HandshakeError(server, "the peer does not speak NATS", "is this a NATS client port?")
    return HandshakeError(server, f"the server refused the connection: {text or type(error).__name__}", "", stage)


_PRESENTED = (
    ("jwt", "check the JWT or .creds file: is it revoked, or of another operator or account?"),
    ("nkey", "check the nkey seed: is its public key among the server's users?"),
    ("user", "check user and password"),
    ("auth_token", "check the token"),
)
"""A field of CONNECT → what to look at where the server refuses it."""


def _authentication_failure(server: str, text: str, auth_fields: dict[str, str]) -> AuthenticationError:
    expired = expired_since(auth_fields)
    if expired is not None:
        return AuthenticationError(
            server,
            f"the credentials expired {format_duration(round(expired))} ago (the server said: {text})",
            "get fresh ones",
        )
    if not auth_fields:
        return AuthenticationError(
            server,
            f"the server asks for credentials (it said: {text})",
            "give user and password, a token or a .creds file",
        )
    return AuthenticationError(
        server,
        f"the server refused the credentials (it said: {text})",
        next((remedy for field, remedy in _PRESENTED if field in auth_fields), "check the credentials"),
    )


def _timed_out(server: str, stage: Stage, timeout: float) -> OpenError:
    within = f"within {timeout:g} s"
    if stage is Stage.NAME_LOOKUP:
        return NameLookupError(server, f"the name server did not answer {within}", "check your DNS")
    if stage is Stage.TCP:
        return TcpError(server, f"no answer {within}", "check the address, and firewalls on the way")
    if stage is Stage.TLS:
        return TlsError(server, f"the TLS handshake was not finished {within}", "check port and tls_first")
    if stage is Stage.AUTHENTICATION:
        return AuthenticationError(server, f"the credentials were not ready {within}", "check the auth callback")
    if stage is Stage.FIRST_PING:
        return FirstPingError(server, f"the server took CONNECT, but answered no ping {within}", "is it frozen?")
    return HandshakeError(
        server,
        f"something accepts connections there, but sent no NATS greeting {within}",
        "the server may be frozen, or want TLS first (tls_first)",
    )


def _tcp_failure(server: str, error: BaseException) -> TcpError:
    if isinstance(error, ConnectionRefusedError):
        return TcpError(server, "nothing listens there (connection refused)", "check the port, or start a nats-server")
    if isinstance(error, OSError):
        return TcpError(server, f"it cannot be reached ({_os_reason(error)})", "check the address and your network")
    return TcpError(server, f"it cannot be reached ({type(error).__name__}: {error})")


def connection_loss(error: BaseException | None) -> ConnectionLostError:
    """Return what ended an established connection, from what ended one of its tasks; None where nothing was raised."""
    if error is None:
        return ConnectionLostError("a task of the connection was ended from outside")
    if isinstance(error, nats.errors.ProtocolError):
        return ConnectionLostError("the server sent something that is not the NATS protocol")
    if isinstance(error, OSError):
        return ConnectionLostError(f"the connection broke ({_os_reason(error)})")
    return ConnectionLostError(f"a task of the connection failed unexpectedly ({type(error).__name__}: {error})")


def _os_reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
