"""The terminal, also when it goes away: a driver whose owner can still close its connections and end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver

PATIENCE = 0.5
"""Seconds that a write waits for a terminal that takes nothing, before looking whether it is still there."""


def is_in_browser() -> bool:
    """Whether a browser is the terminal: `natstui web` started this process, and speaks another protocol over pipes."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def terminal_driver() -> type[Driver] | None:
    """The driver for this platform; None where Textual's own is the right one."""
    if sys.platform == "win32" or is_in_browser():
        return None
    import termios
    from queue import Full

    from natstui.terminal.driver import ThriftyDriver

    class TerminalDriver(ThriftyDriver):
        """Textual 8's driver waits for ever for its writer thread, which ends as soon as the terminal is gone.

        The kernel tells of that with SIGHUP and then SIGCONT, on which Textual begins anew on the dead terminal.
        """

        _is_suspended = False

        def send(self, data: str) -> None:
            """Hand `data` to the writer thread; where it has ended, nobody is there to read it."""
            writer = self._writer_thread
            while writer is not None and writer.is_alive():
                try:
                    writer._queue.put(data, timeout=PATIENCE)
                    return
                except Full:
                    continue

        def close(self) -> None:
            """End the writer thread."""
            writer = self._writer_thread
            if writer is not None and writer.is_alive():
                self.send("")
                writer._queue.put(None)
                writer.join(2.0)

        def suspend_application_mode(self) -> None:
            """Leave the terminal to the shell."""
            self._is_suspended = True
            super().suspend_application_mode()

        def resume_application_mode(self) -> None:
            """Take the terminal back, where it is there."""
            try:
                termios.tcgetattr(self.fileno)
            except termios.error:
                return
            if not self._is_suspended:
                super().suspend_application_mode()
            self._is_suspended = False
            self._must_signal_resume = True
            super().resume_application_mode()

    return TerminalDriver
