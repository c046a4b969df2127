"""The list of messages of a subscription: only rows on the screen are ever decoded, whatever arrives behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from natstui.stream.ring import MessageRing, MessageSource, Record, RingSnapshot
from natstui.stream.sanitise import sanitise_bytes
from natstui.widgets.message_columns import COLUMN_SETS, Column, parse_columns
from natstui.widgets.message_rows import RowPainter

CLIPBOARD_BYTES = 256 * 1024
"""The largest payload that is copied: terminals drop larger clipboard sequences without a word."""

COPIED_ROWS = 10_000
"""Rows of a text selection that are copied at most."""


class MessageList(ScrollView, can_focus=True):
    """The messages in a ring, newest below.

    The list follows the newest message until the user pauses it, scrolls up or moves the cursor up. From then on it
    shows a snapshot, so that what is read stays where it is while the ring goes on; `new_count` says how many arrived
    since. At a pace a person can read, messages still appear below; after a pause by key none do.

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
        "message-list--mark",
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
        & > .message-list--mark { color: $text-disabled; }
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
            ("space", "toggle_follow", "Pause", True, "pause", "Hold the list still, or follow again; nothing is lost"),
            ("enter", "open", "Detail", True, "open", "Show the whole message: headers, payload as JSON, text or hex"),
            ("up,k", "cursor_up", "Up", False, "up", "One message up"),
            ("down,j", "cursor_down", "Down", False, "down", "One message down; below the last one, follow"),
            ("pageup", "page_up", "Page up", False, "page_up", "One page up"),
            ("pagedown", "page_down", "Page down", False, "page_down", "One page down"),
            ("home,g", "cursor_first", "Oldest", False, "first", "To the oldest message kept"),
            ("end,G", "cursor_last", "Newest", False, "last", "To the newest message, and follow from there"),
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

    @dataclass
    class FollowChanged(Message):
        """The list began or ceased to follow the newest message."""

        message_list: MessageList
        following: bool
        paused: bool

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
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self.ring = ring
        """What is shown."""
        self.following = True
        """Whether the newest message is in view and stays there."""
        self.paused = False
        """Whether the user paused the list by key."""
        self._painter = RowPainter(self, parse_columns(columns))
        self._empty_text = empty_text
        self._frozen: RingSnapshot | None = None
        self._received_when_frozen = 0
        self._cursor = -1
        self._seen: tuple[int, int] = (-1, -1)
        self._own_scroll = False

    # What is shown

    @property
    def source(self) -> MessageRing | RingSnapshot:
        """Where rows are read: the ring while following, else a snapshot of it."""
        return self.ring if self._frozen is None else self._frozen

    @property
    def new_count(self) -> int:
        """Messages received since the list ceased to follow; 0 while it follows."""
        return 0 if self.following else self.ring.received - self._received_when_frozen

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

    @property
    def cursor_index(self) -> int | None:
        """The absolute index of the chosen entry; the newest while following; None where there is none."""
        source = self.source
        if not len(source):
            return None
        return source.end - 1 if self.following else min(max(self._cursor, source.first), source.end - 1)

    def refresh_from_ring(self) -> bool:
        """Shows what the ring holds now. Costs nothing where nothing changed.

        Returns:
            Whether anything was repainted.
        """
        ring, frozen = self.ring, self._frozen
        if (ring.first, ring.end) == self._seen:
            return False
        self._seen = (ring.first, ring.end)
        if frozen is not None:
            before = frozen.end
            if not self.paused:
                frozen.extend_from(ring, 2 * ring.capacity)
            if frozen.end == before:
                return False
        self._resize_rows()
        self.refresh()
        return True

    def clear(self) -> None:
        """Empties the ring, and follows again."""
        self.ring.clear()
        self._painter.shrink_subject()
        self.follow()

    def follow(self) -> None:
        """Shows the newest message and stays with it."""
        changed = not self.following
        self._frozen = None
        self.following, self.paused = True, False
        self._resize_rows()
        self.refresh()
        if changed:
            self.post_message(self.FollowChanged(self, True, False))

    def pause(self) -> None:
        """Holds the list still until `follow`; the ring goes on receiving."""
        self._freeze(paused=True)

    def _freeze(self, *, paused: bool = False) -> None:
        if not self.following and self.paused >= paused:
            return
        if self._frozen is None:
            self._frozen = self.ring.snapshot()
            self._cursor = self._frozen.end - 1
            self._received_when_frozen = self.ring.received
        self.following, self.paused = False, self.paused or paused
        self.refresh()
        self.post_message(self.FollowChanged(self, False, self.paused))

    # Rows and scrolling

    @property
    def row_count(self) -> int:
        """Rows that can be scrolled through."""
        return len(self.source)

    def _index_at(self, row: int) -> int | None:
        source = self.source
        return source.first + row if 0 <= row < len(source) else None

    def _row_of(self, index: int) -> int:
        return index - self.source.first

    def _resize_rows(self) -> None:
        size = Size(self.size.width, self.row_count)
        self._own_scroll = True
        try:
            if size != self.virtual_size:
                # Rows come and go within a fixed region: the layout of the screen need not be worked out again.
                self.set_reactive(Widget.virtual_size, size)
                self._scroll_update(size)
            if self.following:
                self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        finally:
            self._own_scroll = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._own_scroll or round(old_value) == round(new_value):
            return
        at_end = round(new_value) >= self.max_scroll_y
        if self.following and not at_end:
            self._freeze()
        elif not self.following and not self.paused and at_end and new_value > old_value:
            self.follow()

    def on_resize(self) -> None:
        self._resize_rows()

    def _move_to(self, row: int) -> None:
        self._freeze()
        index = self._index_at(min(max(row, 0), self.row_count - 1))
        if index is None:
            return
        self._cursor = index
        row, top, height = self._row_of(index), self.scroll_offset.y, max(1, self.size.height)
        self._own_scroll = True
        try:
            if row < top:
                self.scroll_to(y=row, animate=False, force=True)
            elif row >= top + height:
                self.scroll_to(y=row - height + 1, animate=False, force=True)
        finally:
            self._own_scroll = False
        self.refresh()

    def _cursor_row(self) -> int:
        """The cursor's row, brought to the nearest one in view, since the wheel moves the view away from it."""
        index = self.cursor_index
        if index is None:
            return 0
        top = self.scroll_offset.y
        return min(max(self._row_of(index), top), top + max(1, self.size.height) - 1)

    def action_cursor_up(self) -> None:
        self._move_to(self._cursor_row() - 1)

    def action_cursor_down(self) -> None:
        self._move_down(1)

    def action_page_up(self) -> None:
        self._move_to(self._cursor_row() - max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        self._move_down(max(1, self.size.height - 1))

    def _move_down(self, rows: int) -> None:
        if self.following:
            return
        row = self._cursor_row()
        if row >= self.row_count - 1 and not self.paused:
            self.follow()
        else:
            self._move_to(row + rows)

    def action_cursor_first(self) -> None:
        self._move_to(0)

    def action_cursor_last(self) -> None:
        if self.paused:
            self._move_to(self.row_count - 1)
        else:
            self.follow()

    def action_toggle_follow(self) -> None:
        if self.following:
            self.pause()
        else:
            self.follow()

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
        index = self._index_at(event.y + self.scroll_offset.y)
        if index is None:
            return
        if index != self.cursor_index:
            self._move_to(self._row_of(index))
        if event.chain == 2:
            self.action_open()

    # Acting on the chosen message

    def chosen(self) -> tuple[int, Record] | None:
        """The message under the cursor with its absolute index; None where there is none or a gap marker is."""
        index = self.cursor_index
        if index is None:
            return None
        entry = self.source[index]
        return (index, entry) if isinstance(entry, tuple) else None

    def action_open(self) -> None:
        if chosen := self.chosen():
            index, record = chosen
            at = self.source.time_of(index)
            self._freeze()
            self._cursor = index
            self.post_message(self.Opened(self, index, record, at, self.source))

    def action_copy_payload(self) -> None:
        if not (chosen := self.chosen()):
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
        if chosen := self.chosen():
            self.app.copy_to_clipboard(chosen[1][0].decode("utf-8", "replace"))
            self.app.notify(f"Copied {sanitise_bytes(chosen[1][0][:200])}", markup=False)

    # Painting

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painter.forget_styles()

    def render_line(self, y: int) -> Strip:
        """One row of the screen, from the cache where it was painted before."""
        index = self._index_at(y + self.scroll_offset.y)
        if index is None:
            words = self._empty_text if y == self.size.height // 2 and not self.row_count else ""
            return self._painter.blank(words)
        chosen = index == self.cursor_index and (self.has_focus or not self.following)
        return self._painter.strip(index, chosen)

    # Text selection

    @property
    def allow_select(self) -> bool:
        return True

    def selection_updated(self, selection: Selection | None) -> None:
        if selection is not None:
            self._freeze()
        self._painter.forget_rows()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, in rows as they are shown; a selection's rows are absolute indices."""
        source = self.source
        first = source.first if selection.start is None else max(source.first, selection.start.y)
        last = source.end - 1 if selection.end is None else min(source.end - 1, selection.end.y)
        lines = []
        for index in range(max(first, last - COPIED_ROWS + 1), last + 1):
            text = self._painter.text(index)
            start, end = selection.get_span(index) or (0, 0)
            lines.append((text[start:] if end == -1 else text[start:end]).rstrip())
        return ("\n".join(lines), "\n") if lines else None
