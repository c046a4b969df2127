"""`natstui check`: the stages of connecting with their times, what the server told, and advice."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from natstui.connection.durations import format_duration
from natstui.connection.options import ConnectOptions
from natstui.headless.advice import Advice, advise, detection_time, remaining
from natstui.headless.diagnosis import DEFAULT_JETSTREAM_PREFIX, ServerDiagnosis, StageReport, Status
from natstui.headless.running import run_until_ended
from natstui.settings import Settings
from natstui.stream.sanitise import sanitise

EXIT_CODES = {Status.OK: 0, Status.WARNING: 1, Status.FAILED: 2}
_INFO_KEYS = (
    "server_name",
    "server_id",
    "version",
    "cluster",
    "domain",
    "client_id",
    "client_ip",
    "max_payload",
    "headers",
    "jetstream",
    "auth_required",
    "tls_required",
    "tls_verify",
    "tls_available",
    "connect_urls",
)


def run_check(settings: Settings, *, as_json: bool) -> int:
    """Diagnose every server of the settings, print what was found, and return 0 (ok), 1 (warning) or 2 (failed)."""
    return run_until_ended(_check(settings, as_json))


async def _check(settings: Settings, as_json: bool) -> int:
    options = settings.connect_options()
    options = options if options.name else options.replace(name="natstui check")
    servers = [
        ServerDiagnosis(options, address, userinfo, _jetstream_prefix(settings)) for address, userinfo in options.pool
    ]
    for server in servers:
        if not as_json:
            print(f"{server.address.url}" + (f"  (context {sanitise(settings.context)})" if settings.context else ""))
        async for report in server.walk():
            if not as_json:
                print(_stage_line(report), flush=True)
        if not as_json:
            _print_facts(server)
    advice = advise(options, servers)
    status = overall(servers, advice)
    if as_json:
        print(json.dumps(_as_data(options, servers, advice, status), indent=2))
    else:
        _print_conclusion(options, advice, status)
    return EXIT_CODES[status]


def overall(servers: list[ServerDiagnosis], advice: list[Advice]) -> Status:
    """Return failed where no server can be used, warning where one cannot or advice warns, else ok."""
    if all(server.status is Status.FAILED for server in servers):
        return Status.FAILED
    worrying = any(server.status is not Status.OK for server in servers)
    return Status.WARNING if worrying or any(one.status is Status.WARNING for one in advice) else Status.OK


def _jetstream_prefix(settings: Settings) -> str:
    context = settings.nats_context
    if context is not None and context.jetstream_api_prefix:
        return context.jetstream_api_prefix.rstrip(".")
    if context is not None and context.jetstream_domain:
        return f"$JS.{context.jetstream_domain}.API"
    return DEFAULT_JETSTREAM_PREFIX


def _stage_line(report: StageReport) -> str:
    took = "" if report.seconds is None else f"{report.seconds * 1000:.1f} ms"
    line = f"  {report.status:<8} {report.stage:<15} {took:>10}  {sanitise(report.detail)}"
    return f"{line}: {sanitise(report.remedy)}" if report.remedy else line


def _print_facts(server: ServerDiagnosis) -> None:
    info = server.info
    if not info:
        return
    now = datetime.now(UTC)
    words = [
        str(info.get("server_name") or info.get("server_id") or "unnamed"),
        f"nats-server {info.get('version', '?')}",
        f"cluster {info['cluster']}" if info.get("cluster") else "no cluster",
    ]
    rows = [("server", ", ".join(words))]
    limits = f"payload {info.get('max_payload', 0):,} bytes" + ("" if info.get("headers") else ", no headers")
    rows.append(("limits", limits))
    for name, expires in (
        ("certificate", server.certificate_expires),
        ("client certificate", server.client_certificate_expires),
        ("user JWT", server.jwt_expires),
    ):
        if expires is not None:
            rows.append((name, f"until {expires:%Y-%m-%d %H:%M} UTC, {remaining(expires, now)} left"))
    for name, text in rows:
        print(f"  {name:<24} {sanitise(text)}")


def _print_conclusion(options: ConnectOptions, advice: list[Advice], status: Status) -> None:
    print(f"pings: {_ping_words(options)}")
    for one in advice:
        print(f"{'warning' if one.status is Status.WARNING else 'note'}: {sanitise(one.text)}")
    print(f"result: {status}")


def _ping_words(options: ConnectOptions) -> str:
    least, most = (format_duration(seconds) for seconds in detection_time(options))
    return (
        f"one every {format_duration(options.ping_interval)}, {options.max_outstanding_pings} may go unanswered, so a "
        f"silent server is noticed after {least} to {most}"
    )


def _as_data(
    options: ConnectOptions, servers: list[ServerDiagnosis], advice: list[Advice], status: Status
) -> dict[str, Any]:
    return {
        "status": status,
        "exit_code": EXIT_CODES[status],
        "servers": [
            {
                "server": server.address.url,
                "status": server.status,
                "stages": [
                    {
                        "stage": report.stage,
                        "status": report.status,
                        "ms": None if report.seconds is None else round(report.seconds * 1000, 3),
                        "detail": report.detail,
                        "remedy": report.remedy,
                    }
                    for report in server.stages
                ],
                "info": {key: server.info[key] for key in _INFO_KEYS if key in server.info},
                "rtt_ms": None if server.rtt is None else round(server.rtt * 1000, 3),
                "certificate_expires": _iso(server.certificate_expires),
                "client_certificate_expires": _iso(server.client_certificate_expires),
                "jwt_expires": _iso(server.jwt_expires),
            }
            for server in servers
        ],
        "pings": {
            "ping_interval": options.ping_interval,
            "max_outstanding_pings": options.max_outstanding_pings,
            "detection": list(detection_time(options)),
        },
        "advice": [
            {"level": "warning" if one.status is Status.WARNING else "note", "text": one.text} for one in advice
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
