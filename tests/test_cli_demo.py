"""`natstui demo`: a server and panels, and nothing is left behind."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import natstui
from natstui.embedded import find_nats_server
from tests.waiting import until_sync

pytestmark = pytest.mark.skipif(find_nats_server() is None, reason="no nats-server")

# natstui's own command line, with a dashboard that only tells what it got and then waits, crashes or ends.
PROGRAM = """
import json, sys, time, types
from natstui import cli

def run_dashboard(launch):
    print(json.dumps({
        "servers": launch.options.servers,
        "ping_interval": launch.options.ping_interval,
        "demo": launch.demo,
        "panels": [[panel.kind, panel.argument, panel.queue] for panel in launch.panels],
    }), flush=True)
    if sys.argv[1] == "crash":
        raise RuntimeError("the dashboard crashed")
    if sys.argv[1] == "wait":
        time.sleep(60)
    return 0

app = types.ModuleType("natstui.app")
app.run_dashboard = run_dashboard
sys.modules["natstui.app"] = app
cli._has_terminal = lambda: True
sys.exit(cli.main(["demo", *sys.argv[2:]]))
"""


def start(ending: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, ending, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(natstui.__file__).parent.parent,
    )


def answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5).close()
    except OSError:
        return False
    return True


def told(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    found: dict[str, object] = json.loads(line)
    return found


@pytest.mark.parametrize("ending", ["quit", "crash", "SIGTERM", "SIGHUP"])
def test_the_server_ends_with_natstui_however_that_ends(ending: str) -> None:
    with start("wait" if ending.startswith("SIG") else ending, "--no-traffic") as process:
        try:
            launch = told(process)
            (url,) = launch["servers"]  # type: ignore[misc]
            if ending.startswith("SIG"):
                assert answers(url)
                process.send_signal(signal.Signals[ending])
            code = process.wait(30)
        finally:
            process.kill()
    expected = {"quit": 0, "crash": 1, "SIGTERM": 128 + signal.SIGTERM, "SIGHUP": 128 + signal.SIGHUP}
    assert code == expected[ending]
    until_sync(lambda: not answers(url), 10, "the embedded server to be gone")


def test_it_opens_the_sample_panels_on_its_own_server_whatever_the_settings_say(
    own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_URL", "nats://prod:4222")
    monkeypatch.setenv("NATSTUI_TOKEN", "t")
    with start("quit", "--seed", "7", "--rate", "2", "--ping-interval", "3s") as process:
        launch = told(process)
        assert process.wait(30) == 0
    (url,) = launch["servers"]  # type: ignore[misc]
    assert url.startswith("nats://127.0.0.1:")
    assert (launch["demo"], launch["ping_interval"]) == (True, 3.0)
    assert [panel[0] for panel in launch["panels"]] == ["subscribe", "publish", "request"]  # type: ignore[attr-defined]


def test_panels_that_are_named_replace_the_sample_panels() -> None:
    with start("quit", "--no-traffic", "--panel", "subscribe:metrics.>") as process:
        launch = told(process)
        assert process.wait(30) == 0
    assert launch["panels"] == [["subscribe", "metrics.>", ""]]


def test_without_a_nats_server_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    without = PROGRAM.replace(
        "cli._has", "import natstui.embedded.server as s; s.find_nats_server = lambda: None; cli._has"
    )
    done = subprocess.run(
        [sys.executable, "-c", without, "quit"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(natstui.__file__).parent.parent,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("natstui: ")
    assert done.stderr.count("\n") == 1
