"""The connection strip: two lines on every panel that show its connection breathing."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip

from natstui.widgets.component_styles import ComponentStyles
from natstui.widgets.strip_text import StripView, strip_lines


class ConnectionStrip(ComponentStyles):
    """State, server, round trip, outstanding pings, last in and out, idle countdown and reconnects of one connection.

    Fixed in size: a tick repaints two lines and lays nothing out.
    """

    COMPONENT_PREFIX = "strip"
    STYLES: ClassVar[tuple[str, ...]] = (
        *("label", "value", "good", "busy", "warning", "bad", "asleep", "held", "quiet"),
        *("cause", "pips", "bar", "bar-near", "bar-spent"),
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"strip--{name}" for name in STYLES}

    view: reactive[StripView | None] = reactive(None, layout=False)
    """What is shown; None until the panel has a connection."""

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if self.view is None or y > 1:
            return Strip.blank(width, base)
        line = strip_lines(self.view, width)[y]
        segments = [Segment(text, self.component_style(style)) for text, style in line]
        return Strip(segments).adjust_cell_length(width).apply_style(base)

    @property
    def text(self) -> tuple[str, str]:
        """The two lines as they are shown, without styles."""
        if self.view is None:
            return "", ""
        first, second = strip_lines(self.view, self.content_size.width)
        return "".join(piece.text for piece in first), "".join(piece.text for piece in second)
