"""What follows from a diagnosis: how soon a dead server is noticed, and what to change.

In the spirit of the NATS_ERR_STALE_CONNECTION guide: heartbeat settings, idle limits on the way, expiring credentials.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from natstui.connection.durations import format_duration
from natstui.connection.expiry import WARN_WITHIN
from natstui.connection.options import ConnectOptions
from natstui.headless.diagnosis import ServerDiagnosis, Status
from natstui.stale_advice import LONG_DETECTION, SHORT_IDLE_LIMIT, detection_bounds


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know (a note), or to change (a warning)."""

    status: Status
    text: str


def detection_time(options: ConnectOptions) -> tuple[float, float]:
    """Return the seconds within which a silent server is given up: more than the first, at most the second."""
    return detection_bounds(options.ping_interval, options.max_outstanding_pings)


def advise(options: ConnectOptions, servers: Sequence[ServerDiagnosis], now: datetime | None = None) -> list[Advice]:
    """Return what follows from the settings and from what was found, warnings first."""
    found = [*_about_pings(options, servers), *_about_pool(options, servers)]
    for server in servers:
        found += _about_server(server, now or datetime.now(UTC))
    unique = list(dict.fromkeys(found))
    return sorted(unique, key=lambda advice: advice.status is not Status.WARNING)


def _warning(text: str) -> Advice:
    return Advice(Status.WARNING, text)


def _note(text: str) -> Advice:
    return Advice(Status.OK, text)


def _about_pings(options: ConnectOptions, servers: Sequence[ServerDiagnosis]) -> Iterable[Advice]:
    every = format_duration(options.ping_interval)
    _, longest = detection_time(options)
    if longest > LONG_DETECTION:
        yield _warning(
            f"A dead server goes unnoticed for up to {format_duration(longest)}; lower ping_interval ({every}) or "
            f"max_outstanding_pings ({options.max_outstanding_pings})."
        )
    if options.max_outstanding_pings == 1:
        yield _note("With max_outstanding_pings 1 a single late answer costs the connection; 2 forgives one.")
    seldom = options.ping_interval > SHORT_IDLE_LIMIT
    if seldom and not any(server.behind_nat for server in servers):
        yield _note(
            f"Some NATs, firewalls and load balancers drop connections that are idle for a minute to six; a ping every "
            f"{every} may be too seldom to keep one open. If it breaks while idle, lower ping_interval."
        )
    for server in servers:
        if server.rtt is not None and server.rtt > options.ping_interval / 2:
            yield _warning(
                f"The round trip to {server.address.url} ({server.rtt:.2f} s) is long beside the ping interval "
                f"({every}); raise ping_interval, or a slow moment counts as a dead server."
            )
        if server.behind_nat and seldom:
            yield _warning(
                f"{_nat(server)} It forgets connections that are idle for longer than its limit, often one minute to "
                f"six, and a ping every {every} may be too seldom; set ping_interval to 20s."
            )
        elif server.behind_nat:
            yield _note(f"{_nat(server)} Its idle limit must be longer than the ping interval, {every}.")


def _nat(server: ServerDiagnosis) -> str:
    return f"The server sees us as {server.info['client_ip']}, not as {server.local_ip}: a NAT or proxy stands between."


def _about_pool(options: ConnectOptions, servers: Sequence[ServerDiagnosis]) -> Iterable[Advice]:
    advertised = {url for server in servers for url in server.info.get("connect_urls") or ()}
    if len(servers) == 1 and len(advertised) > 1:
        yield _note(
            f"The cluster has {len(advertised)} servers, but only one is named here; name several, so that connecting "
            "works while that one is down."
        )
        if options.ignore_discovered_servers:
            yield _warning(
                "With one server named and ignore_discovered_servers on, nothing is left to try when that one is lost."
            )


def _about_server(server: ServerDiagnosis, now: datetime) -> Iterable[Advice]:
    url = server.address.url
    for what, expires, remedy in (
        (f"The certificate of {url}", server.certificate_expires, "renew it on the server"),
        ("Our client certificate", server.client_certificate_expires, "get a new one"),
        ("The user JWT", server.jwt_expires, "get fresh credentials"),
    ):
        if expires is None or expires > now + WARN_WITHIN:
            continue
        if expires <= now:
            yield _warning(f"{what} expired on {expires:%Y-%m-%d %H:%M} UTC; {remedy}.")
        else:
            yield _warning(f"{what} expires in {remaining(expires, now)}, on {expires:%Y-%m-%d %H:%M} UTC; {remedy}.")
    if server.info.get("ldm"):
        yield _warning(f"{url} is in lame duck mode and will shut down soon; connect elsewhere.")
    encrypted = any(report.stage == "TLS" and report.status is Status.OK for report in server.stages)
    if server.info.get("auth_required") and not encrypted and not _is_loopback(server.address.host):
        yield _warning(f"Credentials travel to {url} unencrypted; turn on TLS there, and require_tls here.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def remaining(expires: datetime, now: datetime) -> str:
    """Return the time until then in words, coarse: "80 days", "5 hours", "3 minutes"."""
    seconds = max(0.0, (expires - now).total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return "less than a minute"
