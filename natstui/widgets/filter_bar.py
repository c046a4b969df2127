"""The field for the filter of a message list: what is typed takes effect at once, and the line says what was found."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from natstui.stream.filter import Filter, FilterError, parse_filter
from natstui.stream.filter_history import FilterHistory
from natstui.stream.sanitise import sanitise
from natstui.widgets.field import Field
from natstui.widgets.message_scroll import MessageScroll

EXAMPLES = "words  /pattern/  orders.*.new  header:Name=value  .order.total > 100"


class FilterBar(Vertical):
    """A line below a message list, there while it filters or searches. The list's key for it opens it.

    Args:
        message_list: the list that it is for; it need not be mounted yet.
        history: what was used before; of this session only by default.
        expression: what is in effect from the beginning; empty for nothing.
        finds: whether all messages are shown, and those looked for marked among them.
    """

    DEFAULT_CSS = """
    FilterBar {
        height: auto;
        display: none;
        background: $surface;
        &.-shown { display: block; }
        & > Horizontal { height: 1; }
        & .filter-mode { width: auto; padding: 0 1; color: $text-primary; text-style: bold; }
        & Field { width: 1fr; border: none; padding: 0; height: 1; background: $surface; }
        & .filter-status { width: 36; max-width: 45%; padding: 0 1; color: $text-muted; text-align: right; }
        & .filter-problem { height: auto; max-height: 2; padding: 0 1; display: none; color: $text-warning; }
        & .filter-problem.-shown { display: block; }
        & .filter-problem.-bad { color: $text-error; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, words, show=show, id=f"filter.{name}", tooltip=tooltip)
        for keys, action, words, show, name, tooltip in (
            ("enter", "accept", "keep", True, "accept", "Keep the filter and go back to the messages"),
            ("escape", "cancel", "show all", True, "cancel", "Show every message again"),
            ("tab", "switch", "filter or find", True, "switch", "Show only what is found, or find it among all"),
            ("up", "recall(1)", "earlier", True, "earlier", "The filter used before"),
            ("down", "recall(-1)", "Later", False, "later", "The filter used after"),
            ("ctrl+r", "choose", "saved", True, "choose", "The filters that were saved or used, by name"),
            ("ctrl+s", "save", "save", True, "save", "Save this filter under a name"),
        )
    ]

    class ChoiceWanted(Message):
        """One of the filters remembered is to be chosen."""

        def __init__(self, filter_bar: FilterBar) -> None:
            super().__init__()
            self.filter_bar = filter_bar

    class NameWanted(Message):
        """A filter is to be saved under a name."""

        def __init__(self, expression: str) -> None:
            super().__init__()
            self.expression = expression

    def __init__(
        self,
        message_list: MessageScroll,
        *,
        history: FilterHistory | None = None,
        expression: str = "",
        finds: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._list = message_list
        self._history = FilterHistory() if history is None else history
        self._filtering = not finds
        self._first = expression
        self._recalled = -1
        self._typed = ""
        self._problem = ""
        message_list.filter_field = self

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(self._mode, classes="filter-mode", markup=False)
            yield Field(
                self._first, placeholder="words  /pattern/  orders.*.new  header:Name=value  .order.total > 100"
            )
            yield Static(classes="filter-status", markup=False)
        yield Static(classes="filter-problem", markup=False)

    def on_mount(self) -> None:
        if self._first:
            self.add_class("-shown")
            self._take(self._first)

    @property
    def finds(self) -> bool:
        """Whether all messages are shown, and those looked for marked among them."""
        return not self._filtering

    @property
    def _mode(self) -> str:
        return "filter" if self._filtering else "find"

    @property
    def expression(self) -> str:
        """What is in the field."""
        return self.query_one(Field).value

    def open(self) -> None:
        """Shows the field, with what is in effect, and gives it the focus."""
        self.add_class("-shown")
        self.query_one(Field).focus()
        self.call_after_refresh(self.tell)

    def tell(self) -> None:
        """Says what was found up to now; goes away where nothing is looked for any more."""
        if not self.is_mounted:
            return
        messages = self._list
        if messages.filter is None and not self.has_focus_within and self.has_class("-shown"):
            self._close()
            return
        self.query_one(".filter-status", Static).update(sanitise(self._status()), layout=False)
        given_up = messages.view.matches.problem if messages.view.matches is not None else ""
        self._say(self._problem or given_up, bad=bool(given_up))

    def _status(self) -> str:
        messages, wanted = self._list, self._list.filter
        if wanted is None:
            return ""
        words = f"{messages.found:,} of {messages.source.kept:,}"
        if pending := messages.view.pending:
            words += f" · {100 - 100 * pending // max(1, len(messages.source))} % looked at"
        if wanted.too_large.count:
            words += f" · {wanted.too_large.count:,} too large"
        return words

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._recalled = -1 if event.value != self._recall_value() else self._recalled
        self._take(event.value)

    def _take(self, expression: str) -> None:
        try:
            wanted = parse_filter(expression)
        except FilterError as error:
            # What was understood last stays in effect while more is being typed.
            self._problem = str(error)
            self.tell()
            return
        self._problem = ""
        self._apply(wanted)

    def _apply(self, wanted: Filter | None) -> None:
        self._list.look_for(wanted, filtering=self._filtering)
        self.tell()

    def _say(self, words: str, *, bad: bool) -> None:
        line = self.query_one(".filter-problem", Static)
        if str(line.content) != sanitise(words):
            line.update(sanitise(words))
        line.set_class(bool(words), "-shown")
        line.set_class(bad, "-bad")

    def _close(self) -> None:
        self._problem = ""
        with self.prevent(Input.Changed):
            self.query_one(Field).value = ""
        self._say("", bad=False)
        self.remove_class("-shown")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.call_after_refresh(self.tell)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_accept()

    def action_accept(self) -> None:
        if self._problem:
            self._say(self._problem, bad=True)
            return
        self._history.add(self.expression)
        self._list.focus()

    def action_cancel(self) -> None:
        self._list.look_for(None)
        self._close()
        self._list.focus()

    def action_switch(self) -> None:
        self._filtering = not self._filtering
        self.query_one(".filter-mode", Static).update(self._mode)
        if self._list.filter is not None:
            self._apply(self._list.filter)

    def action_recall(self, step: int) -> None:
        entries = self._history.entries
        if self._recalled < 0:
            self._typed = self.expression
        self._recalled = min(max(self._recalled + step, -1), len(entries) - 1)
        field = self.query_one(Field)
        field.value = self._recall_value()
        field.cursor_position = len(field.value)

    def _recall_value(self) -> str:
        entries = self._history.entries
        return entries[self._recalled] if 0 <= self._recalled < len(entries) else self._typed

    def action_save(self) -> None:
        if self._problem or not self.expression.strip():
            return
        self.post_message(self.NameWanted(self.expression.strip()))

    def action_choose(self) -> None:
        self.post_message(self.ChoiceWanted(self))

    def use(self, expression: str) -> None:
        """Puts an expression into the field, where it takes effect at once."""
        field = self.query_one(Field)
        field.value = expression
        field.cursor_position = len(expression)
        self.open()
