"""A process on a pty of its own, fed and read by the event loop, within bounds, and ended within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

READ_BYTES = 64 * 1024
MOST_TYPED = 64 * 1024
"""Bytes that may wait for a process which reads nothing."""
END_WITHIN = 10.0
"""Seconds that a process has to close its connections, once asked to end; then it is killed."""
LAST_READS = 64
"""Reads of what a process that has ended left behind, at most."""
LARGEST = 1_000
"""Columns, or rows."""


class PtyProcess:
    """Starts with `start`; `wait` returns once it has ended and everything it wrote was handed on.

    Args:
        output: takes what the process writes.
        typed_enough: told whether more than `MOST_TYPED` bytes wait to be read by the process.
    """

    def __init__(self, output: Callable[[bytes], None], typed_enough: Callable[[bool], None]) -> None:
        self._output = output
        self._typed_enough = typed_enough
        self._ours = -1
        self._typed = bytearray()
        self._process: Process | None = None
        self._reads = self._writes = False
        self._killing: asyncio.TimerHandle | None = None

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path, columns: int, rows: int
    ) -> None:
        """Run the command.

        Raises:
            OSError: it cannot be run.
        """
        self._ours, theirs = os.openpty()
        try:
            os.set_blocking(self._ours, False)
            self.resize(columns, rows)
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,
            )
        except BaseException:
            self._close()
            raise
        finally:
            os.close(theirs)
        self.resume_output()

    async def wait(self) -> int:
        """Return the exit code; negative for a signal."""
        assert self._process is not None
        code = await self._process.wait()
        if self._killing is not None:
            self._killing.cancel()
        for _ in range(LAST_READS):
            if self._ours < 0 or not self._read():
                break
        self._close()
        return code

    # Out

    def pause_output(self) -> None:
        """Read no more for now: the process waits."""
        if self._reads:
            self._reads = False
            asyncio.get_running_loop().remove_reader(self._ours)

    def resume_output(self) -> None:
        """Go on reading."""
        if not self._reads and self._ours >= 0:
            self._reads = True
            asyncio.get_running_loop().add_reader(self._ours, self._read)

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            # Linux's word for the end of a pty.
            data = b""
        if data:
            self._output(data)
        else:
            self.pause_output()
        return bool(data)

    # In

    def type(self, data: bytes) -> None:
        """Hand on what was typed."""
        if self._ours < 0:
            return
        self._typed += data
        self._write()
        if len(self._typed) > MOST_TYPED:
            self._typed_enough(True)

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._typed:
                del self._typed[: os.write(self._ours, self._typed[:4096])]
        except BlockingIOError:
            if not self._writes:
                self._writes = True
                loop.add_writer(self._ours, self._write)
            return
        except OSError:
            self._typed.clear()
        if self._writes:
            self._writes = False
            loop.remove_writer(self._ours)
            self._typed_enough(False)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the pty; the process is told."""
        if self._ours >= 0:
            columns, rows = (min(max(value, 1), LARGEST) for value in (columns, rows))
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # The end

    def end(self) -> None:
        """Ask the process to end; it is killed where it does not."""
        process = self._process
        if process is not None and process.returncode is None and self._killing is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            self._kill_later()

    def _kill_later(self) -> None:
        if self._process is not None and self._process.returncode is None and self._killing is None:
            self._killing = asyncio.get_running_loop().call_later(END_WITHIN, self._kill)

    def hang_up(self) -> None:
        """Take the terminal away; the kernel tells the process so."""
        self._close()
        self._kill_later()

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _close(self) -> None:
        if self._ours < 0:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._ours)
        loop.remove_writer(self._ours)
        self._reads = self._writes = False
        self._typed.clear()
        os.close(self._ours)
        self._ours = -1
