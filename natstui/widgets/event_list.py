"""A list of connection events: time, connection, what happened."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from natstui.event_log import EXPLANATION, EventLog, LoggedEvent, Weight
from natstui.keys import LIST_KEYS, bindings
from natstui.widgets.component_styles import ComponentStyles
from natstui.widgets.fitting import shorten, wrapped
from natstui.widgets.time_words import clock_time

MARKS = {
    Weight.QUIET: "·",
    Weight.PLAIN: "·",
    Weight.GOOD: "●",
    Weight.ASLEEP: "☾",
    Weight.WARNING: "◐",
    Weight.BAD: "✕",
}
"""What an event is like, told by shape beside its colour."""


class EventList(ComponentStyles, ScrollView, can_focus=True):
    """The events of a log that match what is asked for, each told in full, on several rows where one does not do.

    Follows the newest until it is scrolled or held still.

    Args:
        takes: which events belong here at all; default: all.
        shows_connection: whether each line says whose event it is.
    """

    COMPONENT_PREFIX = "event-list"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"event-list--{weight}" for weight in Weight),
        *(f"event-list--{weight}-text" for weight in Weight),
        *(f"event-list--{name}" for name in ("time", "connection", "empty")),
    }
    BINDINGS = bindings(*(f"event_list.{name}" for name in LIST_KEYS))

    def __init__(
        self,
        log: EventLog,
        takes: Callable[[LoggedEvent], bool] | None = None,
        *,
        shows_connection: bool = True,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._log = log
        self._takes = takes
        self._shows_connection = shows_connection
        self._shown: list[LoggedEvent] = []
        self._ends: list[int] = []
        """The row after each event shown."""
        self._room = -1
        """Cells for an event's words, for which `_ends` was worked out."""
        self._read = 0
        self._words = ""
        self._shows_pings = False
        self.follows = True
        """Whether the newest event stays in view."""

    @property
    def shown_count(self) -> int:
        """Events that match."""
        return len(self._shown)

    @property
    def words(self) -> str:
        """Each of these words, in any case of letters, must stand in an event."""
        return self._words

    @words.setter
    def words(self, words: str) -> None:
        self._words = words
        self._read_anew()

    @property
    def shows_pings(self) -> bool:
        """Whether pings and pongs are shown."""
        return self._shows_pings

    @shows_pings.setter
    def shows_pings(self, shows: bool) -> None:
        self._shows_pings = shows
        self._read_anew()

    def show_others(self, takes: Callable[[LoggedEvent], bool]) -> None:
        """Show other events of the log."""
        self._takes = takes
        self._read_anew()

    def _read_anew(self) -> None:
        self._shown.clear()
        self._ends.clear()
        self._read = 0
        self.refresh_from_log()
        self._resize_rows()
        self.refresh()

    def refresh_from_log(self) -> bool:
        """Show what the log holds now; costs nothing where nothing came. Returns whether anything did."""
        log = self._log
        if self._read == log.total or not self.is_mounted:
            return False
        fresh = min(log.total - self._read, len(log.entries))
        wanted = self._words.casefold().split()
        for entry in list(log.entries)[len(log.entries) - fresh :]:
            if self._matches(entry, wanted):
                self._shown.append(entry)
        self._read = log.total
        oldest = log.entries[0].number if log.entries else 0
        if self._shown and self._shown[0].number < oldest:
            self._shown = [entry for entry in self._shown if entry.number >= oldest]
            self._ends.clear()
        self._resize_rows()
        self.refresh()
        return True

    def _matches(self, entry: LoggedEvent, wanted: list[str]) -> bool:
        if entry.weight is Weight.QUIET and not self._shows_pings:
            return False
        if self._takes is not None and not self._takes(entry):
            return False
        text = f"{entry.connection_id} {entry.text}".casefold()
        return all(word in text for word in wanted)

    def _resize_rows(self) -> None:
        room = self.scrollable_content_region.width - self._indent
        if room != self._room:
            self._room = room
            self._ends.clear()
        for entry in self._shown[len(self._ends) :]:
            self._ends.append((self._ends[-1] if self._ends else 0) + len(self._lines(entry)))
        self.virtual_size = Size(self.size.width, self._ends[-1] if self._ends else 0)
        if self.follows:
            self.scroll_end(animate=False, force=True, immediate=True)

    @property
    def _indent(self) -> int:
        """Cells before an event's words."""
        return 27 if self._shows_connection else 13

    def _lines(self, entry: LoggedEvent) -> list[str]:
        words, room = entry.text.replace("nats://", ""), max(10, self._room)
        if not entry.explains:
            return wrapped(words, room)
        first, *rest = wrapped(words.removeprefix(EXPLANATION), room - len(EXPLANATION))
        return [f"{EXPLANATION}{first}", *(" " * len(EXPLANATION) + line for line in rest)]

    def on_mount(self) -> None:
        self.refresh_from_log()

    def on_resize(self, event: events.Resize) -> None:
        self._resize_rows()

    # Painting

    def render_line(self, y: int) -> Strip:
        width, base, row = self.scrollable_content_region.width, self.rich_style, y + self.scroll_offset.y
        if not self._shown and y == self.size.height // 2:
            words = "no event holds these words" if self._words else "nothing has happened yet"
            indent = " " * max(0, (width - len(words)) // 2)
            return (
                Strip([Segment((indent + words)[:width], self.component_style("empty"))])
                .adjust_cell_length(width, base)
                .apply_style(base)
            )
        place = bisect_right(self._ends, row)
        if row < 0 or place >= len(self._ends):
            return Strip.blank(width, base)
        entry = self._shown[place]
        line = row - (self._ends[place - 1] if place else 0)
        segments = []
        if line:
            segments.append(Segment(" " * self._indent))
        else:
            segments.append(Segment(f" {clock_time(entry.at)}  ", self.component_style("time")))
            if self._shows_connection:
                name = set_cell_size(shorten(entry.connection_id, 13), 14)
                segments.append(Segment(name, self.component_style("connection")))
            segments.append(Segment(f"{MARKS[entry.weight]} ", self.component_style(entry.weight)))
        segments.append(Segment(self._lines(entry)[line], self.component_style(f"{entry.weight}-text")))
        return Strip(segments).adjust_cell_length(width, base).apply_style(base)

    # Scrolling

    def action_toggle_follow(self) -> None:
        self.follows = not self.follows
        self._resize_rows()

    def action_move(self, rows: int) -> None:
        target = min(max(0, self.scroll_offset.y + rows), self.max_scroll_y)
        self.follows = target >= self.max_scroll_y
        self.scroll_to(y=target, animate=False, force=True)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))
