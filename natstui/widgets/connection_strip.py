"""The connection strip: two lines on every panel that show its connection breathing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip

from natstui.widgets.component_styles import ComponentStyles
from natstui.widgets.fitting import Piece
from natstui.widgets.strip_text import StripView, strip_lines


class ConnectionStrip(ComponentStyles):
    """State, server, round trip, outstanding pings, last in and out, idle countdown and reconnects of one connection.

    Fixed in size: a tick repaints two lines and lays nothing out.
    """

    COMPONENT_PREFIX = "strip"

    view: reactive[StripView | None] = reactive(None, layout=False, repaint=False)
    """What is shown; None until the panel has a connection."""

    _lines: tuple[Sequence[Piece], Sequence[Piece]] = ((), ())
    _lines_of: tuple[StripView | None, int] = (None, 0)

    words: reactive[tuple[str, str]] = reactive(("", ""), layout=False)
    """What both lines say while there is no connection."""

    def watch_view(self) -> None:
        """Paint the lines that are other than before: one, where only a time goes on."""
        before, lines = self._lines, self._lines_at(self.size.width)
        for y in (0, 1):
            if lines[y] != before[y]:
                self.refresh(Region(0, y, self.size.width, 1))

    def _lines_at(self, width: int) -> tuple[Sequence[Piece], Sequence[Piece]]:
        """Both lines, worked out once for each view and width."""
        view, (known, known_width) = self.view, self._lines_of
        if view is not known or width != known_width:
            self._lines_of = view, width
            self._lines = strip_lines(view, width) if view is not None else ((), ())
        if view is None:
            first, second = self.words
            return (Piece(first, "bad"),), (Piece(second, "label"),)
        return self._lines

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y > 1:
            return Strip.blank(width, base)
        segments = [Segment(text, self.component_style(style)) for text, style in self._lines_at(width)[y]]
        return Strip(segments).adjust_cell_length(width).apply_style(base)

    @property
    def text(self) -> tuple[str, str]:
        """The two lines as they are shown, without styles."""
        if self.view is None:
            return self.words
        first, second = strip_lines(self.view, self.content_size.width)
        return "".join(piece.text for piece in first), "".join(piece.text for piece in second)
