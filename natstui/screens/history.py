"""What was sent in this session: to recall, or to send again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from natstui.connection.outcome import Outcome
from natstui.drafts import Draft, SentMessage
from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.stream.sanitise import preview, sanitise
from natstui.widgets.key_line import KeyLine
from natstui.widgets.time_words import clock_time, count

MARKS = {
    Outcome.CONFIRMED: ("✓", "$text-success"),
    Outcome.BUFFERED: ("◷", "$text-warning"),
    Outcome.UNKNOWN: ("?", "$text-warning"),
    Outcome.REFUSED: ("✕", "$error"),
}


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was chosen."""

    draft: Draft
    is_sent_again: bool


class SentList(OptionList):
    """The drafts; enter recalls one."""

    BINDINGS = bindings("history.recall")


class HistoryScreen(Dialog[Recalled | None]):
    """Sent drafts, newest first; the result is the one chosen."""

    BINDINGS = bindings("history.resend", "screen.back")

    def __init__(self, sent: Sequence[SentMessage]) -> None:
        super().__init__()
        self._sent = sent

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "sent in this session"
            if self._sent:
                yield SentList(*(Option(self._words(message)) for message in self._sent), compact=True)
            else:
                yield Static("Nothing was sent yet: F5 in a publish panel sends its draft.", classes="dialog-text")
            yield KeyLine()

    @staticmethod
    def _words(message: SentMessage) -> Content:
        mark, style = MARKS[message.outcome.outcome]
        times = f" ×{count(message.times)}" if message.times > 1 else ""
        draft = message.draft
        return Content.assemble(
            (f" {clock_time(message.at)}  ", "$text-muted"),
            (f"{mark} ", style),
            (f"{sanitise(draft.subject)[:40]}{times}  ", "$text-primary"),
            preview(draft.payload.encode("utf-8", "surrogateescape")[:2000], 160),
        )

    def action_resend(self) -> None:
        options = self.query_one(OptionList) if self._sent else None
        if options is not None and options.highlighted is not None:
            self.dismiss(Recalled(self._sent[options.highlighted].draft, is_sent_again=True))

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(Recalled(self._sent[message.option_index].draft, is_sent_again=False))

    def action_back(self) -> None:
        self.dismiss(None)
