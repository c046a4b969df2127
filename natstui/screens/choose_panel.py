"""The little chooser of a new panel's kind."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from natstui.keys import bindings
from natstui.launch import PanelSpec
from natstui.screens.leaving import Dialog
from natstui.widgets.fitting import part
from natstui.widgets.line import Line

CHOICES = (
    ("s", "subscribe", "messages of one or more subjects, as they come"),
    ("p", "publish", "send a message, once or many times"),
    ("r", "request", "ask, and see who answers and how fast"),
)


class ChoosePanel(Dialog[PanelSpec | None]):
    """Offers the kinds of panel; the result is the panel to open, None for none."""

    BINDINGS = bindings("new_panel.subscribe", "new_panel.publish", "new_panel.request", "new_panel.cancel")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "new panel"
            yield OptionList(
                *(
                    Option(
                        Content.assemble((f" {key} ", "$text-primary bold"), f" {kind:<11}", (words, "$text-muted")),
                        id=kind,
                    )
                    for key, kind, words in CHOICES
                ),
                compact=True,
            )
            yield Line(
                [part(2, ("enter", "key"), " opens it"), part(1, ("esc", "key"), " leaves")], classes="dialog-keys"
            )

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.action_choose(message.option.id or "")

    def action_choose(self, kind: str) -> None:
        self.dismiss(PanelSpec(kind) if kind else None)
