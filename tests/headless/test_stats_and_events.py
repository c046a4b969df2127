"""`natstui stats` and `natstui events` as processes of their own, over real servers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import natstui
from natstui import cli
from natstui.connection.stats import ConnectionStats
from tests.servers import NatsServer
from tests.waiting import until_sync

SEEDS_KEYS = ["connection_id", "last_activity", "idle_timeout", "time_remaining", "is_healthy", "is_connected"]


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "natstui", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(natstui.__file__).parent.parent,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout)


def test_stats_are_printed_once_as_json_with_the_seeds_keys_first(
    nats_server_factory: Callable[..., NatsServer], capsys: pytest.CaptureFixture[str]
) -> None:
    server = nats_server_factory(name="n1")
    assert cli.main(["stats", "--json", "--server", server.url]) == 0
    captured = capsys.readouterr()
    (line,) = captured.out.splitlines()
    found = json.loads(line)
    assert list(found)[:6] == SEEDS_KEYS
    assert set(found) == set(ConnectionStats.model_fields)
    assert (found["idle_timeout"], found["is_healthy"], found["is_connected"]) == ("30m0s", True, True)
    assert (found["state"], found["server"], found["server_name"]) == ("connected", server.url, "n1")
    assert found["rtt_ms"] > 0
    assert captured.err == ""


def test_stats_for_people_have_one_figure_a_line(nats_server: NatsServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stats", "--server", nats_server.url]) == 0
    rows = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines() if line)
    assert set(rows) == set(ConnectionStats.model_fields)
    assert (rows["is_healthy"], rows["last_in"], rows["server_pool"]) == ("true", "-", f"{nats_server.url} (current)")


def test_stats_of_a_connection_that_cannot_be_made_say_why_and_are_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stats", "--json", "--server", "nats://127.0.0.1:1"]) == 2
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert (found["is_connected"], found["state"]) == (False, "failed")
    assert "connection refused" in found["last_error"]
    assert captured.err == ""


def test_stats_at_an_interval_follow_the_connection_until_a_signal(
    nats_server: NatsServer, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("stats", "--json", "--interval", "50ms", "--ping-interval", "50ms", "--server", nats_server.url)
    found: dict[str, Any] = {}
    for line in lines(process):
        found = json.loads(line)
        if found["is_connected"]:
            break
    assert nats_server.connections()[0]["name"] == "natstui stats"
    nats_server.kill()
    for line in lines(process):
        found = json.loads(line)
        if found["state"] == "reconnecting":
            break
    assert found["is_healthy"] is False
    nats_server.restart()
    for line in lines(process):
        found = json.loads(line)
        if found["reconnects"] == 1 and found["is_connected"]:
            break
    assert found["opens"] == 1
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + signal.SIGTERM, "")
    until_sync(lambda: nats_server.connections() == [], 10, "the connection to be closed")


def test_events_are_lines_as_they_happen(nats_server: NatsServer, start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("events", "--json", "--server", nats_server.url, "--ping-interval", "100ms")
    seen: list[dict[str, Any]] = []
    for line in lines(process):
        seen.append(json.loads(line))
        if seen[-1]["event"] == "PongReceived":
            break
    kinds = [event["event"] for event in seen]
    assert kinds.index("Attempt") < kinds.index("Connected") < kinds.index("PingSent") < kinds.index("PongReceived")
    for event in seen:
        assert list(event)[:3] == ["at", "connection_id", "event"]
        assert event["text"]
    connected = seen[kinds.index("Connected")]
    assert connected["server"] == nats_server.url
    nats_server.kill()
    for line in lines(process):
        if json.loads(line)["event"] == "Disconnected":
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")


def test_a_stale_connection_is_explained(nats_server: NatsServer, start: Callable[..., subprocess.Popen[str]]) -> None:
    pings = ("--ping-interval", "200ms", "--max-outstanding-pings", "1")
    data = start("events", "--json", "--server", nats_server.url, *pings)
    people = start("events", "--server", nats_server.url, *pings)
    said = lines(people)
    assert any('"Connected"' in line for line in lines(data)) and any("connected to" in line for line in said)
    nats_server.freeze()
    stale = next(event for event in map(json.loads, lines(data)) if event["event"] == "StaleConnection")
    noticed, settings, *changes = stale["explanation"]
    assert noticed.startswith("natstui noticed after")
    assert settings == "ping every 200ms × 1 allowed → noticed within 200ms to 400ms"
    assert any("max_outstanding_pings" in change for change in changes)
    assert any("↳ natstui noticed after" in line for line in said)
    assert any("↳ ping every 200ms" in line for line in said)


def test_events_for_people_start_with_the_time(
    nats_server: NatsServer, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("events", "--server", nats_server.url)
    for line in lines(process):
        moment, text = line.rstrip("\n").split("  ", 1)
        assert moment.endswith("Z")
        if text.startswith(f"connected to {nats_server.url}"):
            break
    else:
        pytest.fail("never connected")


def test_events_say_once_that_they_go_on_trying(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("events", "--json", "--server", "nats://127.0.0.1:1")
    attempts = (json.loads(line)["event"] for line in lines(process))
    for _ in range(4):
        next(event for event in attempts if event == "AttemptFailed")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.startswith("natstui: not connected; events is a monitor and goes on trying until interrupted")
    assert len(said.splitlines()) == 1


def test_events_end_with_2_where_the_credentials_are_refused(
    nats_server_factory: Callable[..., NatsServer], capsys: pytest.CaptureFixture[str]
) -> None:
    server = nats_server_factory(token="right")
    assert cli.main(["events", "--json", "--server", server.url]) == 2
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    failed = next(event for event in found if event["event"] == "AttemptFailed")
    assert failed["stage"] == "authentication"
    assert "asks for credentials" in failed["error"]
