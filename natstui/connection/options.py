"""ConnectOptions: every option of the seeds, validated when it is set."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from natstui.connection.address import ServerAddress, UserInfo, parse_local_address, parse_servers, url_with
from natstui.connection.durations import parse_duration
from natstui.connection.errors import OptionError
from natstui.connection.events import ConnectionEvent
from natstui.connection.stats import ServerStats

IdlePolicy = Literal["hold", "close"]


@dataclass(frozen=True, slots=True)
class Auth:
    """What an `auth_callback` returns: any combination of the fields that CONNECT takes."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    jwt: str | None = field(default=None, repr=False)
    nkey: str | None = None
    """The public user nkey."""
    signature: bytes | None = field(default=None, repr=False)
    """The raw ed25519 signature of the nonce."""


SignCallback = Callable[[bytes], bytes | Awaitable[bytes]]
"""Gets the server's nonce, returns its raw ed25519 signature."""
AuthCallback = Callable[[bytes], Awaitable[Auth]]
"""Gets the server's nonce (empty where it sent none), returns the credentials to present."""
ReconnectDelayCallback = Callable[[int], float | Awaitable[float]]
"""Gets the number of the attempt, returns the seconds to wait before it; may be async."""
ReconnectToServerCallback = Callable[
    [list[ServerStats], Mapping[str, Any]], Awaitable["tuple[str | ServerStats, float | None] | None"]
]
"""Gets the pool and the last INFO, returns (server, delay in seconds) or None for the default choice."""

_SECRETS = ("token", "password", "nkey_seed", "jwt", "credentials")
_POSITIVE_DURATIONS = ("connection_timeout", "request_timeout", "ping_interval")
_POSITIVE_COUNTS = (
    "max_outstanding_pings",
    "subscription_capacity",
    "client_capacity",
    "read_buffer_capacity",
)


@dataclass(frozen=True, kw_only=True)
class ConnectOptions:
    """How to reach a NATS system, prove who one is, and behave when the connection breaks or falls idle.

    The names are async-nats's ``ConnectOptions`` and HeyNATS's configuration; durations are seconds (text such as
    "30m" is taken as well). Credentials in a URL are moved into `user`, `password` or `token`. Secrets are
    `pydantic.SecretStr`: no repr shows one.

    Raises:
        OptionError: a value cannot work; it names the option and what would be accepted.
    """

    servers: str | Sequence[str] = ("nats://127.0.0.1:4222",)
    """Server URLs; a comma-separated text is taken as well. Kept normalised and without credentials."""
    name: str = ""
    """The connection's name, which the server's monitoring shows."""

    token: str | SecretStr | None = None
    """A token, in place of a user and a password."""
    user: str | None = None
    """The user; needs `password`."""
    password: str | SecretStr | None = None
    """The password of `user`."""
    nkey_seed: str | SecretStr | None = None
    """An nkey user seed ("SU…")."""
    jwt: str | SecretStr | None = None
    """A user JWT; its nonce is signed by `sign_callback`, or by `nkey_seed`."""
    sign_callback: SignCallback | None = None
    """Signs the server's nonce for `jwt`; may be async."""
    credentials_file: str | Path | None = None
    """A ``.creds`` file, read again at each connect: one replaced on disk is used at the next."""
    credentials: str | SecretStr | None = None
    """The text of a ``.creds`` file."""
    auth_callback: AuthCallback | None = None
    """Async; asked at each connect and reconnect; what it returns goes over the other fields."""

    require_tls: bool = False
    """Refuse, before any credential is sent, a server that offers no TLS."""
    tls_first: bool = False
    """Establish TLS before INFO (the server needs ``handshake_first``)."""
    root_certificates: str | Path | None = None
    """A PEM file of authorities to trust instead of the system's."""
    client_certificate: str | Path | None = None
    """A PEM file with the certificate that is shown to the server; the key may stand in it too."""
    client_key: str | Path | None = None
    """A PEM file with the key of `client_certificate`, not encrypted."""
    tls_client_config: ssl.SSLContext | None = None
    """A context of one's own; certificates named beside it are loaded into a context of ours instead, so not both."""
    tls_hostname: str | None = None
    """The name that the server's certificate must carry, where it is not the URL's host. Makes TLS required."""

    connection_timeout: float = 5.0
    """Seconds for the whole establishment with one server: name lookup, TCP, TLS, websocket, handshake and first ping
    together."""
    request_timeout: float = 10.0
    """Seconds that a request, and any other wait for the server's answer, may take by default."""
    ping_interval: float = 20.0
    """Seconds between keep-alive pings. async-nats has 60, nats-py 120: a console has to notice sooner."""
    max_outstanding_pings: int = 2
    """Unanswered pings allowed: with interval I and N allowed, silence is noticed within (N·I, (N+1)·I]."""
    retry_on_initial_connect: bool = False
    """Keep trying when the first open fails: `open` returns at once, and operations are queued, from the first use.
    Refused credentials end the trying all the same."""
    max_reconnects: int | None = None
    """Consecutive failed attempts over all servers before the connection counts as failed; None for no limit, 0 for no
    attempt at all. What `retry_on_initial_connect` begins with is no reconnect: it is not counted."""
    ignore_discovered_servers: bool = False
    """Stay with the servers named; ignore what the cluster advertises."""
    retain_servers_order: bool = False
    """Try the servers in the order given, round and round, instead of shuffled and sorted by failed attempts."""
    skip_subject_validation: bool = False
    """Skip the white-space check of publish subjects. Never skips line breaks, nor the check of subscriptions."""
    subscription_capacity: int = 65_536
    """Messages (and 128 MiB at most) that may wait for a subscription's handler, or for who reads the replies to a
    request; more are dropped, counted and told (`SlowConsumer`)."""
    client_capacity: int = 2_048
    """Messages (and 64 MiB at most) that may wait for a server while reconnecting; more are refused with
    `BufferFullError`. While connected, who publishes faster than the socket takes it is held back instead."""
    custom_inbox_prefix: str = "_INBOX"
    """The beginning of the subjects on which replies come in; permissions may ask for one."""
    read_buffer_capacity: int = 65_535
    """Bytes read from the socket at a time, to begin with; a connection that fills them reads up to 256 kB."""
    local_address: str | None = None
    """The local IP address (or "address:port") to connect from; a host name is refused, as it may have several."""
    no_echo: bool = False
    """Do not deliver messages that this very connection published."""
    read_only: bool = False
    """Let no message leave: publishing and requesting raise `ReadOnlyError`, and the client writes neither PUB nor
    HPUB. Subscribing, pings and health checks work."""

    reconnect_delay_callback: ReconnectDelayCallback | None = None
    """Says how long to wait before each attempt to reconnect, in place of the pool's own backoff. However short, one
    and the same server is tried 20 times a second at most; what is no delay is told, and the pool's own taken."""
    reconnect_to_server_callback: ReconnectToServerCallback | None = None
    """Chooses the server of each attempt to reconnect, and the delay before it. A server that is not in the pool is
    told (`ServerNotInPoolError`), as is a callback that raises or hangs, and the pool's own choice taken."""
    event_callback: Callable[[ConnectionEvent], Any] | None = None
    """Called with each event, as a listener; may be async."""

    idle_timeout: float = 1_800.0
    """Seconds without activity after which the connection is closed (HeyNATS: 30 minutes); 0 for never."""
    idle_policy: IdlePolicy = "hold"
    """With live subscriptions at the idle timeout: "hold" keeps listening, "close" closes all the same."""
    fault_drill: bool = False
    """Allow faults to be made on this connection on purpose: `ManagedConnection.stall`, `drop`, `drill_reconnect`."""

    def __post_init__(self) -> None:
        self._take_servers()
        for name in _SECRETS:
            value = getattr(self, name)
            if isinstance(value, str):
                self._set(name, SecretStr(value))
        for name in (*_POSITIVE_DURATIONS, "idle_timeout"):
            self._take_duration(name)
        for name in _POSITIVE_COUNTS:
            self._check_count(name, 1)
        if self.max_reconnects is not None:
            self._check_count("max_reconnects", 0)
        self._check_authentication()
        self._check_tls()
        self._check_names()

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _take_servers(self) -> None:
        pool = parse_servers(self.servers)
        self._set("servers", tuple(address.url for address, _ in pool))
        self._set("_pool", tuple(pool))
        userinfo = next((userinfo for _, userinfo in pool if userinfo), None)
        if userinfo and not (self.token or self.user or self.password):
            self._set("user", userinfo.user)
            self._set("password", userinfo.password)
            self._set("token", userinfo.token)

    def _take_duration(self, name: str) -> None:
        try:
            seconds = parse_duration(getattr(self, name))
        except (TypeError, ValueError) as error:
            raise OptionError(name, "is no duration", str(error)) from None
        if seconds == 0 and name in _POSITIVE_DURATIONS:
            raise OptionError(name, "must be longer than 0", "give seconds, or text such as 20s or 1m30s")
        self._set(name, seconds)

    def _check_count(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise OptionError(name, f"must be a whole number of at least {least}", f"it was {value!r}")

    def _check_authentication(self) -> None:
        for pair in (("user", "password"), ("password", "user")):
            if getattr(self, pair[0]) is not None and getattr(self, pair[1]) is None:
                raise OptionError(pair[0], f"is set without {pair[1]}", "give both, or a token instead")
        ways = [
            name
            for name in ("user", "nkey_seed", "credentials_file", "credentials")
            if getattr(self, name) is not None and not (name == "nkey_seed" and self.jwt is not None)
        ] + (["jwt"] if self.jwt is not None else [])
        if len(ways) > 1:
            raise OptionError(ways[1], f"is set beside {ways[0]}", "give one way of authentication")
        if self.jwt is not None and self.sign_callback is None and self.nkey_seed is None:
            raise OptionError("jwt", "needs something to sign the server's nonce", "give sign_callback or nkey_seed")
        if self.sign_callback is not None and self.jwt is None:
            raise OptionError("sign_callback", "is set without jwt", "give the user JWT that it signs for")

    def _check_tls(self) -> None:
        if self.client_key is not None and self.client_certificate is None:
            raise OptionError("client_key", "is set without client_certificate", "give both")
        if self.tls_client_config is not None:
            for name in ("root_certificates", "client_certificate"):
                if getattr(self, name) is not None:
                    raise OptionError(name, "is set beside tls_client_config", "load it into that SSLContext instead")

    def _check_names(self) -> None:
        prefix = self.custom_inbox_prefix
        tokens = prefix.split(".")
        if not all(tokens) or any(c.isspace() or c in "*>" or not c.isprintable() for c in prefix):
            raise OptionError(
                "custom_inbox_prefix", f"is {prefix!r}", "give a subject without wildcards, such as _INBOX"
            )
        if self.local_address is not None:
            parse_local_address(self.local_address)
        if self.idle_policy not in ("hold", "close"):
            raise OptionError("idle_policy", f"is {self.idle_policy!r}", 'give "hold" or "close"')

    @property
    def pool(self) -> tuple[tuple[ServerAddress, UserInfo | None], ...]:
        """The servers as parsed, each with the credentials that stood in its URL."""
        pool: tuple[tuple[ServerAddress, UserInfo | None], ...] = getattr(self, "_pool")  # noqa: B009
        return pool

    @property
    def wants_tls(self) -> bool:
        """Whether any option asks for TLS on every server."""
        return bool(
            self.require_tls
            or self.tls_first
            or self.tls_client_config
            or self.root_certificates
            or self.client_certificate
            or self.tls_hostname
        )

    def replace(self, **changes: Any) -> ConnectOptions:
        """Return a copy with other values, validated anew.

        Another `user`, `password` or `token` goes for all servers: what stood in their URLs is forgotten.

        Raises:
            OptionError: as the constructor does.
        """
        if "servers" not in changes:
            anew = not changes.keys().isdisjoint(("user", "password", "token"))
            changes["servers"] = self.servers if anew else [url_with(*entry) for entry in self.pool]
        known = {option.name for option in fields(self)}
        for name in changes.keys() - known:
            raise OptionError(name, "is no connect option", f"there are {', '.join(sorted(known))}")
        return replace(self, **changes)
