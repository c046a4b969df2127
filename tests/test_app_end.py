"""However the dashboard ends, it leaves a clean terminal, no connection and no process behind. Over a real pty."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import NatsServer
from tests.waiting import until_sync

ROOT = Path(__file__).parent.parent
ENTERS_ALTERNATE_SCREEN = b"\x1b[?1049h"
LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"
SHOWS_CURSOR = b"\x1b[?25h"


class Terminal:
    """A program on a pty of its own."""

    def __init__(self, *arguments: str, columns: int = 100, rows: int = 30) -> None:
        self.output = b""
        self.code: int | None = None
        self.pid, self.master = pty.fork()
        if not self.pid:
            os.chdir(ROOT)
            os.environ["TERM"] = "xterm-256color"
            os.environ["PYTHONPATH"] = str(ROOT)
            os.execv(sys.executable, [sys.executable, *arguments])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> bytes:
        """Everything written so far."""
        while self.master >= 0 and select.select([self.master], [], [], 0)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.output += data
        return self.output

    def until_shown(self, text: bytes, timeout: float = 20.0) -> None:
        until_sync(lambda: text in self.read(), timeout, f"{text!r} shown")

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self.master)
        self.master = -1

    def until_ended(self, timeout: float = 15.0) -> int:
        """Wait for the program's end; its exit code."""

        def ended() -> bool:
            self.read()
            if self.code is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.code = os.waitstatus_to_exitcode(status)
            return self.code is not None

        until_sync(ended, timeout, "the program's end")
        self.read()
        assert self.code is not None
        return self.code

    def close(self) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.master >= 0:
            os.close(self.master)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """`terminal(*arguments)`: Python with these arguments on a pty, ended after the test."""
    terminals: list[Terminal] = []

    def make(*arguments: str) -> Terminal:
        terminals.append(Terminal(*arguments))
        return terminals[-1]

    yield make
    for one in terminals:
        one.close()


def dashboard(make: Callable[..., Terminal], server: NatsServer) -> Terminal:
    one = make("-m", "natstui", "--server", server.url, "--panel", "subscribe:orders.>", "--panel", "publish")
    until_sync(lambda: len(server.connections()) == 2, 20, "both panels connected")
    one.until_shown(ENTERS_ALTERNATE_SCREEN)
    until_sync(lambda: _is_raw(one.master), 20, "keys are read")
    return one


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda one: one.type(b"\x11"), 0),
        (lambda one: one.signal(signal.SIGTERM), 128 + signal.SIGTERM),
        (lambda one: one.signal(signal.SIGHUP), 128 + signal.SIGHUP),
    ],
    ids=["ctrl+q", "SIGTERM", "SIGHUP"],
)
def test_each_way_out_leaves_a_clean_terminal(
    nats_server: NatsServer, terminal: Callable[..., Terminal], end: Callable[[Terminal], None], code: int
) -> None:
    one = dashboard(terminal, nats_server)
    attributes = termios.tcgetattr(one.master)
    assert not attributes[3] & termios.ECHO
    end(one)
    assert one.until_ended() == code
    assert LEAVES_ALTERNATE_SCREEN in one.output and SHOWS_CURSOR in one.output
    assert b"Traceback" not in one.output
    assert nats_server.connections() == []


def test_it_ends_when_the_terminal_goes_away(nats_server: NatsServer, terminal: Callable[..., Terminal]) -> None:
    one = dashboard(terminal, nats_server)
    one.hang_up()
    assert one.until_ended() == 128 + signal.SIGHUP
    assert nats_server.connections() == []


def test_it_ends_in_time_with_a_frozen_server(nats_server: NatsServer, terminal: Callable[..., Terminal]) -> None:
    one = dashboard(terminal, nats_server)
    nats_server.freeze()
    try:
        began = time.monotonic()
        one.signal(signal.SIGTERM)
        assert one.until_ended(20) == 128 + signal.SIGTERM
        assert time.monotonic() - began < 15
        assert LEAVES_ALTERNATE_SCREEN in one.output
    finally:
        nats_server.thaw()


def test_it_goes_on_after_being_stopped_and_continued(
    nats_server: NatsServer, terminal: Callable[..., Terminal]
) -> None:
    one = dashboard(terminal, nats_server)
    one.signal(signal.SIGSTOP)
    until_sync(lambda: Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    one.signal(signal.SIGCONT)
    until_sync(lambda: one.read().count(ENTERS_ALTERNATE_SCREEN) == 2, 20, "the terminal taken back")
    until_sync(lambda: _is_raw(one.master), 20, "keys are read again")
    one.type(b"\x11")
    assert one.until_ended() == 0
    assert LEAVES_ALTERNATE_SCREEN in one.output


def _is_raw(terminal: int) -> bool:
    return not termios.tcgetattr(terminal)[3] & termios.ICANON


CRASHING = """
import sys
from natstui import app
from natstui.launch import Launch, PanelSpec
from natstui.settings import Settings
from natstui.connection.options import ConnectOptions

class Crashing(app.NatstuiApp):
    def on_mount(self):
        self.set_timer(0.5, self.fall)

    def fall(self):
        secret = "hunter" + str(len(sys.argv))
        raise RuntimeError("a mistake of ours")

launch = Launch(Settings(), ConnectOptions(servers=[sys.argv[1]]), (PanelSpec("publish", "a"),))
one = Crashing(launch)
one.run()
sys.exit(one.return_code)
"""


def test_a_crash_leaves_a_clean_terminal_and_tells_no_secrets(
    nats_server: NatsServer, terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    script = tmp_path / "crashing.py"
    script.write_text(CRASHING)
    one = terminal(str(script), nats_server.url)
    assert one.until_ended(20) == 1
    assert b"a mistake of ours" in one.output and LEAVES_ALTERNATE_SCREEN in one.output
    assert b"hunter2" not in one.output
    assert nats_server.connections() == []
