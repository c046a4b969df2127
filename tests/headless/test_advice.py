"""What follows from a diagnosis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from natstui.connection.address import parse_server
from natstui.connection.options import ConnectOptions
from natstui.headless.advice import advise, detection_time, remaining
from natstui.headless.diagnosis import ServerDiagnosis, StageReport, Status

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def server(url: str = "nats://10.0.0.1", info: dict[str, Any] | None = None, **fields: Any) -> ServerDiagnosis:
    return ServerDiagnosis(ConnectOptions(), parse_server(url)[0], info=info or {}, **fields)


def told(diagnosis: ServerDiagnosis, **options: Any) -> list[tuple[Status, str]]:
    return [(advice.status, advice.text) for advice in advise(ConnectOptions(**options), [diagnosis], NOW)]


def test_silence_is_noticed_after_n_to_n_plus_1_intervals() -> None:
    assert detection_time(ConnectOptions(ping_interval=20, max_outstanding_pings=5)) == (100, 120)


def test_the_defaults_need_no_advice() -> None:
    assert told(server()) == []


@pytest.mark.parametrize(
    ("diagnosis", "options", "status", "said"),
    [
        (server(), {"ping_interval": 120}, Status.WARNING, "goes unnoticed for up to 6m0s"),
        (server(), {"ping_interval": 90}, Status.OK, "drop connections that are idle"),
        (server(), {"max_outstanding_pings": 1}, Status.OK, "a single late answer costs the connection"),
        (server(rtt=0.6), {"ping_interval": 1}, Status.WARNING, "is long beside the ping interval (1s)"),
        (
            server(info={"client_ip": "203.0.113.9"}, local_ip="10.0.0.5"),
            {},
            Status.OK,
            "sees us as 203.0.113.9, not as 10.0.0.5: a NAT or proxy stands between. Its idle limit must be longer",
        ),
        (
            server(info={"client_ip": "203.0.113.9"}, local_ip="10.0.0.5"),
            {"ping_interval": 90},
            Status.WARNING,
            "a ping every 1m30s may be too seldom; set ping_interval to 20s",
        ),
        (server(info={"connect_urls": ["a:1", "b:1", "c:1"]}), {}, Status.OK, "The cluster has 3 servers"),
        (
            server(info={"connect_urls": ["a:1", "b:1"]}),
            {"ignore_discovered_servers": True},
            Status.WARNING,
            "nothing is left to try",
        ),
        (server(info={"ldm": True}), {}, Status.WARNING, "in lame duck mode"),
        (
            server(info={"auth_required": True}),
            {},
            Status.WARNING,
            "Credentials travel to nats://10.0.0.1:4222 unencrypted",
        ),
        (server(certificate_expires=NOW + timedelta(days=13)), {}, Status.WARNING, "expires in 13 days"),
        (server(certificate_expires=NOW - timedelta(days=1)), {}, Status.WARNING, "expired on 2026-06-30 12:00 UTC"),
        (
            server(client_certificate_expires=NOW + timedelta(days=2)),
            {},
            Status.WARNING,
            "Our client certificate expires",
        ),
        (server(jwt_expires=NOW + timedelta(minutes=90)), {}, Status.WARNING, "The user JWT expires in 1 hour,"),
    ],
)
def test_each_finding_leads_to_its_advice(
    diagnosis: ServerDiagnosis, options: dict[str, Any], status: Status, said: str
) -> None:
    assert [found for found, text in told(diagnosis, **options) if said in text] == [status]


@pytest.mark.parametrize(
    "diagnosis",
    [
        server(certificate_expires=NOW + timedelta(days=15)),
        server(jwt_expires=NOW + timedelta(days=15)),
        server("nats://127.0.0.1", info={"auth_required": True}),
        server("nats://localhost", info={"auth_required": True}),
        server(info={"auth_required": True}, stages=[StageReport("TLS", Status.OK, 0.01, "TLSv1.3")]),
        server(info={"client_ip": "10.0.0.5"}, local_ip="10.0.0.5"),
        server(info={"connect_urls": ["a:1"]}),
        server(rtt=0.4),
    ],
)
def test_what_is_in_order_leads_to_none(diagnosis: ServerDiagnosis) -> None:
    assert told(diagnosis) == []


def test_warnings_come_first_and_once() -> None:
    options = ConnectOptions(max_outstanding_pings=1)
    expiring = [server(jwt_expires=NOW + timedelta(days=1)), server("nats://b", jwt_expires=NOW + timedelta(days=1))]
    found = advise(options, expiring, NOW)
    assert [advice.status for advice in found] == [Status.WARNING, Status.OK]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=80, hours=3), "80 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(seconds=61), "1 minute"),
        (timedelta(seconds=3), "less than a minute"),
    ],
)
def test_the_time_left_is_told_coarsely(left: timedelta, words: str) -> None:
    assert remaining(NOW + left, NOW) == words
