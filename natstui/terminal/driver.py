"""Textual's driver for terminals, sending only what changes."""

from __future__ import annotations

import signal
from typing import Any

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from natstui.terminal.changes import ScreenChanges


class ThriftyDriver(LinuxDriver):
    """Writes to the terminal only what it does not show yet: a tenth of the bytes where a line ticks."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._changes = ScreenChanges()
        self._resized = False

    def write(self, data: str) -> None:
        """Write what of `data` changes the screen."""
        if self._resized:
            self._resized = False
            self._changes.forget()
        if reduced := self._changes.reduce(data):
            self.send(reduced)

    def send(self, data: str) -> None:
        """Hand `data` to the terminal as it is."""
        super().write(data)

    def start_application_mode(self) -> None:
        """Take over the terminal, and hear of its changes in size: what it shows is then unknown."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        tell = signal.getsignal(signal.SIGWINCH)

        def resized(number: int, frame: Any) -> None:
            self._resized = True
            if callable(tell):
                tell(number, frame)

        signal.signal(signal.SIGWINCH, resized)

    def process_message(self, message: Message) -> None:
        """Take what the terminal tells; called in the thread that reads it."""
        if isinstance(message, events.Resize):
            self._resized = True
        super().process_message(message)
