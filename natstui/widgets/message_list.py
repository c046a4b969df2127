"""The list of messages of a subscription: only rows on the screen are ever decoded, whatever arrives behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from natstui.stream.ring import MessageRing
from natstui.widgets.message_columns import COLUMN_SETS, Column, parse_columns
from natstui.widgets.message_rows import RowPainter, TimeShown
from natstui.widgets.message_selection import MessageSelection
from natstui.widgets.time_words import bytes_words

COPIED_ROWS = 10_000
"""Rows of a text selection that are copied at most."""


class MessageList(MessageSelection, can_focus=True):
    """The messages in a ring, newest below.

    It drains nothing itself: the owner fills the ring and calls `refresh_from_ring` at most ten times a second.

    Args:
        ring: what is shown. The owner extends it, marks gaps in it and reads its counts.
        columns: which columns, as `Column` or words such as "subject:30".
        empty_text: shown while nothing was received, such as "waiting for messages on orders.>".
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "message-list--time",
        "message-list--size",
        "message-list--reply",
        "message-list--headers",
        "message-list--payload",
        "message-list--key",
        "message-list--empty",
        "message-list--gap",
        "message-list--cursor",
        "message-list--selected",
        "message-list--match",
    }

    DEFAULT_CSS = """
    MessageList {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .message-list--time { color: $text-muted; }
        & > .message-list--size { color: $text-muted; }
        & > .message-list--reply { color: $text-muted; }
        & > .message-list--headers { color: $text-muted; }
        & > .message-list--payload { color: $foreground; }
        & > .message-list--key { color: $text-muted; }
        & > .message-list--empty { color: $text-disabled; text-style: italic; }
        & > .message-list--gap { color: $text-warning; }
        & > .message-list--cursor { background: $foreground 8%; }
        & > .message-list--selected { background: $secondary 25%; }
        & > .message-list--match { color: $background; background: $warning; text-style: bold; }
        &:focus > .message-list--cursor { background: $primary 30%; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, words, show=False, id=f"messages.{name}", tooltip=tooltip)
        for keys, action, words, name, tooltip in (
            ("t", "next_time", "Time since", "delta", "Time of day, time since the message before, since the mark"),
            ("c", "next_columns", "Columns", "columns", "Show more or fewer columns"),
            ("C", "arrange_columns", "Arrange columns", "arrange", "Choose columns, their order and their width"),
        )
    ]

    class ColumnsWanted(Message):
        """The columns are to be arranged."""

        def __init__(self, message_list: MessageList) -> None:
            super().__init__()
            self.message_list = message_list

        @property
        def control(self) -> MessageList:
            return self.message_list

    def __init__(
        self,
        ring: MessageRing,
        *,
        columns: Sequence[Column | str] = COLUMN_SETS[0],
        empty_text: str = "waiting for messages",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(ring, name=name, id=id, classes=classes, disabled=disabled)
        self._painter = RowPainter(self, parse_columns(columns))
        self._empty_text = empty_text
        self._own_columns: tuple[Column, ...] = ()
        """What the user arranged: the key for columns comes back to it."""

    # What is shown

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns shown. Takes `Column`s or words; raises ValueError with one clear sentence."""
        return self._painter.columns

    @columns.setter
    def columns(self, columns: Sequence[Column | str]) -> None:
        self._painter.columns = parse_columns(columns)
        self.refresh()

    @property
    def time_shown(self) -> TimeShown:
        """What the time column shows."""
        return self._painter.time_shown

    @time_shown.setter
    def time_shown(self, shown: TimeShown) -> None:
        self._painter.time_shown = shown
        self._painter.forget_rows()
        self.refresh()

    @property
    def rows_formatted(self) -> int:
        """Messages decoded and formatted so far: only those that were painted or copied."""
        return self._painter.rows_formatted

    @property
    def empty_text(self) -> str:
        """What is said while there is nothing to show."""
        return self._empty_text

    @empty_text.setter
    def empty_text(self, text: str) -> None:
        self._empty_text = text
        self.refresh()

    def clear(self) -> None:
        """Empties the ring, and follows again."""
        self.ring.clear()
        self._view.mark = None
        self._painter.shrink_subject()
        self.follow()

    def _rows_changed(self) -> None:
        self._painter.forget_rows()

    def _rows_fly_by(self, flying: bool) -> None:
        self._painter.plain = flying

    def _mark_changed(self) -> None:
        self.time_shown = TimeShown.CLOCK if self._view.mark is None else TimeShown.SINCE_MARK

    def action_next_time(self) -> None:
        shown = [one for one in TimeShown if one is not TimeShown.SINCE_MARK or self._view.mark is not None]
        self.time_shown = shown[(shown.index(self.time_shown) + 1) % len(shown)]

    def action_next_columns(self) -> None:
        if self.columns not in COLUMN_SETS:
            self._own_columns = self.columns
        sets = (*COLUMN_SETS, self._own_columns) if self._own_columns else COLUMN_SETS
        self.columns = sets[(sets.index(self.columns) + 1) % len(sets)]

    def action_arrange_columns(self) -> None:
        self.post_message(self.ColumnsWanted(self))

    # Painting

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painter.forget_styles()

    def render_line(self, y: int) -> Strip:
        """One row of the screen, from the cache where it was painted before."""
        index = self._view.index_at(y + self.scroll_offset.y)
        if index is None:
            if y + self.scroll_offset.y < self._view.lead:
                return self._painter.rule(self._lost_words())
            in_middle = y == self.size.height // 2 and not self.row_count
            return self._painter.blank(self._nothing_words() if in_middle else "")
        span = self._view.selected_range
        if index == self.cursor_index and (self.has_focus or not self.following):
            return self._painter.strip(index, "cursor")
        return self._painter.strip(index, "selected" if span is not None and span[0] <= index <= span[1] else "")

    def _lost_words(self) -> str:
        lost, ring = self.source.lost, self.ring
        holds = f"{ring.capacity:,}" if len(ring) >= ring.capacity else bytes_words(ring.max_bytes)
        messages = "older message is" if lost == 1 else "older messages are"
        return f"{lost:,} {messages} not kept (ring of {holds})"

    def _nothing_words(self) -> str:
        if not self.filtering or not len(self.source):
            return self._empty_text
        return "looking …" if self._view.pending else f"none of {len(self.source):,} match"

    # Text selection

    @property
    def allow_select(self) -> bool:
        return True

    def selection_updated(self, selection: Selection | None) -> None:
        if selection is not None:
            self._hold()
        self._painter.forget_rows()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, in rows as they are shown; a selection's rows are absolute indices."""
        view, rows = self._view, self.row_count
        first = 0 if selection.start is None else max(0, view.row_of(selection.start.y))
        last = rows - 1 if selection.end is None else min(rows - 1, view.row_of(selection.end.y))
        lines = []
        for row in range(max(first, last - COPIED_ROWS + 1), last + 1):
            index = view.index_at(row)
            if index is None:
                continue
            text = self._painter.text(index)
            start, end = selection.get_span(index) or (0, 0)
            lines.append((text[start:] if end == -1 else text[start:end]).rstrip())
        return ("\n".join(lines), "\n") if lines else None
