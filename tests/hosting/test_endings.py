"""However natstui or its server ends or stops for a while, the terminal and the server are left clean. In real ptys."""

from __future__ import annotations

import os
import signal
import termios
import time
from collections.abc import Iterator

import pytest

from tests.hosting.display import PATIENCE, Display
from tests.servers import NatsServer, process_state
from tests.terminals import Terminal
from tests.waiting import until_sync

PANELS = ["--panel", "publish:orders.new", "--panel", "subscribe:orders.>"]
MODES = ("1000", "1002", "1003", "1004", "1006", "1015", "1049", "2004", "2026")
"""Modes that have to be off again: mouse, focus, alternate screen, bracketed paste, synchronised output."""


@pytest.fixture
def terminal(nats_server: NatsServer) -> Iterator[Terminal]:
    """A dashboard with two connected panels."""
    with Terminal(["--server", nats_server.url, *PANELS]) as one:
        connected(one, nats_server)
        yield one


def connected(terminal: Terminal, server: NatsServer) -> None:
    display = Display(terminal)
    display.shows_soon("2 connected")
    display.shows_soon("waiting for messages")
    assert len(server.connections()) == 2


def assert_clean(terminal: Terminal) -> None:
    """The line settings are as before, and each mode that was ever turned on was turned off last."""
    assert terminal.settings == terminal.before
    output = terminal.output
    for mode in MODES:
        on, off = output.rfind(b"\x1b[?%sh" % mode.encode()), output.rfind(b"\x1b[?%sl" % mode.encode())
        assert off > on or on == off == -1, f"mode {mode} is left on"
    assert output.rfind(b"\x1b[?25h") > output.rfind(b"\x1b[?25l"), "the cursor is left hidden"
    assert b"Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_it_with_everything_closed(
    terminal: Terminal, nats_server: NatsServer, number: signal.Signals
) -> None:
    os.kill(terminal.process.pid, number)
    assert terminal.ended() == 128 + number
    assert nats_server.connections() == []
    assert_clean(terminal)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_before_the_first_paint_ends_it_as_well(nats_server: NatsServer, number: signal.Signals) -> None:
    with Terminal(["--server", nats_server.url, *PANELS]) as terminal:
        until_sync(lambda: b"\x1b[?1049h" in terminal.output, PATIENCE)
        os.kill(terminal.process.pid, number)
        assert terminal.ended() in (128 + number, -number)
        assert terminal.settings == terminal.before
        until_sync(lambda: nats_server.connections() == [], PATIENCE)


def test_a_killed_natstui_leaves_no_connection(terminal: Terminal, nats_server: NatsServer) -> None:
    terminal.process.kill()
    assert terminal.ended() == -signal.SIGKILL
    until_sync(lambda: nats_server.connections() == [], PATIENCE)


def test_a_killed_server_is_waited_for_and_left_cleanly(terminal: Terminal, nats_server: NatsServer) -> None:
    nats_server.kill()
    display = Display(terminal)
    display.shows_soon("reconnecting")
    terminal.type("\x11")
    assert terminal.ended() == 0
    assert_clean(terminal)


def test_a_server_that_comes_back_has_two_connections_again(terminal: Terminal, nats_server: NatsServer) -> None:
    nats_server.kill()
    Display(terminal).shows_soon("reconnecting")
    nats_server.start()
    until_sync(lambda: len(nats_server.connections()) == 2, PATIENCE)
    Display(terminal).shows_soon("offline")
    terminal.type("\x11")
    assert terminal.ended() == 0
    assert nats_server.connections() == []
    assert_clean(terminal)


def test_suspended_it_gives_the_terminal_back_and_resumed_it_shows_everything(
    terminal: Terminal, nats_server: NatsServer
) -> None:
    os.kill(terminal.process.pid, signal.SIGTSTP)
    until_sync(lambda: process_state(terminal.process.pid) == "T", PATIENCE)
    until_sync(lambda: terminal.output.endswith(b"\x1b[?1004l"), PATIENCE, "the terminal is given back")
    assert_clean(terminal)
    resumed_at = len(terminal.output)
    os.kill(terminal.process.pid, signal.SIGCONT)
    # Whatever else wrote to the terminal meanwhile, all is painted anew.
    display = Display(terminal, since=resumed_at)
    for words in ("2 connected", "1 publish orders.new", "waiting for messages", "F1 help"):
        display.shows_soon(words)
    assert not terminal.settings[3] & termios.ECHO  # type: ignore[operator]
    assert len(nats_server.connections()) == 2
    terminal.type("\x11")
    assert terminal.ended() == 0
    assert nats_server.connections() == []
    assert_clean(terminal)


def test_after_a_standstill_everything_is_as_before(nats_server_factory: object) -> None:
    """SIGSTOP gives no warning. This server gives up on clients that are silent for two seconds."""
    server: NatsServer = nats_server_factory(ping_interval=1.0, ping_max=1)  # type: ignore[operator]
    with Terminal(["--server", server.url, *PANELS]) as terminal:
        connected(terminal, server)
        os.kill(terminal.process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        until_sync(lambda: time.monotonic() - stopped > 3 and server.connections() == [], PATIENCE, "given up on")
        resumed_at = len(terminal.output)
        os.kill(terminal.process.pid, signal.SIGCONT)
        until_sync(lambda: len(server.connections()) == 2, PATIENCE, "both panels connected again")
        display = Display(terminal, since=resumed_at)
        for words in ("2 connected", "1 publish orders.new", "messages may be missing", "F1 help"):
            display.shows_soon(words)
        terminal.type("\x11")
        assert terminal.ended() == 0
        assert server.connections() == []
        assert_clean(terminal)


def stopped(terminal: Terminal) -> None:
    """SIGSTOP, which gives no warning."""
    os.kill(terminal.process.pid, signal.SIGSTOP)
    until_sync(lambda: process_state(terminal.process.pid) == "T", PATIENCE)


def test_a_standstill_longer_than_its_own_pings_allow_costs_no_connection(nats_server: NatsServer) -> None:
    """natstui would give up a server that is silent for a second; here it was natstui that did not listen."""
    with Terminal(["--server", nats_server.url, "--ping-interval", "400ms", *PANELS]) as terminal:
        connected(terminal, nats_server)
        before = sorted(client["cid"] for client in nats_server.connections())
        stopped(terminal)
        since = time.monotonic()
        until_sync(lambda: time.monotonic() - since > 2.5, PATIENCE)
        resumed_at = len(terminal.output)
        os.kill(terminal.process.pid, signal.SIGCONT)
        Display(terminal, since=resumed_at).shows_soon("2 connected")
        answered = nats_server.varz()["in_msgs"]
        terminal.type("\x1b[15~")
        until_sync(lambda: nats_server.varz()["in_msgs"] > answered, PATIENCE, "a message was published")
        assert sorted(client["cid"] for client in nats_server.connections()) == before
        terminal.type("\x11")
        assert terminal.ended() == 0
        assert_clean(terminal)


def test_a_server_restarted_during_a_standstill_is_found_again(terminal: Terminal, nats_server: NatsServer) -> None:
    stopped(terminal)
    nats_server.kill()
    nats_server.start()
    resumed_at = len(terminal.output)
    os.kill(terminal.process.pid, signal.SIGCONT)
    until_sync(lambda: len(nats_server.connections()) == 2, PATIENCE, "both panels connected again")
    display = Display(terminal, since=resumed_at)
    for words in ("2 connected", "messages may be missing"):
        display.shows_soon(words)
    terminal.type("\x11")
    assert terminal.ended() == 0
    assert nats_server.connections() == []
    assert_clean(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_to_a_suspended_natstui_ends_it_when_it_goes_on(
    terminal: Terminal, nats_server: NatsServer, number: signal.Signals
) -> None:
    """`kill %1` of a shell: the signal, and then SIGCONT."""
    os.kill(terminal.process.pid, signal.SIGTSTP)
    until_sync(lambda: process_state(terminal.process.pid) == "T", PATIENCE)
    os.kill(terminal.process.pid, number)
    os.kill(terminal.process.pid, signal.SIGCONT)
    assert terminal.ended() == 128 + number
    assert nats_server.connections() == []
    assert_clean(terminal)


def test_ctrl_z_is_a_key_and_stops_nothing(terminal: Terminal, nats_server: NatsServer) -> None:
    terminal.type("\x1a")
    published = nats_server.varz()["in_msgs"]
    terminal.type("\x1b[15~")
    until_sync(lambda: nats_server.varz()["in_msgs"] > published, PATIENCE, "a message was published")
    assert process_state(terminal.process.pid) != "T"
    terminal.type("\x11")
    assert terminal.ended() == 0
    assert_clean(terminal)
