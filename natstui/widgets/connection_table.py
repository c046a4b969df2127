"""The table of all connections: one line each, as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from natstui.connection.durations import parse_duration
from natstui.keys import bindings
from natstui.stream.sanitise import sanitise
from natstui.widgets.component_styles import ComponentStyles
from natstui.widgets.fitting import shorten
from natstui.widgets.strip_text import StripView, server_words, state_word
from natstui.widgets.time_words import ago, bytes_words, count, countdown, milliseconds

Told = tuple[int, str, StripView]
"""The panel's number and kind, and its connection."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its words, its width, how a cell is told, and how long it stays where room is short."""

    title: str
    width: int
    tell: Callable[[Told], str]
    importance: int
    is_number: bool = False


def _idle(view: StripView) -> str:
    timeout = parse_duration(view.stats.idle_timeout)
    if not view.stats.is_connected:
        return "–"
    if not timeout:
        return "never"
    return "held" if view.is_held else countdown(parse_duration(view.stats.time_remaining))


COLUMNS = (
    TableColumn("#", 2, lambda told: str(told[0]), 100),
    TableColumn("panel", 10, lambda told: told[1], 95),
    TableColumn("state", 19, lambda told: "{} {}".format(*state_word(told[2])), 99),
    TableColumn("server", 22, lambda told: server_words(told[2].stats.server, 22), 90),
    TableColumn("rtt", 8, lambda told: milliseconds(told[2].stats.rtt_ms), 85, True),
    TableColumn(
        "pings", 5, lambda told: f"{told[2].stats.pings_outstanding}/{told[2].stats.max_outstanding_pings}", 88, True
    ),
    TableColumn("last in", 10, lambda told: ago(told[2].stats.last_in, told[2].now), 70, True),
    TableColumn("last out", 10, lambda told: ago(told[2].stats.last_out, told[2].now), 60, True),
    TableColumn("idle in", 8, lambda told: _idle(told[2]), 80, True),
    TableColumn("reconnects", 10, lambda told: count(told[2].stats.reconnects), 75, True),
    TableColumn("subs", 5, lambda told: count(told[2].stats.subscriptions), 50, True),
    TableColumn("in", 10, lambda told: count(told[2].stats.in_msgs), 55, True),
    TableColumn("out", 9, lambda told: count(told[2].stats.out_msgs), 54, True),
    TableColumn("bytes in", 9, lambda told: bytes_words(told[2].stats.in_bytes), 40, True),
    TableColumn("bytes out", 9, lambda told: bytes_words(told[2].stats.out_bytes), 39, True),
    TableColumn("dropped", 8, lambda told: count(told[2].stats.dropped), 52, True),
    TableColumn("last error", 24, lambda told: sanitise(told[2].stats.last_error or ""), 30),
)
SPACING = 2


class ConnectionTable(ComponentStyles, can_focus=True):
    """Connections, one of them selected with the arrow keys."""

    COMPONENT_PREFIX = "connection-table"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"connection-table--{name}"
        for name in ("title", "cell", "cursor", "good", "held", "busy", "warning", "bad", "asleep", "quiet", "empty")
    }
    BINDINGS = bindings("connection_table.up", "connection_table.down")

    @dataclass
    class Selected(Message):
        """Another connection was selected."""

        table: ConnectionTable

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told: Sequence[Told] = ()
        self.cursor = 0
        """The place of the selected connection, from 0 on."""

    def show(self, told: Sequence[Told]) -> None:
        """Show these connections."""
        if len(told) != len(self._told):
            self.styles.height = max(2, len(told) + 1)
        self._told = told
        self.cursor = min(self.cursor, max(0, len(told) - 1))
        self.refresh()

    def columns(self, width: int) -> list[TableColumn]:
        """The columns that there is room for."""
        shown = list(COLUMNS)
        for column in sorted(COLUMNS, key=lambda column: column.importance):
            if 1 + sum(one.width for one in shown) + SPACING * (len(shown) - 1) <= width:
                break
            shown.remove(column)
        return shown

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        columns = self.columns(width)
        if y == 0:
            cells = [(_cell(column.title, column), self.component_style("title")) for column in columns]
            return self._line(cells, Style(), width)
        if not self._told:
            words = " no panel, so no connection" if y == 1 else ""
            return (
                Strip([Segment(words, self.component_style("empty"))]).adjust_cell_length(width, base).apply_style(base)
            )
        if y > len(self._told):
            return Strip.blank(width, base)
        told = self._told[y - 1]
        cursor = self.component_style("cursor") if y - 1 == self.cursor else Style()
        cells = []
        for column in columns:
            name = state_word(told[2])[2] if column.title == "state" else "cell"
            cells.append((_cell(column.tell(told), column), self.component_style(name)))
        return self._line(cells, cursor, width)

    def _line(self, cells: Sequence[tuple[str, Style]], cursor: Style, width: int) -> Strip:
        segments = [Segment(" ", cursor)]
        for text, style in cells:
            segments.append(Segment(text, style + cursor))
            segments.append(Segment(" " * SPACING, cursor))
        return Strip(segments).adjust_cell_length(width, self.rich_style + cursor).apply_style(self.rich_style)

    def action_move(self, step: int) -> None:
        if self._told:
            self.cursor = min(max(0, self.cursor + step), len(self._told) - 1)
            self.refresh()
            self.post_message(self.Selected(self))

    def on_click(self, event: events.Click) -> None:
        if 0 < event.y <= len(self._told):
            self.cursor = event.y - 1
            self.action_move(0)


def _cell(text: str, column: TableColumn) -> str:
    text = shorten(text, column.width)
    if column.is_number:
        return " " * (column.width - cell_len(text)) + text
    return set_cell_size(text, column.width)
