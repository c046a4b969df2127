"""A question that is answered by typing what is about to be touched: no key that was meant for something else does."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, Static

from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.sending import Question
from natstui.stream.sanitise import sanitise
from natstui.widgets.field import Field
from natstui.widgets.fitting import part
from natstui.widgets.line import Line
from natstui.widgets.notice import Notice


class ConfirmTyped(Dialog[bool]):
    """Asks before something is sent; the result is whether the phrase was typed."""

    BINDINGS = bindings("confirm_typed.cancel")

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical(classes="dialog -bad") as dialog:
            dialog.border_title = Content(sanitise(question.title))
            with VerticalScroll(can_focus=False):
                yield Static(sanitise_reasons(question.reasons), markup=False, classes="dialog-text")
                yield Static(self._rows(), markup=False, classes="dialog-text -apart")
            yield Label(self._order(), markup=False, classes="dialog-text")
            with Horizontal(classes="form-row"):
                yield Field(id="phrase")
            yield Notice()
            yield Line(
                [part(2, ("enter", "key"), f" {question.verb}"), part(1, ("esc", "key"), " send nothing")],
                classes="dialog-keys",
            )

    def _rows(self) -> Content:
        return Content("\n").join(
            Content.assemble((f"{label:<12}", "$text-muted"), words) for label, words in self._question.rows
        )

    def _order(self) -> Content:
        phrase = sanitise(self._question.phrase)
        return Content.assemble(
            ("Type ", "$text-muted"), (phrase, "bold"), (f" to {self._question.verb}:", "$text-muted")
        )

    def on_mount(self) -> None:
        self.query_one(Field).focus()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        typed = self.query_one(Field).value
        if self._question.is_answered_by(typed):
            self.dismiss(True)
        elif typed.strip():
            self.query_one(Notice).say("That is something else. Nothing was sent.")
        else:
            self.query_one(Notice).say("Enter alone sends nothing.")

    @on(Input.Changed)
    def _typing(self) -> None:
        self.query_one(Notice).clear()

    def action_cancel(self) -> None:
        self.dismiss(False)


def sanitise_reasons(reasons: tuple[str, ...]) -> str:
    """The reasons, one a line."""
    return "\n".join(sanitise(reason) for reason in reasons)
