"""One question with two answers."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.stream.sanitise import sanitise
from natstui.widgets.fitting import part
from natstui.widgets.line import Line


class Confirm(Dialog[bool]):
    """Asks; the result is whether the answer was yes."""

    BINDINGS = bindings("confirm.yes", "confirm.no")

    def __init__(self, question: str, yes: str, no: str) -> None:
        super().__init__()
        self._question, self._yes, self._no = question, yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(sanitise(self._question), markup=False, classes="dialog-text")
            yield Line(
                [part(2, ("enter", "key"), f" {self._yes}"), part(1, ("esc", "key"), f" {self._no}")],
                classes="dialog-keys",
            )

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
