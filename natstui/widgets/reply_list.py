"""The list of answers to requests: when, how long it took, and what came, or why nothing did."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from natstui.keys import LIST_KEYS, bindings
from natstui.stream.ring import Record
from natstui.stream.sanitise import preview, sanitise
from natstui.widgets.component_styles import ComponentStyles
from natstui.widgets.fitting import shorten
from natstui.widgets.time_words import clock_time, milliseconds

CAPACITY = 2_000
"""Rows kept."""


class Answer(StrEnum):
    """What became of a request."""

    REPLY = "reply"
    NONE = "none"
    """Nobody listens there, or nothing came before the end."""
    UNKNOWN = "unknown"
    """Timed out, or the connection was lost: it may have been worked on all the same."""
    REFUSED = "refused"
    """It was never sent."""
    NOTE = "note"
    """A remark, such as how many replies came in all."""


MARKS = {Answer.REPLY: "✓", Answer.NONE: "✕", Answer.UNKNOWN: "?", Answer.REFUSED: "✕", Answer.NOTE: "·"}


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """One row."""

    at: datetime
    answer: Answer
    latency: float | None = None
    """Seconds."""
    record: Record | None = None
    """The reply as it came."""
    words: str = ""
    """What is said in place of a payload."""


class ReplyRows:
    """The rows kept, by absolute index: a source that the detail screen can walk through."""

    def __init__(self) -> None:
        self.first = 0
        """The absolute index of the oldest row kept."""
        self._kept: deque[ReplyRow] = deque(maxlen=CAPACITY)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[ReplyRow]:
        return iter(self._kept)

    @property
    def end(self) -> int:
        """The absolute index after the newest row."""
        return self.first + len(self._kept)

    def row(self, place: int) -> ReplyRow:
        """The row at a place, counted from the oldest."""
        return self._kept[place]

    def add(self, row: ReplyRow) -> None:
        """Append a row; the oldest goes where there are too many."""
        self.first += len(self._kept) == CAPACITY
        self._kept.append(row)

    def clear(self) -> None:
        """Forget all rows; absolute indices go on."""
        self.first = self.end
        self._kept.clear()

    def __getitem__(self, index: int) -> Record:
        """The reply with that absolute index.

        Raises:
            IndexError: there is none.
        """
        record = self._record(index)
        if record is None:
            raise IndexError(f"row {index} holds no reply")
        return record

    def _record(self, index: int) -> Record | None:
        return self._kept[index - self.first].record if self.first <= index < self.end else None

    def time_of(self, index: int) -> float:
        """When it came, in seconds since the epoch."""
        if not self.first <= index < self.end:
            raise IndexError(f"row {index} is not kept")
        return self._kept[index - self.first].at.timestamp()

    def newer(self, index: int) -> int | None:
        """The absolute index of the next reply, or None."""
        return next((other for other in range(index + 1, self.end) if self._record(other) is not None), None)

    def older(self, index: int) -> int | None:
        """The absolute index of the reply before, or None."""
        return next((other for other in range(index - 1, self.first - 1, -1) if self._record(other) is not None), None)


class ReplyList(ComponentStyles, ScrollView, can_focus=True):
    """Rows of answers, newest below; the newest is in view until the cursor is moved up."""

    COMPONENT_PREFIX = "reply-list"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"reply-list--{answer}" for answer in Answer),
        *(f"reply-list--{name}" for name in ("time", "latency", "payload", "words", "cursor", "empty")),
    }
    BINDINGS = bindings("replies.open", "replies.clear", *(f"replies.{name}" for name in LIST_KEYS))

    @dataclass
    class Opened(Message):
        """A reply was chosen to be shown whole."""

        reply_list: ReplyList
        index: int
        """Its absolute index."""

        @property
        def control(self) -> ReplyList:
            return self.reply_list

    def __init__(self, *, empty_text: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.empty_text = empty_text
        self.rows = ReplyRows()
        """What is kept, oldest first."""
        self._cursor: int | None = None

    def add(self, row: ReplyRow) -> None:
        """Append a row; the oldest goes where there are too many."""
        self.rows.add(row)
        self._show_rows()

    def clear(self) -> None:
        """Empty the list."""
        self.rows.clear()
        self._cursor = None
        self._show_rows()

    def _show_rows(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows))
        if self._cursor is None:
            self.scroll_end(animate=False, force=True, immediate=True)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._show_rows()

    # Painting

    def render_line(self, y: int) -> Strip:
        width, place = self.scrollable_content_region.width, y + self.scroll_offset.y
        base = self.rich_style
        if not self.rows:
            if y != self.size.height // 2 or not self.empty_text:
                return Strip.blank(width, base)
            text = sanitise(self.empty_text)[:width]
            line = set_cell_size(" " * ((width - cell_len(text)) // 2) + text, width)
            style = self.component_style("empty")
            if self.has_focus:
                style += self.component_style("cursor")
            return Strip([Segment(line, style)]).apply_style(base)
        if place >= len(self.rows):
            return Strip.blank(width, base)
        cursor = Style()
        if self.has_focus and place == self._cursor_place:
            cursor = self.component_style("cursor")
        segments = [Segment(text, style + cursor) for text, style in self._pieces(self.rows.row(place), width)]
        return Strip(segments).adjust_cell_length(width, base + cursor).apply_style(base)

    def _pieces(self, row: ReplyRow, width: int) -> list[tuple[str, Style]]:
        pieces = [
            (f" {clock_time(row.at)}  ", self.component_style("time")),
            (f"{MARKS[row.answer]} ", self.component_style(row.answer)),
        ]
        if row.latency is not None:
            pieces.append((f"{milliseconds(row.latency * 1000):>7}  ", self.component_style("latency")))
        room = width - sum(cell_len(text) for text, _ in pieces)
        if row.record is not None:
            pieces.append((preview(row.record[2], room) or "(empty)", self.component_style("payload")))
        else:
            pieces.append((shorten(sanitise(row.words), room), self.component_style("words")))
        return pieces

    # The cursor

    @property
    def _cursor_place(self) -> int:
        if self._cursor is None:
            return len(self.rows) - 1
        return min(max(0, self._cursor - self.rows.first), len(self.rows) - 1)

    def choose(self, index: int) -> None:
        """Put the cursor on the row with that absolute index, if it is kept."""
        if self.rows.first <= index < self.rows.end:
            self.action_move(index - self.rows.first - self._cursor_place)

    def action_move(self, rows: int) -> None:
        if not self.rows:
            return
        place = min(max(0, self._cursor_place + rows), len(self.rows) - 1)
        self._cursor = None if place == len(self.rows) - 1 else self.rows.first + place
        top = self.scroll_offset.y
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + self.size.height:
            self.scroll_to(y=place - self.size.height + 1, animate=False)
        self.refresh()

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))

    def action_open(self) -> None:
        if self.rows and self.rows.row(self._cursor_place).record is not None:
            index = self.rows.first + self._cursor_place
            self.post_message(self.Opened(self, index))

    def action_clear(self) -> None:
        self.clear()

    def on_key(self, event: events.Key) -> None:
        # A word meant for the draft does not open a dialog where there is no row to be on: F10 does.
        if event.key == "e" and not self.rows:
            event.stop()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
