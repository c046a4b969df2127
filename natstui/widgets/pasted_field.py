"""A field for secrets of many lines, which are pasted rather than typed."""

from __future__ import annotations

from pathlib import Path

from textual import events

from natstui.stream.sanitise import sanitise
from natstui.widgets.field import Field
from natstui.widgets.time_words import plural

LONG = 80
"""Characters from which on a pasted line is told by its length instead of shown as dots."""


class PastedField(Field):
    """Takes a secret pasted with its line breaks, or the path of a file.

    What is pasted is never shown, only how much it was. A path (it begins with ``/``, ``~`` or ``.``, as no such secret
    does) is no secret, and is shown.
    """

    def __init__(self, *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, id=id, password=True)
        self._plain_placeholder = placeholder
        self._pasted = ""

    def validate_value(self, value: str) -> str:
        """A path is shown, so it is sanitised; a secret stays as it is."""
        return sanitise(value) if _is_path(value) else value

    def watch_value(self, value: str) -> None:
        self.password = not _is_path(value)
        if value:
            self._hold("")

    @property
    def secret(self) -> str:
        """What was pasted or typed; empty where there is nothing, or a path."""
        return "" if self.path is not None else self._pasted or self.value.strip()

    @property
    def path(self) -> Path | None:
        """The file that was named."""
        return Path(self.text) if _is_path(self.value) else None

    def _on_paste(self, event: events.Paste) -> None:
        text = event.text.strip()
        if "\n" in text or "\r" in text or len(text) >= LONG:
            event.stop()
            event.prevent_default()
            self.take(text)

    def action_paste(self) -> None:
        text = self.app.clipboard.strip()
        if "\n" in text or len(text) >= LONG:
            self.take(text)
        else:
            super().action_paste()

    def take(self, text: str) -> None:
        """Take a text with all its lines, in place of what the field holds."""
        self.value = ""
        self._hold(text.replace("\r\n", "\n").replace("\r", "\n"))

    def action_delete_left(self) -> None:
        self._hold("")
        super().action_delete_left()

    def action_delete_left_all(self) -> None:
        self._hold("")
        super().action_delete_left_all()

    def _hold(self, text: str) -> None:
        if text == self._pasted:
            return
        self._pasted = text
        amount = f"{plural(len(text.splitlines()), 'line')}, {plural(len(text), 'character')}"
        self.placeholder = f"{amount} pasted; backspace removes" if text else self._plain_placeholder


def _is_path(text: str) -> bool:
    return text.lstrip()[:1] in ("/", "~", ".") and bool(text.strip())
