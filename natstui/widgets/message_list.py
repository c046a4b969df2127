"""The list of messages of a subscription: only rows on the screen are ever decoded, whatever arrives behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from natstui.stream.ring import MessageRing, MessageSource, Record
from natstui.stream.sanitise import sanitise_bytes
from natstui.widgets.message_columns import COLUMN_SETS, Column, parse_columns
from natstui.widgets.message_rows import RowPainter
from natstui.widgets.message_scroll import MessageScroll
from natstui.widgets.time_words import bytes_words

CLIPBOARD_BYTES = 256 * 1024
"""The largest payload that is copied: terminals drop larger clipboard sequences without a word."""

COPIED_ROWS = 10_000
"""Rows of a text selection that are copied at most."""


class MessageList(MessageScroll, can_focus=True):
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
        & > .message-list--match { color: $background; background: $warning; text-style: bold; }
        &:focus > .message-list--cursor { background: $primary 30%; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, words, show=show, id=f"messages.{name}", tooltip=tooltip)
        for keys, action, words, show, name, tooltip in (
            ("enter", "open", "detail", True, "open", "Show the whole message: headers, payload as JSON, text or hex"),
            ("y", "copy_payload", "Copy payload", False, "copy_payload", "Copy the payload to the clipboard"),
            ("Y", "copy_subject", "Copy subject", False, "copy_subject", "Copy the subject to the clipboard"),
            ("t", "toggle_delta", "Time since", False, "delta", "Time of day, or time since the message before"),
            ("c", "next_columns", "Columns", False, "columns", "Show more or fewer columns"),
        )
    ]

    @dataclass
    class Opened(Message):
        """A message was chosen to be shown whole."""

        message_list: MessageList
        index: int
        """Its absolute index."""
        record: Record
        at: float
        """When it arrived, in seconds since the epoch."""
        source: MessageSource
        """Where the messages before and after it are read; stays as it is while the ring goes on."""

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
    def show_delta(self) -> bool:
        """Whether the time column shows the time since the message before."""
        return self._painter.show_delta

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
        self._painter.shrink_subject()
        self.follow()

    def _rows_changed(self) -> None:
        self._painter.forget_rows()

    def _rows_fly_by(self, flying: bool) -> None:
        self._painter.plain = flying

    def action_words(self, action: str) -> str:
        """What a key does now, where that is not always the same."""
        return "follow" if action == "toggle_follow" and not self.following else ""

    def action_toggle_delta(self) -> None:
        self._painter.show_delta = not self.show_delta
        self._painter.forget_rows()
        self.refresh()

    def action_next_columns(self) -> None:
        sets = COLUMN_SETS
        at = sets.index(self.columns) if self.columns in sets else -1
        self.columns = sets[(at + 1) % len(sets)]

    def on_click(self, event: events.Click) -> None:
        if self.text_selection is not None:
            return
        index = self._view.index_at(event.y + self.scroll_offset.y)
        if index is None:
            return
        if index != self.cursor_index:
            self._move_to(self._view.row_of(index))
        if event.chain == 2:
            self.action_open()

    # Acting on the chosen message

    def action_open(self) -> None:
        if chosen := self._view.chosen():
            index, record = chosen
            at = self.source.time_of(index)
            self._hold()
            self._view.choose(index)
            self.post_message(self.Opened(self, index, record, at, self._view.walk()))

    def action_copy_payload(self) -> None:
        if not (chosen := self._view.chosen()):
            return
        payload = chosen[1][2]
        if len(payload) > CLIPBOARD_BYTES:
            self.app.notify(
                f"{len(payload):,} bytes are too many for the clipboard: open the message (enter) and save it (s).",
                severity="warning",
                markup=False,
            )
            return
        self.app.copy_to_clipboard(payload.decode("utf-8", "replace"))
        self.app.notify(f"Copied the payload, {len(payload):,} bytes.", markup=False)

    def action_copy_subject(self) -> None:
        if chosen := self._view.chosen():
            self.app.copy_to_clipboard(chosen[1][0].decode("utf-8", "replace"))
            self.app.notify(f"Copied {sanitise_bytes(chosen[1][0][:200])}", markup=False)

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
        chosen = index == self.cursor_index and (self.has_focus or not self.following)
        return self._painter.strip(index, chosen)

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
