"""How one row of the message list is painted: decoded when it comes into view, then kept until it looks different."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.selection import Selection
from textual.strip import Strip

from natstui.stream.ring import Gap, Record
from natstui.stream.sanitise import sanitise
from natstui.widgets import message_columns as columns_of
from natstui.widgets.message_columns import Column, Piece, clock_words, delta_words, distance_words, fit
from natstui.widgets.subject_palette import color_number, palette

if TYPE_CHECKING:
    from natstui.widgets.message_list import MessageList

LONGEST_SUBJECT = 64
"""Cells that the subject column grows to at most."""


MARK_SIGN = "◆"
"""Stands beside the marked message."""


class TimeShown(StrEnum):
    """What the time column shows."""

    CLOCK = "time of day"
    SINCE_BEFORE = "time since the message before"
    SINCE_MARK = "time since the marked message"


class RowPainter:
    """Paints the rows of one list and remembers them by absolute index, for one width, set of columns and style."""

    def __init__(self, message_list: MessageList, columns: tuple[Column, ...]) -> None:
        self._list = message_list
        self._columns = columns
        self._subject_cells = columns_of.SUBJECT_START
        self._placed: tuple[columns_of.Placed, ...] = ()
        self._width = -1
        self._strips: LRUCache[tuple[int, str], Strip] = LRUCache(1024)
        self._styles: dict[str, Style] = {}
        self._plain = False
        self.time_shown = TimeShown.CLOCK
        """What the time column shows."""
        self.rows_formatted = 0
        """Messages decoded and formatted so far."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns painted."""
        return self._columns

    @columns.setter
    def columns(self, columns: tuple[Column, ...]) -> None:
        self._columns = columns
        self.forget_rows()

    @property
    def plain(self) -> bool:
        """Whether payloads are painted in one colour."""
        return self._plain

    @plain.setter
    def plain(self, plain: bool) -> None:
        if plain != self._plain:
            self._plain = plain
            self._strips.clear()

    def forget_rows(self) -> None:
        """Paints every row anew from now on."""
        self._strips.clear()
        self._width = -1

    def forget_styles(self) -> None:
        """Reads every style anew from now on."""
        self._styles.clear()
        self._strips.clear()

    def shrink_subject(self) -> None:
        """Lets the subject column begin narrow again, as for a list that was emptied."""
        self._subject_cells = columns_of.SUBJECT_START
        self.forget_rows()

    def strip(self, index: int, look: str = "") -> Strip:
        """The row of the entry with that absolute index; its `look` is a style over it: cursor, selected or none."""
        width = self._list.scrollable_content_region.width
        if width != self._width:
            self._width = width
            self._placed = columns_of.place(self._columns, width, self._subject_cells)
            self._strips.clear()
        selection = self._list.text_selection
        if selection is None and (kept := self._strips.get((index, look))) is not None:
            # Where the text stands matters to a mouse only, and a mouse asks for a row that was painted before.
            return kept.apply_offsets(0, index)
        strip = self._paint(index, look, selection)
        if selection is None:
            self._strips[(index, look)] = strip
            return strip
        return strip.apply_offsets(0, index)

    def blank(self, words: str) -> Strip:
        """A row without an entry, with `words` in its middle."""
        width, base = self._list.scrollable_content_region.width, self._list.rich_style
        if not words or not width:
            return Strip.blank(width, base)
        text = sanitise(words)
        spaces = " " * max(0, (width - cell_len(text)) // 2)
        return Strip([Segment(fit(spaces + text, width), self._style("empty"))], width).apply_style(base)

    def rule(self, words: str) -> Strip:
        """A row without an entry: a rule with `words` in its middle."""
        width = self._list.scrollable_content_region.width
        text = _rule(words, width)
        return Strip([Segment(text, self._style("gap"))]).adjust_cell_length(width, self._style("space"))

    def text(self, index: int) -> str:
        """The row's text as it is shown."""
        return "".join(piece.text for piece in self._pieces(index))

    def _paint(self, index: int, look: str, selection: Selection | None) -> Strip:
        entry = self._list.source[index]
        subject = self._subject_style(entry[0]) if isinstance(entry, tuple) else Style()
        over = self._style(look) if look else None
        segments = []
        cells = 0
        for text, name in self._pieces(index):
            style = subject if name == "subject" else self._style(name)
            segments.append(Segment(text, style if over is None else style + over))
            cells += cell_len(text)
        strip = Strip(segments, cells).adjust_cell_length(self._width, self._style("space"))
        wanted = self._list.filter
        if wanted is not None and isinstance(entry, tuple):
            for span in wanted.spans(strip.text):
                strip = restyle(strip, span, self._style("match"))
        if selection is not None and (selected := selection.get_span(index)) is not None:
            strip = restyle(strip, selected, self._list.screen.get_component_rich_style("screen--selection"))
        return strip

    def _pieces(self, index: int) -> list[Piece]:
        entry = self._list.source[index]
        if isinstance(entry, Gap):
            return [Piece(_rule(entry.text, self._width), "gap")]
        self.rows_formatted += 1
        self._widen_subject(entry)
        mark = self._list.view.mark
        sign = MARK_SIGN if mark is not None and mark[0] == index else ""
        return columns_of.row(entry, self._when(index), self._placed, plain=self._plain, sign=sign)

    def _when(self, index: int) -> str:
        source = self._list.source
        at = source.time_of(index)
        mark = self._list.view.mark
        if self.time_shown is TimeShown.SINCE_MARK and mark is not None:
            return distance_words(at - mark[1]).rjust(12)
        if self.time_shown is not TimeShown.SINCE_BEFORE:
            return clock_words(at)
        before = self._list.view.walk().older(index)
        return delta_words(at - source.time_of(before)).rjust(12) if before is not None else ""

    def _widen_subject(self, record: Record) -> None:
        """Lets the subject column grow to the longest subject painted, never shrink: rows must not jump about."""
        cells = min(len(record[0]), LONGEST_SUBJECT)
        if cells <= self._subject_cells:
            return
        self._subject_cells = cells
        placed = columns_of.place(self._columns, self._width, cells)
        if placed != self._placed:
            self._placed = placed
            self._strips.clear()
            self._list.refresh()

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            base = self._list.rich_style
            style = self._styles[name] = base if name == "space" else self._component_style(name, base)
        return style

    def _component_style(self, name: str, base: Style) -> Style:
        """What a component class sets itself, over the list's style; a mark upon a row sets no more than its own."""
        component = f"message-list--{name}"
        rules, whole = self._list.get_component_styles(component), self._list.get_component_rich_style(component)
        own = rules.text_style + Style(
            color=whole.color if rules.has_rule("color") else None,
            bgcolor=whole.bgcolor if rules.has_rule("background") else None,
        )
        return own if name in ("cursor", "selected", "match") else base + own

    def _subject_style(self, subject: bytes) -> Style:
        number = color_number(subject)
        name = f"subject {number}"
        style = self._styles.get(name)
        if style is None:
            color = palette(self._list.background_colors[1])[number].rich_color
            style = self._styles[name] = self._list.rich_style + Style(color=color)
        return style


def restyle(strip: Strip, span: tuple[int, int], style: Style) -> Strip:
    """The strip with the characters from span[0] up to span[1] (−1: the end) in another style."""
    text = strip.text
    start, end = span[0], len(text) if span[1] == -1 else span[1]
    first, last = cell_len(text[:start]), cell_len(text[:end])
    chosen = strip.crop(first, last)
    changed = Strip([Segment(part, (own or Style()) + style) for part, own, _ in chosen], chosen.cell_length)
    return Strip.join([strip.crop(0, first), changed, strip.crop(last, strip.cell_length)])


def _rule(text: str, width: int) -> str:
    words = f" {sanitise(text)} "
    spare = width - cell_len(words)
    if spare < 2:
        return fit(words.strip(), width)
    return "╌" * (spare // 2) + words + "╌" * (spare - spare // 2)
