"""The real dashboard in a real pty, read through a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable
from typing import Self

import pyte

from benchmarks.processes import ROOT

COLUMNS, ROWS = 120, 40
_SYNC_QUERY, _SYNC_ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
# What pyte takes for text: queries, and the kitty keyboard protocol.
_NOT_FOR_PYTE = re.compile(rb"\x1b\[[?>=<][0-9;]*(?:\$p|u)")
_FOOTER = re.compile(r"received ([0-9,]+) .* kept .*")


class Dashboard:
    """natstui with these arguments, 120×40, truecolour, with settings of its own. Ends with the `with` block.

    A thread reads the pty and notes when each piece came; the emulator runs only when the screen is asked for.
    `module` is what Python runs in place of natstui, with these arguments.
    """

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None, module: str = "natstui") -> None:
        self._home = tempfile.TemporaryDirectory(prefix="natstui-benchmark-")
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._pieces: list[tuple[float, bytes]] = []
        self._came = threading.Condition()
        self.bytes_written = 0
        """Bytes that the dashboard has written to its terminal."""
        self._terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            cwd=ROOT,
            env=self._environment() | (environment or {}),
        )
        os.close(inside)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _environment(self) -> dict[str, str]:
        ours = ("NATS", "SSH_", "TEXTUAL", "XDG_", "NO_COLOR", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return kept | {"HOME": self._home.name, "TERM": "xterm-256color", "COLORTERM": "truecolor"}

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._terminal, 1 << 16)
            except OSError:
                return
            now = time.perf_counter()
            if _SYNC_QUERY in piece:
                os.write(self._terminal, _SYNC_ANSWER)
            with self._came:
                self.bytes_written += len(piece)
                self._pieces.append((now, piece))
                self._came.notify()

    @property
    def pid(self) -> int:
        return self._process.pid

    def press(self, keys: str) -> float:
        """Type; return when."""
        now = time.perf_counter()
        os.write(self._terminal, keys.encode())
        return now

    def text(self) -> str:
        """The screen as it is now."""
        self._catch_up()
        return "\n".join(self._screen.display)

    def _catch_up(self) -> float:
        """Emulate what came; return when the last piece of it came."""
        with self._came:
            pieces, self._pieces = self._pieces, []
        for _, piece in pieces:
            self._stream.feed(_NOT_FOR_PYTE.sub(b"", piece))
        return pieces[-1][0] if pieces else 0.0

    def until(self, holds: Callable[[str], bool], seconds: float = 10.0) -> float:
        """Wait until the screen satisfies `holds`; return when what made it so came from the dashboard.

        Raises:
            TimeoutError: it did not; with the screen.
        """
        deadline = time.perf_counter() + seconds
        while True:
            at = self._catch_up() or time.perf_counter()
            text = "\n".join(self._screen.display)
            if holds(text):
                return at
            with self._came:
                if not self._pieces and not self._came.wait(max(0.0, deadline - time.perf_counter())):
                    raise TimeoutError(f"The dashboard did not show what was expected within {seconds:g} s:\n{text}")

    def until_written(self, text: str, seconds: float = 20.0) -> float:
        """Wait until `text`, a single character that stands nowhere else, is written; return when it came."""
        wanted = text.encode()
        deadline = time.perf_counter() + seconds
        seen, cut = 0, b""
        with self._came:
            while True:
                for at, piece in self._pieces[seen:]:
                    if wanted in cut + piece:
                        return at
                    cut = piece[-3:]
                seen = len(self._pieces)
                if not self._came.wait(max(0.0, deadline - time.perf_counter())):
                    raise TimeoutError(f"The dashboard did not write {text!r} within {seconds:g} s")

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._catch_up()
        self._screen.resize(rows, columns)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # The pty is nobody's controlling terminal.
        os.kill(self.pid, signal.SIGWINCH)

    def ended(self, seconds: float = 15.0) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(seconds)

    def received(self) -> int:
        """Messages that the subscribe panel says it received."""
        return received(self.text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(1)
        os.close(self._terminal)
        self._home.cleanup()


def received(screen: str) -> int:
    """Messages received, as the footer of the (first) subscribe panel says; −1 where it does not."""
    found = _FOOTER.search(screen)
    return int(found[1].replace(",", "")) if found else -1


def footer(screen: str) -> str:
    """What the footer of the (first) subscribe panel says."""
    found = _FOOTER.search(screen)
    return found[0] if found else ""
