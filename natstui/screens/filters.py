"""The filters that were used or saved: to use again, to name, to forget."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from natstui.keys import bindings
from natstui.screens.leaving import Dialog
from natstui.stream.filter_history import LONGEST_NAME, FilterHistory
from natstui.stream.sanitise import sanitise
from natstui.widgets.field import Field, LabelledField
from natstui.widgets.fitting import part, shorten
from natstui.widgets.key_line import KeyLine
from natstui.widgets.line import Line


class FilterOptions(OptionList):
    """The filters; enter uses one."""

    BINDINGS = bindings("filters.use", "filters.forget")

    def action_forget(self) -> None:
        if isinstance(self.screen, FiltersScreen):
            self.screen.forget()


class FiltersScreen(Dialog[str | None]):
    """Saved filters by their names, then those used, the newest first; the result is the one chosen, None for none."""

    BINDINGS = bindings("screen.back")

    def __init__(self, history: FilterHistory) -> None:
        super().__init__()
        self._history = history
        self._expressions: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide") as dialog:
            dialog.border_title = "filters"
            yield Static(
                "No filter was used yet: / in a list of messages begins one, ctrl+s there saves it.",
                classes="dialog-text",
                markup=False,
            )
            yield FilterOptions(compact=True)
            yield KeyLine()

    def on_mount(self) -> None:
        self._fill(0)

    def _fill(self, at: int) -> None:
        saved = self._history.saved
        rest = [entry for entry in self._history.entries if self._history.find(entry) is None]
        self._expressions = [*(one.expression for one in saved), *rest]
        width = max((len(one.name) for one in saved), default=0)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._words("✓", one.name, one.expression, width)) for one in saved])
        options.add_options([Option(self._words(" ", "", expression, width)) for expression in rest])
        options.highlighted = min(at, len(self._expressions) - 1) if self._expressions else None
        options.display = bool(self._expressions)
        self.query_one(".dialog-text").display = not self._expressions
        if self._expressions:
            options.focus()

    @staticmethod
    def _words(mark: str, name: str, expression: str, width: int) -> Content:
        return Content.assemble(
            (f" {mark} ", "$text-success"),
            (f"{sanitise(name):<{width}}{'  ' if width else ''}", "$text-primary bold"),
            shorten(sanitise(expression), 200),
        )

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.dismiss(self._expressions[message.option_index])

    def forget(self) -> None:
        """Remember the highlighted one no longer."""
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self._history.forget(self._expressions[at])
            self._fill(at)

    def action_back(self) -> None:
        self.dismiss(None)


class NameFilter(Dialog[str | None]):
    """Asks what a filter is to be called; the result is its name, None where it is not to be saved."""

    BINDINGS = bindings("screen.back")

    def __init__(self, expression: str, name: str = "") -> None:
        super().__init__()
        self._expression = expression
        self._given_name = name

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "save filter"
            yield Static(shorten(sanitise(self._expression), 180), classes="dialog-text", markup=False)
            field = Field(self._given_name, placeholder="enter alone saves it without a name", id="name")
            field.max_length = LONGEST_NAME
            yield LabelledField("name", field)
            yield Line(
                [part(2, ("enter", "key"), " saves"), part(1, ("esc", "key"), " leaves it")], classes="dialog-keys"
            )

    def on_mount(self) -> None:
        self.query_one("#name").focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())

    def action_back(self) -> None:
        self.dismiss(None)
