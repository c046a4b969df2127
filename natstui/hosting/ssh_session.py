"""One session of `natstui serve`: a channel of an SSH connection, and the natstui behind it."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncssh

from natstui.connection.durations import format_duration
from natstui.hosting.audit import AuditError
from natstui.hosting.pty_process import PtyProcess
from natstui.hosting.session_command import session_command, session_environment

if TYPE_CHECKING:
    from natstui.hosting.ssh_server import Visitor

REFUSED = 2
"""The exit code of a session in which natstui is not started."""
SEND_AHEAD = 16 * 1024
"""Bytes that may wait for a slow client; beyond, natstui is not read and draws less often."""
NO_PTY = "this needs a terminal; use ssh -t"
NO_COMMANDS = "there is natstui here and nothing else: leave the command out"
CLEAN_TERMINAL = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?2026l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[m"
)
"""What a natstui that was killed owes the terminal."""


@dataclass
class _Asked:
    """What the client asked for."""

    term: str = ""
    columns: int = 0
    rows: int = 0
    has_pty: bool = False
    has_command: bool = False
    environment: dict[str, str] = field(default_factory=dict)


class Session(asyncssh.SSHServerSession[bytes]):
    """Runs natstui for one channel.

    Args:
        visitor: who came in, with the server behind.
        number: counts sessions since the server's start.
    """

    def __init__(self, visitor: Visitor, number: int) -> None:
        self.number = number
        self._visitor = visitor
        self._asked = _Asked()
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._pty: PtyProcess | None = None
        self._reason = ""
        self._began = self._typed_at = time.monotonic()
        self._idle: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None

    # What the client asks for

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        chan.set_write_buffer_limits(SEND_AHEAD)

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: object) -> bool:
        self._asked.term = (
            term_type if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}", term_type) else "xterm-256color"
        )
        self._asked.columns, self._asked.rows = term_size[:2]
        self._asked.has_pty = True
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._asked.has_command = True
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        self._visitor.refused(f"subsystem {subsystem}")
        return False

    def session_started(self) -> None:
        channel = self._channel
        assert channel is not None
        self._asked.environment = {str(name): str(value) for name, value in channel.get_environment().items()}
        refusal = NO_COMMANDS if self._asked.has_command else "" if self._asked.has_pty else NO_PTY
        refusal = refusal or self._visitor.server.no_room()
        if refusal:
            self._visitor.refused(refusal)
            self._say(refusal)
            channel.exit(REFUSED)
            return
        self.task = asyncio.get_running_loop().create_task(self._run(), name=f"session {self.number}")
        self._visitor.server.keep(self, self._visitor)

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        self._asked.columns, self._asked.rows = width, height
        if self._pty is not None:
            self._pty.resize(width, height)

    def signal_received(self, signal: str) -> None:
        if signal in ("HUP", "INT", "TERM"):
            self.end(f"signal {signal}")

    # Both ways

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._typed_at = time.monotonic()
        if self._pty is not None:
            self._pty.type(data)

    def eof_received(self) -> bool:
        return True

    def pause_writing(self) -> None:
        if self._pty is not None:
            self._pty.pause_output()

    def resume_writing(self) -> None:
        if self._pty is not None:
            self._pty.resume_output()

    def _hold_typing(self, is_enough: bool) -> None:
        if self._channel is not None:
            (self._channel.pause_reading if is_enough else self._channel.resume_reading)()

    def _send(self, data: bytes) -> None:
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(data)

    def _say(self, sentence: str) -> None:
        if self._channel is not None and not self._channel.is_closing():
            end = b"\r\n" if self._asked.has_pty else b"\n"
            self._channel.write_stderr(f"natstui: {sentence}".encode() + end)

    # Life

    async def _run(self) -> None:
        visitor, channel = self._visitor, self._channel
        assert channel is not None
        try:
            visitor.note("opened", session=self.number, term=self._asked.term)
        except AuditError as error:
            visitor.server.tell(str(error))
            self._say("this session cannot be noted in the audit log, so there is none; tell whoever hosts this")
            channel.exit(REFUSED)
            return
        code, self._began = -1, time.monotonic()
        try:
            code = await self._natstui()
        except OSError as error:
            self._reason = f"not started: {error.strerror}"
            self._say("natstui cannot be started here; tell whoever hosts this")
        finally:
            self._finish(code)

    async def _natstui(self) -> int:
        server = self._visitor.server
        directory = server.directory_of(self._visitor)
        pty = PtyProcess(self._send, self._hold_typing)
        asked = self._asked
        await pty.start(
            session_command(server.arguments),
            session_environment(directory, self._variables()),
            directory,
            asked.columns or 80,
            asked.rows or 24,
        )
        self._pty = pty
        pty.resize(asked.columns or 80, asked.rows or 24)
        if self._channel is None or self._reason:
            pty.hang_up()
        self._watch_idle()
        return await pty.wait()

    def _variables(self) -> dict[str, str]:
        """What a client may say of itself: where it is, and what its terminal shows."""
        given = self._asked.environment
        variables = {"TERM": self._asked.term, "SSH_CONNECTION": self._visitor.addresses}
        if given.get("COLORTERM") in ("truecolor", "24bit"):
            variables["COLORTERM"] = given["COLORTERM"]
        if given.get("NO_COLOR"):
            variables["NO_COLOR"] = "1"
        return variables

    def _watch_idle(self) -> None:
        limit = self._visitor.server.idle_timeout
        if not limit or self._reason:
            return
        left = self._typed_at + limit - time.monotonic()
        if left > 0:
            self._idle = asyncio.get_running_loop().call_later(left, self._watch_idle)
        else:
            self.end(f"idle for {format_duration(limit)}")

    def end(self, reason: str) -> None:
        """Let natstui close its connections and end; `reason` is told and noted."""
        if not self._reason:
            self._reason = reason
            if self._pty is not None:
                self._pty.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._channel = None
        self._visitor.channels -= 1
        self._reason = self._reason or "the client is gone"
        if self._pty is not None:
            self._pty.hang_up()

    def _finish(self, code: int) -> None:
        if self._idle is not None:
            self._idle.cancel()
        was_killed = code < 0
        status = 128 - code if was_killed else code
        reason = self._reason or (f"killed by {signal.Signals(-code).name}" if was_killed and self._pty else "left")
        if was_killed:
            self._send(CLEAN_TERMINAL)
        if self._reason or was_killed:
            self._say(f"this session was ended: {reason}")
        if self._channel is not None:
            self._channel.exit(status)
        try:
            seconds = round(time.monotonic() - self._began, 3)
            self._visitor.note("ended", session=self.number, seconds=seconds, exit=status, reason=reason)
        except AuditError as error:
            self._visitor.server.tell(str(error))
