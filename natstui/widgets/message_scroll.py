"""Scrolling through the messages of a ring: following, holding still, a cursor, and finding what is looked for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.timer import Timer
from textual.widget import Widget

from natstui.stream.filter import Filter
from natstui.stream.ring import MessageRing, RingSnapshot
from natstui.stream.view import MessageView

SCAN_SECONDS = 0.008
"""How long a filter looks at messages within one frame."""

STEADY_INTERVAL = 0.18
"""Least seconds between two repaints while messages keep coming: five a second look alive, and cost half of ten."""

STEADY = 3
"""Messages keep coming when they did so at this many calls of `refresh_from_ring` in a row."""

FLYING_PART = 4
"""Rows come too fast to be read when this part of the screen, one in four, is new at two repaints in a row."""

FRAME = 1 / 60
"""Seconds between two such looks while there is more to look at."""


class FilterField(Protocol):
    """Where a person types what a list is to look for."""

    def open(self) -> None:
        """Lets the person type."""

    def tell(self) -> None:
        """Says what was found up to now."""


class MessageScroll(ScrollView):
    """Rows of a `MessageView`, without saying how a row looks: that is `MessageList`'s part.

    The list follows the newest message until the user pauses it, scrolls up or moves the cursor up. From then on it
    shows a snapshot, so that what is read stays where it is while the ring goes on; `new_count` says how many arrived
    since. At a pace a person can read, messages still appear below; after a pause by key none do.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, words, show=show, id=f"messages.{name}", tooltip=tooltip)
        for keys, action, words, show, name, tooltip in (
            ("space", "toggle_follow", "pause", True, "pause", "Hold the list still, or follow again; nothing is lost"),
            ("up,k", "cursor_up", "Up", False, "up", "One message up"),
            ("down,j", "cursor_down", "Down", False, "down", "One message down; below the last one, follow"),
            ("pageup", "page_up", "Page up", False, "page_up", "One page up"),
            ("pagedown", "page_down", "Page down", False, "page_down", "One page down"),
            ("home,g", "cursor_first", "Oldest", False, "first", "To the oldest message kept"),
            ("end,G", "cursor_last", "Newest", False, "last", "To the newest message, and follow from there"),
            ("slash", "filter", "filter", True, "filter", "Show only some messages, or find them; nothing is lost"),
            ("escape", "end_filter", "show all", True, "end_filter", "End the selection, or show every message again"),
            ("n", "next_found(1)", "Next found", False, "next_found", "To the next message found"),
            ("N", "next_found(-1)", "Previous found", False, "previous_found", "To the previous message found"),
        )
    ]

    @dataclass
    class FollowChanged(Message):
        """The list began or ceased to follow the newest message."""

        message_list: MessageScroll
        following: bool
        paused: bool

        @property
        def control(self) -> MessageScroll:
            return self.message_list

    def __init__(
        self,
        ring: MessageRing,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._view = MessageView(ring)
        self._own_scroll = False
        self._scan_timer: Timer | None = None
        self._flying = False
        self._steady = self._bursts = 0
        self._last_end = ring.end
        self._painted_at = 0.0
        self.repaint_interval = 0.0
        """Least seconds between two repaints for new messages, for slow lines; the user's own doing shows at once."""
        self.filter_field: FilterField | None = None
        """What the key for the filter opens, and what hears of findings."""

    @property
    def view(self) -> MessageView:
        """What of the ring is shown: followed or held, filtered or whole."""
        return self._view

    @property
    def ring(self) -> MessageRing:
        """What is shown."""
        return self._view.ring

    @property
    def source(self) -> MessageRing | RingSnapshot:
        """Where rows are read: the ring while following, else a snapshot of it."""
        return self._view.source

    @property
    def following(self) -> bool:
        """Whether the newest message is in view and stays there."""
        return self._view.following

    @property
    def paused(self) -> bool:
        """Whether the user paused the list by key."""
        return self._view.paused

    @property
    def new_count(self) -> int:
        """Messages received since the list ceased to follow; 0 while it follows."""
        return self._view.new_count

    @property
    def row_count(self) -> int:
        """Rows that can be scrolled through."""
        return len(self._view)

    @property
    def cursor_index(self) -> int | None:
        """The absolute index of the chosen entry; the newest while following; None where there is none."""
        return self._view.cursor

    def refresh_from_ring(self) -> bool:
        """Shows what the ring holds now. Costs nothing where nothing changed.

        Returns:
            Whether anything was repainted.
        """
        now = time.monotonic()
        if now - self._painted_at < max(self.repaint_interval, STEADY_INTERVAL if self._steady >= STEADY else 0.0):
            return False
        came, self._last_end = self.ring.end - self._last_end, self.ring.end
        if not self._view.refresh():
            self._steady = self._bursts = 0
            if self._flying:
                self._fly(False)
                self.refresh()
            return False
        self._steady += 1
        self._bursts = self._bursts + 1 if came * FLYING_PART >= self.size.height > 0 else 0
        self._fly(self.following and self._bursts > 1)
        self._painted_at = now
        self._scan()
        self._resize_rows()
        self.refresh()
        return True

    def _fly(self, flying: bool) -> None:
        if flying != self._flying:
            self._flying = flying
            self._rows_fly_by(flying)

    def _rows_fly_by(self, flying: bool) -> None:
        """Rows come, or no longer come, faster than anyone can read."""

    # Following and holding

    def follow(self) -> None:
        """Shows the newest message and stays with it."""
        self._fly(False)
        changed = self._view.follow()
        self._scan()
        self._resize_rows()
        self.refresh()
        if changed:
            self._tell_follow_changed()

    def pause(self) -> None:
        """Holds the list still until `follow`; the ring goes on receiving."""
        self._hold(paused=True)

    def _hold(self, *, paused: bool = False) -> None:
        self._fly(False)
        if self._view.hold(paused=paused):
            self.refresh()
            self._tell_follow_changed()

    def _tell_follow_changed(self) -> None:
        # The line of keys says what the key for it does now.
        self.refresh_bindings()
        self.post_message(self.FollowChanged(self, self.following, self.paused))

    def action_toggle_follow(self) -> None:
        if self.following:
            self.pause()
        else:
            self.follow()

    # Filter and search

    def look_for(self, wanted: Filter | None, *, filtering: bool = True) -> None:
        """Shows only the messages that `wanted` lets through, or, not `filtering`, marks them among all. None: no more.

        Nothing is lost: the ring keeps and counts what is not shown. What is kept is looked at little by little, the
        newest first, a few milliseconds in each frame.
        """
        self._view.look_for(wanted, filtering=filtering)
        self.refresh_bindings()
        if self._scan_timer is not None and wanted is None:
            self._scan_timer.stop()
            self._scan_timer = None
        self._rows_changed()
        self._scan()
        self._resize_rows()
        self._show_row(self._cursor_row(clamped=False))
        self.refresh()
        if wanted is None and self.filter_field is not None:
            self.filter_field.tell()

    @property
    def filter(self) -> Filter | None:
        """What is looked for; None where nothing is."""
        return self._view.matches.filter if self._view.matches is not None else None

    @property
    def filtering(self) -> bool:
        """Whether only what was found is shown."""
        return self._view.filtering

    @property
    def found(self) -> int:
        """Messages found so far among those kept."""
        return self._view.matches.count if self._view.matches is not None else 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("end_filter", "next_found"):
            return self.filter is not None
        return self.filter_field is not None if action == "filter" else True

    def action_filter(self) -> None:
        if self.filter_field is not None:
            self.filter_field.open()

    def action_end_filter(self) -> None:
        self.look_for(None)

    def action_next_found(self, step: int) -> None:
        index = self._view.next_found(step)
        if index is not None:
            self._move_to(self._view.row_of(index))

    def _scan(self) -> bool:
        """Looks on for a moment, and again in the next frame until everything kept was looked at.

        Returns:
            Whether there is anything other to be painted.
        """
        view = self._view
        if view.matches is None:
            return False
        cursor = view.cursor
        offset = 0 if cursor is None else view.row_of(cursor) - self.scroll_offset.y
        changed = view.scan(SCAN_SECONDS)
        pending = view.pending
        if pending and self._scan_timer is None and self.is_attached:
            self._scan_timer = self.set_interval(FRAME, self._scan_on)
        elif not pending and self._scan_timer is not None:
            self._scan_timer.stop()
            self._scan_timer = None
        if changed and view.filtering and not view.following and cursor is not None:
            # Rows found above must not push away what is being read.
            self._resize_rows()
            self._scroll_by_hand(view.row_of(cursor) - offset)
        if self.filter_field is not None:
            self.filter_field.tell()
        return changed or not pending

    def _scan_on(self) -> None:
        if self._scan():
            self._resize_rows()
            self.refresh()

    def _rows_changed(self) -> None:
        """Every row is to be painted anew."""

    # Rows and scrolling

    def _resize_rows(self) -> None:
        size = Size(self.size.width, self.row_count)
        if size != self.virtual_size:
            self._own_scroll = True
            try:
                # Rows come and go within a fixed region: the layout of the screen need not be worked out again.
                self.set_reactive(Widget.virtual_size, size)
                self._scroll_update(size)
            finally:
                self._own_scroll = False
        if self.following:
            self._scroll_by_hand(self.max_scroll_y)

    def _scroll_by_hand(self, y: int) -> None:
        """Scrolls without this being taken for the user's wish to leave the newest message, or to return to it."""
        self._own_scroll = True
        try:
            self.scroll_to(y=y, animate=False, force=True)
        finally:
            self._own_scroll = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._own_scroll or round(old_value) == round(new_value):
            return
        at_end = round(new_value) >= self.max_scroll_y
        if self.following and not at_end:
            self._hold()
        elif not self.following and not self.paused and at_end and new_value > old_value:
            self.follow()

    def on_resize(self) -> None:
        self._resize_rows()

    def _move_to(self, row: int) -> None:
        self._hold()
        index = self._view.index_at(min(max(row, self._view.lead), self.row_count - 1))
        if index is not None:
            self._view.choose(index)
            self._show_row(self._view.row_of(index))
            self.refresh()

    def _show_row(self, row: int) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if row <= self._view.lead:
            # What stands above the oldest message comes into view with it.
            row = 0
        if row < top:
            self._scroll_by_hand(row)
        elif row >= top + height:
            self._scroll_by_hand(row - height + 1)

    def _cursor_row(self, *, clamped: bool = True) -> int:
        """The cursor's row, brought to the nearest one in view, since the wheel moves the view away from it."""
        index = self.cursor_index
        if index is None:
            return 0
        row, top = self._view.row_of(index), self.scroll_offset.y
        return min(max(row, top), top + max(1, self.size.height) - 1) if clamped else row

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
        self.follow()
