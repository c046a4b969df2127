"""The stages of connecting, walked one by one: what was found at each, and how long it took.

The walk is that of `natstui.connection` itself (`NatsClient.establish`), so what it finds is what a panel would meet.
`natstui check` prints it, and a dialog can show it live.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from natstui.connection.address import ServerAddress, UserInfo
from natstui.connection.auth import jwt_expiry
from natstui.connection.client import NatsClient
from natstui.connection.errors import (
    ManagedConnectionError,
    NoRespondersError,
    OpenError,
    OperationTimeoutError,
    PermissionDeniedError,
    Stage,
)
from natstui.connection.managed import ManagedConnection
from natstui.connection.manager import ConnectionManager
from natstui.connection.options import ConnectOptions
from natstui.connection.pool import PoolServer
from natstui.connection.tls import certificate_expiry, client_certificate_expiry

DEFAULT_JETSTREAM_PREFIX = "$JS.API"
_UNOFFERED_PATIENCE = 1.0


class Status(StrEnum):
    """How a stage, or a whole check, came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not reached, or not in use there."""


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage."""

    stage: str
    """"name lookup", "TCP", "INFO", "TLS", "authentication", "ping" or "JetStream"."""
    status: Status
    seconds: float | None
    """How long it took; None where it was not walked."""
    detail: str
    """What was found; from the server, so sanitise it."""
    remedy: str = ""


STAGES = ("name lookup", "TCP", "INFO", "TLS", "authentication", "ping", "JetStream")
_STAGE_OF_ERROR = {
    Stage.NAME_LOOKUP: "name lookup",
    Stage.TCP: "TCP",
    Stage.TLS: "TLS",
    Stage.AUTHENTICATION: "authentication",
    Stage.FIRST_PING: "ping",
}


@dataclass
class ServerDiagnosis:
    """The walk to one server. Filled while `walk` goes on."""

    options: ConnectOptions
    address: ServerAddress
    userinfo: UserInfo | None = None
    jetstream_prefix: str = DEFAULT_JETSTREAM_PREFIX
    stages: list[StageReport] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    """The server's INFO."""
    rtt: float | None = None
    """Seconds."""
    certificate_expires: datetime | None = None
    client_certificate_expires: datetime | None = None
    jwt_expires: datetime | None = None
    local_ip: str = ""
    """Our own address on the way to the server."""

    @property
    def status(self) -> Status:
        """The worst of the stages."""
        found = {report.status for report in self.stages}
        return next((status for status in (Status.FAILED, Status.WARNING) if status in found), Status.OK)

    @property
    def behind_nat(self) -> bool:
        """Whether the server sees another address than ours."""
        seen = self.info.get("client_ip")
        return bool(seen and self.local_ip and seen != self.local_ip)

    async def walk(self) -> AsyncGenerator[StageReport, None]:
        """Walk the stages and yield each as soon as it is over; after a failure, the rest as skipped.

        A stage can fail in hindsight: with TLS 1.3 the server judges our certificate after the handshake. It is then
        yielded again, and takes the place of its earlier report.
        """
        found: asyncio.Queue[StageReport | None] = asyncio.Queue()
        walking = asyncio.get_running_loop().create_task(self._walk(found), name="natstui diagnosis")
        try:
            while (report := await found.get()) is not None:
                self.stages = [earlier for earlier in self.stages if earlier.stage != report.stage]
                self.stages.append(report)
                yield report
            await walking
        finally:
            walking.cancel()
        done = {report.stage for report in self.stages}
        for stage in STAGES:
            if stage not in done:
                self.stages.append(StageReport(stage, Status.SKIPPED, None, "not reached"))
                yield self.stages[-1]

    async def _walk(self, found: asyncio.Queue[StageReport | None]) -> None:
        try:
            self.client_certificate_expires = client_certificate_expiry(self.options)
            client = _Client(self.options, PoolServer(self.address, self.userinfo), found)
            try:
                await client.establish(self.userinfo)
            except OpenError as error:
                client.failed(error)
                return
            finally:
                self.jwt_expires = _jwt_expires(client.presented_jwt)
            try:
                self.info = dict(client.server_info)
                self.certificate_expires = certificate_expiry(_tls_session(client))
                client.established(self.info, self.certificate_expires)
                await self._ping(client, found)
            finally:
                await client.shut()
            self.local_ip = await _local_ip(self.options, self.address)
            if self.options.read_only:
                found.put_nowait(StageReport("JetStream", Status.SKIPPED, None, "read-only: it takes a request"))
            else:
                await self._jetstream(found)
        finally:
            found.put_nowait(None)

    async def _ping(self, client: _Client, found: asyncio.Queue[StageReport | None]) -> None:
        began = time.perf_counter()
        try:
            await client.flush(self.options.request_timeout)
        except ManagedConnectionError as error:
            passed = time.perf_counter() - began
            found.put_nowait(StageReport("ping", Status.FAILED, passed, error.problem, error.remedy))
        else:
            self.rtt = time.perf_counter() - began
            found.put_nowait(StageReport("ping", Status.OK, self.rtt, "answered"))

    async def _jetstream(self, found: asyncio.Queue[StageReport | None]) -> None:
        async with ConnectionManager() as manager:
            connection = manager.add(self.for_this_server())
            began = time.perf_counter()
            try:
                await connection.open()
                began = time.perf_counter()
                status, detail, remedy = await _ask_jetstream(connection, f"{self.jetstream_prefix}.INFO")
            except NoRespondersError:
                status, detail, remedy = self._no_jetstream()
            except PermissionDeniedError as error:
                status, detail, remedy = Status.SKIPPED, error.problem, ""
            except ManagedConnectionError as error:
                status, detail, remedy = Status.WARNING, error.problem, error.remedy
            found.put_nowait(StageReport("JetStream", status, time.perf_counter() - began, detail, remedy))

    def _no_jetstream(self) -> tuple[Status, str, str]:
        if self.jetstream_prefix == DEFAULT_JETSTREAM_PREFIX:
            return Status.SKIPPED, "not enabled there", ""
        return (
            Status.WARNING,
            f"nobody answers at {self.jetstream_prefix}",
            "check jetstream_domain and jetstream_api_prefix in the context",
        )

    def for_this_server(self) -> ConnectOptions:
        """The options of a connection to this very server, and to no other."""
        changes: dict[str, Any] = {"servers": [self.address.url], "ignore_discovered_servers": True}
        if self.userinfo is not None:
            changes |= {
                "user": self.userinfo.user,
                "password": self.userinfo.password,
                "token": self.userinfo.token,
            }
        return self.options.replace(**changes, retry_on_initial_connect=False)


class _Client(NatsClient):
    """Reports each stage when the next begins."""

    def __init__(self, options: ConnectOptions, server: PoolServer, found: asyncio.Queue[StageReport | None]) -> None:
        super().__init__(options, server, _Nobody())
        self._found = found
        self._address = server.address
        self._credentials_took = 0.0
        self._reported: set[str] = set()

    def reached(self, stage: Stage) -> None:
        super().reached(stage)
        if len(self.timeline) < 2:
            return
        (last, began), (_, ended) = self.timeline[-2:]
        took = ended - began
        if last is Stage.NAME_LOOKUP:
            found = self.link.addresses if self.link is not None else []
            self._report("name lookup", took, ", ".join(host for host, _ in found) or self._address.host)
        elif last is Stage.TCP:
            self._report("TCP", took, f"port {self._address.port}")
        elif last is Stage.HANDSHAKE and stage is Stage.AUTHENTICATION:
            self._report("INFO", took, "the server's greeting")
        elif last is Stage.AUTHENTICATION:
            self._credentials_took = took
        elif last is Stage.TLS:
            self._report("TLS", took, _tls_words(self))

    def established(self, info: dict[str, Any], certificate_expires: datetime | None) -> None:
        self._without_tls()
        took = self._credentials_took + time.perf_counter() - self.timeline[-1][1]
        if not info.get("auth_required") and not info.get("tls_verify"):
            detail = "the server asks for none"
        else:
            detail = "accepted"
        self._report("authentication", took, detail)

    def failed(self, error: OpenError) -> None:
        took = time.perf_counter() - self.timeline[-1][1] if self.timeline else 0.0
        if error.stage is Stage.TLS and self.stage is Stage.HANDSHAKE and "INFO" not in self._reported:
            self._report("INFO", took, "the server's greeting")
        stage = _STAGE_OF_ERROR.get(error.stage, "authentication" if "INFO" in self._reported else "INFO")
        if stage in ("authentication", "ping"):
            self._without_tls()
        problem = error.problem.removeprefix(f"{error.server}: ")
        self._found.put_nowait(StageReport(stage, Status.FAILED, took, problem, error.remedy))

    def _without_tls(self) -> None:
        if "TLS" not in self._reported:
            self._found.put_nowait(StageReport("TLS", Status.SKIPPED, None, "not used"))

    def _report(self, stage: str, took: float, detail: str) -> None:
        self._reported.add(stage)
        self._found.put_nowait(StageReport(stage, Status.OK, took, detail))


class _Nobody:
    """Owns a client that lives for one walk."""

    def ping_sent(self, client: NatsClient, outstanding: int) -> None: ...
    def pong_received(self, client: NatsClient, rtt: float, outstanding: int) -> None: ...
    def info_received(self, client: NatsClient, info: dict[str, Any]) -> None: ...
    def server_error(self, client: NatsClient, text: str) -> None: ...
    def messages_received(self, client: NatsClient, count: int) -> None: ...
    def client_lost(self, client: NatsClient, reason: Exception) -> None: ...


def _tls_session(client: NatsClient) -> ssl.SSLObject | None:
    return client.link.tls_object() if client.link is not None else None


def _tls_words(client: NatsClient) -> str:
    session = _tls_session(client)
    version = session.version() if session is not None else None
    expires = certificate_expiry(session)
    return (version or "TLS") + (f", certificate valid until {expires:%Y-%m-%d}" if expires else "")


async def _ask_jetstream(connection: ManagedConnection, subject: str) -> tuple[Status, str, str]:
    # A subscriber to > keeps the server from saying that nobody answers; INFO says whether waiting is worth it.
    offered = bool(connection.server_info.get("jetstream"))
    try:
        reply = await connection.request(subject, timeout=None if offered else _UNOFFERED_PATIENCE)
    except OperationTimeoutError:
        if offered:
            raise
        return Status.SKIPPED, "not enabled there, and no other server answers for it", ""
    return _jetstream_account(reply.data)


def _jetstream_account(payload: bytes) -> tuple[Status, str, str]:
    try:
        answer = json.loads(payload)
        error = answer.get("error")
        if error:
            return Status.SKIPPED, f"not available: {error.get('description', 'the server does not say why')}", ""
        return (
            Status.OK,
            f"{answer.get('streams', 0)} streams, {answer.get('consumers', 0)} consumers, "
            f"{answer.get('storage', 0):,} bytes on disk, {answer.get('memory', 0):,} in memory; "
            + _jetstream_limits(answer.get("limits") or {}),
            "",
        )
    except (ValueError, AttributeError, TypeError):
        return Status.WARNING, "the answer is none of JetStream's", "is something else subscribed to $JS.API.INFO?"


def _jetstream_limits(limits: dict[str, Any]) -> str:
    """What the account may have, from the keys of JetStream's account limits; -1 stands for no limit."""
    told = [
        f"{limits[key]:,} {words}"
        for key, words in (
            ("max_streams", "streams"),
            ("max_consumers", "consumers"),
            ("max_storage", "bytes on disk"),
            ("max_memory", "in memory"),
        )
        if limits.get(key, -1) >= 0
    ]
    return f"at most {', '.join(told)}" if told else "no limits"


def _jwt_expires(jwt: str) -> datetime | None:
    expiry = jwt_expiry(jwt)
    return None if expiry is None else datetime.fromtimestamp(expiry, UTC)


async def _local_ip(options: ConnectOptions, address: ServerAddress) -> str:
    """The address that the system would connect from; nothing is sent."""
    try:
        async with asyncio.timeout(options.connection_timeout):
            found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, target = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError:
        return ""
