"""The screens that a list of messages asks for: one message whole, columns, filters, a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.screen import Screen

from natstui import screens
from natstui.panels.base import Panel
from natstui.session import Session
from natstui.stream.sanitise import sanitise

if TYPE_CHECKING:
    from natstui.widgets.filter_bar import FilterBar
    from natstui.widgets.message_list import MessageList


class ListScreens(Screen[None]):
    """A screen with lists of messages, which shows what they ask for above itself."""

    session: Session

    @on(Panel.DetailWanted)
    def _show_detail(self, message: Panel.DetailWanted) -> None:
        message.stop()
        wanted = screens.MessageDetail(message.source, message.index, confinement=self.session.confinement)
        choose = message.choose

        def left(index: int | None) -> None:
            if choose is not None and index is not None:
                choose(index)

        self.app.push_screen(wanted, left)

    def on_message_list_columns_wanted(self, message: MessageList.ColumnsWanted) -> None:
        message.stop()
        messages = message.message_list

        def take(columns: object) -> None:
            self.session.columns.remember(messages.columns)

        def show(columns: object) -> None:
            messages.columns = columns  # type: ignore[assignment]

        self.app.push_screen(screens.ColumnsScreen(messages.columns, show), take)

    def on_message_selection_save_wanted(self, message: MessageList.SaveWanted) -> None:
        message.stop()
        messages = message.message_list

        def saved(words: str | None) -> None:
            if words:
                messages.end_selection()
                self.notify(sanitise(words), markup=False)

        at = self.session.clock.epoch()
        screen = screens.SaveMessages(message.source, message.indices, at, self.session.confinement)
        self.app.push_screen(screen, saved)

    def on_filter_bar_choice_wanted(self, message: FilterBar.ChoiceWanted) -> None:
        message.stop()
        bar = message.filter_bar

        def chosen(expression: str | None) -> None:
            if expression is not None:
                bar.use(expression)

        self.app.push_screen(screens.FiltersScreen(self.session.filters), chosen)

    def on_filter_bar_name_wanted(self, message: FilterBar.NameWanted) -> None:
        message.stop()
        history, expression = self.session.filters, message.expression

        def named(name: str | None) -> None:
            if name is not None:
                history.save(expression, name)
                self.notify(
                    f"Saved as {sanitise(name)}: ctrl+r brings it back." if name else "Saved: ctrl+r brings it back.",
                    markup=False,
                )

        known = history.find(expression)
        self.app.push_screen(screens.NameFilter(expression, known.name if known is not None else ""), named)
