"""The server pool: which server is tried next, and how long to wait before it. No I/O."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from natstui.connection.address import ServerAddress, UserInfo, is_ip_address, parse_server
from natstui.connection.errors import OptionError
from natstui.connection.stats import ServerStats

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 4.0
_SHORT_LIFE = 5.0


@dataclass(slots=True, eq=False)
class PoolServer:
    """One server, and how it has behaved."""

    address: ServerAddress
    userinfo: UserInfo | None = None
    discovered: bool = False
    tls_name: str | None = None
    """The name its certificate should carry, where a discovered address is a bare IP."""
    failed_attempts: int = 0
    did_connect: bool = False
    last_error: str | None = None
    last_attempt: float | None = None
    short_lives: int = 0
    """Connections in a row that ended within seconds; they count for the delay, or a server that lets us in
    only to throw us out would be hammered."""

    @property
    def url(self) -> str:
        """Without credentials."""
        return self.address.url


class ServerPool:
    """Explicit and discovered servers, ordered as async-nats does.

    Shuffled, then sorted by failed attempts, unless the order is retained (then round robin). The delay before an
    attempt grows exponentially with jitter between attempts on the same server, up to 4 s; a server that has not
    failed is tried at once.
    """

    def __init__(
        self,
        servers: Iterable[tuple[ServerAddress, UserInfo | None]],
        *,
        retain_order: bool = False,
        chance: random.Random | None = None,
    ) -> None:
        self.servers = [PoolServer(address, userinfo) for address, userinfo in servers]
        self.current: PoolServer | None = None
        """The server connected to, or last connected to."""
        self.replacements = 0
        """How often `replace` was called."""
        self._retain_order = retain_order
        self._chance = chance or random.Random()
        self._last_tried: PoolServer | None = None

    def untried(self, tried: Sequence[PoolServer]) -> PoolServer | None:
        """Return the server to try next in a pass over all of them, of which `tried` had their turn."""
        return next((server for server in self._ordered() if server not in tried), None)

    def next(self, now: float) -> tuple[PoolServer, float]:
        """Return the server to try next, and the seconds to wait before it."""
        servers = self._ordered()
        if self._retain_order and self._last_tried in servers:
            after = servers.index(self._last_tried) + 1
            servers = servers[after:] + servers[:after]
        return servers[0], self.delay(servers[0], now)

    def delay(self, server: PoolServer, now: float) -> float:
        """Seconds to wait before `server` may be tried (again)."""
        failures = max(server.failed_attempts, server.short_lives)
        if not failures or server.last_attempt is None:
            return 0.0
        longest = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(failures - 1, 16))
        wait: float = longest * self._chance.uniform(0.5, 1.0)
        return max(0.0, server.last_attempt + wait - now)

    def _ordered(self) -> list[PoolServer]:
        servers = list(self.servers)
        if not self._retain_order:
            self._chance.shuffle(servers)
            servers.sort(key=lambda server: (server.failed_attempts, server is self.current))
        return servers

    def trying(self, server: PoolServer, now: float) -> None:
        """Note that an attempt begins."""
        server.last_attempt = now
        self._last_tried = server

    def failed(self, server: PoolServer, error: str) -> None:
        """Note that an attempt failed."""
        server.failed_attempts += 1
        server.last_error = error

    def connected(self, server: PoolServer) -> None:
        """Note that a server took the connection."""
        server.failed_attempts = 0
        server.did_connect = True
        server.last_error = None
        self.current = server

    def lost(self, reason: str | None, *, lived: float, stale: bool) -> None:
        """Note that the current server was lost after `lived` seconds, or left on request (no `reason`).

        A stale one goes behind the others.
        """
        if self.current is None:
            return
        self.current.last_error = reason
        self.current.short_lives = self.current.short_lives + 1 if lived < _SHORT_LIFE else 0
        if stale:
            self.current.failed_attempts += 1

    def discover(self, connect_urls: Sequence[str]) -> tuple[list[PoolServer], list[PoolServer]]:
        """Take the word of the server connected to on its cluster; return (added, removed).

        Websocket stays websocket, TLS stays TLS, and the credentials in the URL of the server that tells are good for
        those told of. Servers named explicitly, and the current one, are never removed.
        """
        if self.current is None or not connect_urls:
            return [], []
        here = self.current.address
        told: dict[tuple[str, int], ServerAddress] = {}
        for url in connect_urls:
            try:
                address, _ = parse_server(f"{here.scheme}://{url.rpartition('://')[2]}", "connect_urls")
            except OptionError:
                continue
            told[address.host, address.port] = address
        known = {(server.address.host, server.address.port) for server in self.servers}
        added = [
            PoolServer(address, self.current.userinfo, discovered=True, tls_name=self._tls_name(address))
            for key, address in told.items()
            if key not in known
        ]
        removed = [
            server
            for server in self.servers
            if server.discovered
            and server is not self.current
            and (server.address.host, server.address.port) not in told
        ]
        self.servers = [server for server in self.servers if server not in removed] + added
        return added, removed

    def _tls_name(self, address: ServerAddress) -> str | None:
        if self.current is None or not is_ip_address(address.host):
            return None
        here = self.current.address.host
        return self.current.tls_name or (None if is_ip_address(here) else here)

    def replace(self, servers: Iterable[tuple[ServerAddress, UserInfo | None]]) -> None:
        """Take another pool; servers that stand in both keep their state."""
        known = {server.address: server for server in self.servers}
        pool = []
        for address, userinfo in servers:
            server = known.get(address) or PoolServer(address)
            server.userinfo, server.discovered = userinfo or server.userinfo, False
            pool.append(server)
        self.servers = pool
        self.replacements += 1

    def find(self, url: str) -> PoolServer | None:
        """Return the server with this URL, if the pool has it."""
        try:
            address, _ = parse_server(url)
        except OptionError:
            return None
        return next((s for s in self.servers if (s.address.host, s.address.port) == (address.host, address.port)), None)

    def snapshot(self) -> tuple[ServerStats, ...]:
        """The pool as stats and callbacks see it."""
        return tuple(
            ServerStats(
                url=server.url,
                discovered=server.discovered,
                failed_attempts=server.failed_attempts,
                did_connect=server.did_connect,
                last_error=server.last_error,
                is_current=server is self.current,
            )
            for server in self.servers
        )
