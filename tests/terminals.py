"""A real pseudo-terminal with natstui in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.waiting import until_sync


class Terminal:
    """A command in a pty, in a session of its own; everything it writes is kept in `output`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable, "-m", "natstui"),
    ) -> None:
        self._lock = threading.Lock()
        self._output = bytearray()
        self._ours, theirs = os.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            [*program, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="pty reader", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                ready, _, _ = select.select([self._ours], [], [], 0.2)
                if not ready:
                    if self.process.poll() is not None:
                        return
                    continue
                data = os.read(self._ours, 1 << 16)
            except (OSError, ValueError):
                return
            with self._lock:
                self._output += data

    @property
    def output(self) -> bytes:
        """Everything written so far."""
        with self._lock:
            return bytes(self._output)

    @property
    def settings(self) -> list[object]:
        """The terminal's line settings (termios)."""
        return termios.tcgetattr(self._theirs)

    def type(self, keys: str | bytes) -> None:
        """Press keys, all in one write."""
        os.write(self._ours, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; the process is told."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = getattr(self, "process", None)
        if process is not None:
            os.kill(process.pid, signal.SIGWINCH)

    def shows(self, text: str, timeout: float = 30.0) -> None:
        """Wait until the text has been written."""
        until_sync(lambda: text.encode() in self.output, timeout, f"the terminal shows {text!r}")

    def ended(self, timeout: float = 30.0) -> int:
        """Wait for the end, and for the last of the output; return the exit code."""
        code = self.process.wait(timeout)
        self._reader.join(5)
        return code

    def hang_up(self) -> None:
        """Lose the terminal, as a dropped ssh link does."""
        os.close(self._theirs)
        os.close(self._ours)
        self._theirs = self._ours = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        deadline = time.monotonic() + 2
        self._reader.join(max(0.0, deadline - time.monotonic()))
        for descriptor in (self._ours, self._theirs):
            with contextlib.suppress(OSError):
                os.close(descriptor)
